"""The start of the Snakefile: what is declared, checked before anything is planned, and what Snakemake does otherwise.

Light modules only: standard library, yaml, jsonschema.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.cli import failed_jobs
from entropyreg.cli.stopping import stop_snakemake_in_one_line
from entropyreg.comparing.claims.declaration import load_claims, tables_read
from entropyreg.comparing.claims.digest import content_digest
from entropyreg.config.overrides import given_config
from entropyreg.experiments import Experiments, load_experiments
from entropyreg.provenance.code_identity import PLANNED_IN


def begin(root: Path, given: Any) -> tuple[Mapping[str, Any], Experiments, str, list[str]]:
    """The configuration, the experiments, the digest of the claims and the tables that they read, of `root`.

    `given` are Snakemake's settings of `--config` and `--configfile`. Raises `UserError` for bad declarations.
    """
    failed_jobs.shorten()
    stop_snakemake_in_one_line()
    os.environ[PLANNED_IN] = str(root)  # for what a job says that runs from another tree
    workflow = root / "workflow"
    config = given_config(workflow, given)
    claims = load_claims(workflow / "experiments" / "claims.yaml")
    return config, load_experiments(workflow, config), content_digest(claims), tables_read(claims)
