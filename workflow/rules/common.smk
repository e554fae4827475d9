"""Functions of the rules: settings as one quoted argument, the modules that a stage depends on, inputs."""

import json
import shlex

from entropyreg import settings as narrow


def as_json(settings):
    """Settings as one shell-quotable argument; equal settings give equal text, so Snakemake sees what changed."""
    return json.dumps(settings, sort_keys=True)


# What a training's outcome depends on: the objective and what drives fairseq (not the statistics, not the predictor)
OBJECTIVE = [
    *("regularizers/arguments.py", "regularizers/autograd.py", "regularizers/baselines.py", "regularizers/composed.py"),
    *("regularizers/divergence.py", "regularizers/functional.py", "regularizers/rows.py", "regularizers/sweep.py"),
    *("regularizers/kernels.py", "regularizers/native.py", "regularizers/_native/*", "regularizers/triton_kernel.py"),
]
TRAINING = [
    *("translation/training.py", "translation/progress.py", "translation/command.py", "translation/checkpoints.py"),
    "translation/user_dir/*/*.py",
]
PREPARATION = [
    *("data/cleaning.py", "data/corpora.py", "data/embedded.py", "data/local.py", "data/multi30k.yaml"),
    *("data/parallel_text.py", "data/preparation.py", "data/split.py", "data/task.py", "data/tokenization.py"),
]
MEASURES = ["measures/*.py", "results/records.py", "data/detokenization.py", "data/subwords.py"]
COLLECTED = ["tables/collected.py", "tables/formats.py"]
RENDERING = {
    "table": [
        *COLLECTED,
        "tables/__init__.py",
        "tables/aggregate.py",
        "results/published.py",
        "results/published/*.yaml",
    ],
    "figure": [*COLLECTED, "figures/__init__.py", "figures/style.py", "figures/saving.py", "figures/labels.py"],
}


def modules(*patterns):
    """Modules of the package that a stage depends on (editing one reruns it), relative: the checkout may move."""
    package = ROOT / "src" / "entropyreg"
    return sorted(os.path.relpath(path) for pattern in patterns for path in package.glob(pattern))


def corpus_files(wildcards):
    """The files that a task's corpus is read from, so that a changed corpus is prepared anew."""
    source = config["tasks"][wildcards.task]["source"]
    if source["kind"] == "embedded":
        return modules(f"data/embedded/{source['name']}.tsv.xz", "data/embedded/SHA256SUMS")
    if config["data_dir"] is None:  # preparing tells what is missing
        return []
    folder = Path(config["data_dir"]) / source.get("folder", source["kind"])
    return sorted(str(path) for path in folder.glob("*") if path.is_file())


def run_of(wildcards):
    """The declared run of a path; a path of no declared run is refused in plain words."""
    if wildcards.run not in EXPERIMENTS.runs:
        raise WorkflowError(f"scale '{config['scale']}' declares no run '{wildcards.run}'.")
    return EXPERIMENTS.runs[wildcards.run]


def preparation(wildcards):
    return as_json(narrow.preparation_settings(config, wildcards.task))


def data_dir_argument(wildcards):
    """The user's folder, only for a task that reads from it: setting data_dir reruns nothing else."""
    if config["tasks"][wildcards.task]["source"]["kind"] == "embedded" or config["data_dir"] is None:
        return ""
    return f"--data-dir {shlex.quote(config['data_dir'])}"


def predictions_of(wildcards):
    run = run_of(wildcards)
    folder = f"{PATHS.run_dir(run.id)}/predictions"
    return [f"{folder}/{split}.{part}" for split in run.splits for part in ("tokens.npz", "hypotheses.tsv")]


def records_of(wildcards):
    """The records of an artefact's own runs; with partial=true none is asked for, so nothing is trained."""
    if config["partial"]:
        return []
    return [PATHS.record(run) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]


def present_records(wildcards):
    """With partial=true: the records that exist and their state, so that a new one redraws the artefact."""
    if not config["partial"]:
        return ""
    records = [Path(PATHS.record(run)) for run in EXPERIMENTS.artefacts[wildcards.artefact].run_ids]
    return " ".join(f"{path}@{path.stat().st_mtime_ns}" for path in records if path.exists())
