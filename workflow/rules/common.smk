"""Functions of the rules: settings as one quoted argument, the code that a job depends on, inputs."""

import json
import shlex

from entropyreg.config import settings as narrow
from entropyreg.config.stages import declarations_of, plan_of
from entropyreg.data.corpora import needed_sources
from entropyreg.data.local import names_of, present_files
from entropyreg.data.sources import local_path
from entropyreg.io import predicted_files
from entropyreg.io.run_folder import failure_files
from entropyreg.provenance import origins
from entropyreg.provenance.code_identity import BY_NAME
from entropyreg.provenance.origins import origin_path
from entropyreg.reference.adopting import NONE_ADOPTED, adoption_of
from entropyreg.rendering.report.settings import report_settings
from entropyreg.translation.pretrained import ARCHIVES as PRETRAINED

# The claims are an input of nothing. A record keeps the digest of what they declare, and the settings of the ledger
# hold that of the whole file, so that its comments plan nothing.
CLAIMS = os.path.relpath(WORKFLOW / "experiments" / "claims.yaml")
SETTINGS = {  # stage: what a job depends on besides its files and code, by its wildcards
    **declarations_of(config, EXPERIMENTS),
    "judge": lambda: {"claims": DECLARED, "scale": config["scale"], "scale_note": config["scale_note"]},
    "report": lambda: report_settings(config, EXPERIMENTS),
    "forecast": lambda: config,
    "adopt": lambda: {"runs": list(ADOPTION.runs)},
}


def planned(stage, of):
    """The declaration of a job, and the digest of the code that it needs."""
    return plan_of(SETTINGS, stage, of)


try:
    ADOPTION = (
        adoption_of(Path(os.path.relpath(ROOT)), config, EXPERIMENTS, planned) if config["adopt"] else NONE_ADOPTED
    )
except UserError as error:
    raise WorkflowError(str(error)) from None


def adopted_list(wildcards=None):
    """The list of the adopted runs, an input of all that reads records; with adopt=false none."""
    return [PATHS.adopted()] if config["adopt"] else []


def adopted_option(wildcards=None):
    return f"--adopted {shlex.quote(PATHS.adopted())}" if config["adopt"] else ""


def own_runs(runs):
    """Those of some runs that are not adopted."""
    return [run for run in runs if run not in ADOPTION.runs]


def job(stage, **fixed):
    """The command of a stage up to its files: equal settings and equal code give equal text, so Snakemake sees changes.

    A job that runs from another tree refuses, and so does one whose inputs other code made. `fixed` is what the rule
    says in place of wildcards.
    """

    def command(wildcards):
        of = {**dict(wildcards.items()), **fixed}
        declared, code = planned(stage, of)
        name = [declared[BY_NAME[stage]]] if stage in BY_NAME else []
        settings = [] if stage in BY_NAME else ["--settings", json.dumps(declared, sort_keys=True)]
        about = ["--code", code, "--of", json.dumps(of, sort_keys=True), "--root", PATHS.results]
        return shlex.join(["python", "-m", "entropyreg", stage, *name, *about, *settings])

    return command


def source_link(name):
    """The link to a download of data/sources.yaml, which a rule makes."""
    link = Path(PATHS.source(name))
    if link.is_symlink() and not link.exists():  # the download was deleted: Snakemake stops at a link to nothing
        link.unlink()
    return str(link)


def source_file(name):
    """Where a file of data/sources.yaml is read: in data_dir, else a link to the download."""
    link = source_link(name)
    return str(local_path(name, config["data_dir"]) or link)


def corpus_files(wildcards):
    """The files that a task's corpus is read from, so that a changed corpus is prepared again."""
    task = config["tasks"][wildcards.task]
    source, files = task["source"], [source_file(name) for name in needed_sources(task)]
    if source["kind"] == "embedded":
        folder = os.path.relpath(ROOT / "src" / "entropyreg" / "data" / "embedded")
        files += [f"{folder}/{source['name']}.tsv.xz", f"{folder}/SHA256SUMS"]
    if source["kind"] == "parallel" and config["data_dir"] is not None:  # preparing tells what is missing
        folder = Path(config["data_dir"]) / source["folder"]
        files += map(str, present_files(folder, names_of(task["languages"].values())).values())
    return files


def download_options():
    options = ["--offline"] if config["offline"] else []
    return " ".join(
        options + (["--data-dir", shlex.quote(config["data_dir"])] if config["data_dir"] is not None else [])
    )


def run_of(wildcards):
    """The declared run of a path; a path of no declared run is refused in plain words."""
    if wildcards.run not in EXPERIMENTS.runs:
        raise WorkflowError(f"scale '{config['scale']}' declares no run '{wildcards.run}'.")
    return EXPERIMENTS.runs[wildcards.run]


