"""Functions of the rules: settings as one quoted argument, the modules that a stage depends on, inputs."""

import json
import shlex

from entropyreg import settings as narrow


def as_json(settings):
    """Settings as one shell-quotable argument; equal settings give equal text, so Snakemake sees what changed."""
    return json.dumps(settings, sort_keys=True)


def modules(*patterns):
    """Modules of the package that a stage depends on: editing one reruns the stage."""
    package = ROOT / "src" / "entropyreg"
    return sorted(str(path) for pattern in patterns for path in package.glob(pattern))


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
