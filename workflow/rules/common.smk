"""Functions of the rules: settings as one quoted argument, the code that a job depends on, inputs."""

import json
import shlex

from entropyreg import predicted_files
from entropyreg import settings as narrow
from entropyreg.code_identity import code_digest
from entropyreg.translation.pretrained import ARCHIVES as PRETRAINED
from entropyreg.data.corpora import needed_sources
from entropyreg.data.local import names_of, present_files
from entropyreg.data.sources import local_path
from entropyreg.run_folder import failure_files


def job(stage, settings):
    """The command of a stage up to its files: equal settings and equal code give equal text, so Snakemake sees changes.

    The code is the digest of what these settings need of it; a job that runs from another tree refuses.
    """
    options = ["--code", code_digest(stage, settings), "--settings", json.dumps(settings, sort_keys=True)]
    return shlex.join(["python", "-m", "entropyreg", stage, *options])


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
    """The files that a task's corpus is read from, so that a changed corpus is prepared anew."""
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


def preparation(stage):
    """The command of a stage of preparing a task."""
    return lambda wildcards: job(stage, narrow.preparation_settings(config, wildcards.task))


def data_dir_argument(wildcards):
    """The user's folder, only for a task that reads from it: setting data_dir reruns nothing else."""
    task, folder = config["tasks"][wildcards.task], config["data_dir"]
    is_read = task["source"]["kind"] == "parallel" or any(local_path(name, folder) for name in needed_sources(task))
    return "" if folder is None or not is_read else f"--data-dir {shlex.quote(folder)}"


def predictions(run, *stages):
    """What predicting stages made of a run, and its sums."""
    folder = f"{PATHS.run_dir(run.id)}/{predicted_files.FOLDER}"
    names = [[*predicted_files.files_of(one), predicted_files.sums_of(one)] for one in stages]
    return [f"{folder}/{name}" for own in names for name in own]


def predictions_of(wildcards):
    """All that is measured of a run."""
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


def records_of(wildcards):
    """The records of an artefact's own runs; with partial=true none is asked for, so nothing is trained."""
    if config["partial"]:
        return []
    return [PATHS.record(run) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]


def present_records(wildcards):
    """With partial=true: the records and failures that exist and their state, so that a new one redraws the artefact."""
    if not config["partial"]:
        return ""
    folders = [Path(PATHS.run_dir(run)) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]
    found = [path for folder in folders for path in (folder / "record.json", *failure_files(folder)) if path.exists()]
    return " ".join(f"{path}@{path.stat().st_mtime_ns}" for path in found)


def for_report(name):
    """The files of an artefact for `snakemake --report`: filed by paper and kind, each with its title and format."""
    kind = EXPERIMENTS.artefacts[name].kind
    about = {"caption": f"../report/{name}.rst", "category": f"Paper {name[0].upper()}", "subcategory": f"{kind}s"}
    titles = {kind: EXPERIMENTS.artefacts[name].title}
    return [report(path, labels={**titles, "format": Path(path).suffix[1:]}, **about) for path in PATHS.rendered(name)]