def data_dir_argument(wildcards):
    """The user's folder, only for a task that reads from it: setting data_dir reruns nothing else."""
    task, folder = config["tasks"][wildcards.task], config["data_dir"]
    is_read = task["source"]["kind"] == "parallel" or any(local_path(name, folder) for name in needed_sources(task))
    return "" if folder is None or not is_read else f"--data-dir {shlex.quote(folder)}"


def predictions(run, *stages):
    """The predictions for a run, and their checksums."""
    folder = f"{PATHS.run_dir(run.id)}/{predicted_files.FOLDER}"
    names = [[*predicted_files.files_of(one), predicted_files.sums_of(one)] for one in stages]
    return [f"{folder}/{name}" for own in names for name in own]


def predictions_of(wildcards):
    """The measurements of a run."""
    run = run_of(wildcards)
    beams, temperatures = ["valid.beams"] if run.beam_sizes else [], run.temperature_splits
    return predictions(run, *run.splits, *beams, *(f"{split}.temperatures" for split in temperatures))


def texts_of(wildcards):
    """The prepared text that a run is measured against; at temperatures its subwords, too."""
    run = run_of(wildcards)
    folders = [PATHS.text_dir(run.task)] + ([PATHS.subwords_dir(run.task)] if run.temperatures else [])
    return [f"{folder}/summary.json" for folder in folders]


def proposal_of(wildcards):
    """The proposal that a run's regularizer comes from, for one that has any."""
    name = run_of(wildcards).regularizer.proposal
    return [PATHS.proposal(name)] if name else []


def pretrained_of(wildcards):
    """The weights that a run's model is fine-tuned from, for one that is."""
    name = config["models"][run_of(wildcards).model].get("pretrained")
    return [PATHS.pretrained(name)] if name else []


def further_files(wildcards):
    """Options of training for the files that only some runs have."""
    files = {"--proposal": proposal_of(wildcards), "--pretrained": pretrained_of(wildcards)}
    return " ".join(f"{option} {shlex.quote(path)}" for option, paths in files.items() for path in paths)


def proposal_by(wildcards):
    """The declared proposal of a path; a path of none is refused in plain words."""
    name = f"{wildcards.series}/{wildcards.trial}"
    if name not in EXPERIMENTS.proposals:
        raise WorkflowError(f"scale '{config['scale']}' declares no proposal '{name}'.")
    return EXPERIMENTS.proposals[name]


def scores_read(wildcards):
    """The scores that a proposal follows from: those of its runs, the committed ones of adopted runs."""
    runs = proposal_by(wildcards).run_ids
    own = [PATHS.scores(run) for run in runs if run not in ADOPTION.scores]
    return own + (adopted_list() if len(own) < len(runs) else [])


def scores_option(wildcards):
    return adopted_option() if set(adopted_list()) & set(scores_read(wildcards)) else ""


def measured(run):
    """The files that measuring makes of a run that a collected table is made from."""
    return [PATHS.record(run), PATHS.measures(run), PATHS.projection(run), PATHS.blocks(run)]


def records_of(wildcards):
    """The records of an artefact's own runs, but for adopted ones; with partial=true none, so nothing is trained."""
    if config["partial"]:
        return []
    return [path for run in own_runs(EXPERIMENTS.artefacts[wildcards.artefact].run_ids) for path in measured(run)]


def present_records(wildcards):
    """With partial=true: the existing records, which the workflow does not make."""
    if not config["partial"]:
        return []
    own = own_runs(EXPERIMENTS.artefacts[wildcards.artefact].run_ids)
    return [path for run in own for path in measured(run) if Path(path).exists()]


def present_state(wildcards):
    """With partial=true: the dates of existing records and failures, so that a new one redraws the artefact."""
    if not config["partial"]:
        return ""
    folders = [Path(PATHS.run_dir(run)) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]
    failed = [path for folder in folders for path in failure_files(folder)]
    found = [*map(Path, present_records(wildcards)), *failed]
    return " ".join(f"{path}@{path.stat().st_mtime_ns}" for path in found)


def is_output(path):
    """Whether a path is an output of a job that leaves an origin."""
    return any(
        output.match(path)
        for rule in workflow.rules
        if any(f"/{origins.FOLDER}/" in output for output in rule.output)
        for output in rule.output
    )


def absent(name):
    """Report, as the input of an artefact with nothing to show at this scale, the reason."""

    def refuse(wildcards):
        scales = ", ".join(EXPERIMENTS.elsewhere[name]) or "no other scale"
        raise WorkflowError(f"'{name}' has no tasks at scale '{config['scale']}'; it has some at {scales}.")

    return refuse


def for_report(name):
    """The files of an artefact for `snakemake --report`: filed by paper and kind, each with its title and format."""
    kind = EXPERIMENTS.artefacts[name].kind
    about = {"caption": f"../report/{name}.rst", "category": f"Paper {name[0].upper()}", "subcategory": f"{kind}s"}
    titles = {kind: EXPERIMENTS.artefacts[name].title}
    return [report(path, labels={**titles, "format": Path(path).suffix[1:]}, **about) for path in PATHS.rendered(name)]
