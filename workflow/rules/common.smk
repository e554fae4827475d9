"""What every rule file uses: settings as one quoted argument, and the modules that a stage depends on."""

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
