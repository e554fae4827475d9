"""The reference replication of both papers: a table of contents. Stages are in workflow/rules, one verb a rule."""

import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
WORKFLOW = ROOT / "workflow"
sys.path.insert(0, str(ROOT / "src"))  # the light modules only: standard library, yaml, jsonschema
# `python` in shell commands is the one that runs Snakemake; a conda environment still goes before it
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

from entropyreg.cli.snakefile import begin
from entropyreg.config.paths import Paths
from entropyreg.io.errors import UserError

try:
    config, EXPERIMENTS, DECLARED, READ_BY_CLAIMS = begin(ROOT, workflow.config_settings)
except UserError as error:
    raise WorkflowError(str(error)) from None
PATHS = Paths.of(config)


wildcard_constraints:
    source="[a-z0-9_]+/[A-Za-z0-9_.-]+",
    task="[a-z0-9_]+",
    image_task="[a-z0-9_]+",
    split="valid|test",
    artefact="[ab]_(table|figure)_[a-z0-9_]+",
    run="[a-z0-9_]+/[a-z0-9_]+/[A-Za-z0-9._-]+/seed[0-9]+",
    image_run="[a-z0-9_]+/[a-z0-9_]+/[A-Za-z0-9._-]+",
    series="[a-z0-9_]+",
    pretrained="[a-z0-9.]+",
    trial="trial[0-9]+|winner",


# On a cluster these run where Snakemake runs, as all local rules do: seconds each.
localrules:
    all,
    paper_a,
    paper_b,


rule all:
    default_target: True
    input:
        lambda wildcards: [path for name in EXPERIMENTS.artefacts for path in PATHS.rendered(name)],
        PATHS.ledger(),
        PATHS.report(),


rule paper_a:
    input:
        lambda wildcards: [path for name in EXPERIMENTS.artefacts if name[0] == "a" for path in PATHS.rendered(name)],


rule paper_b:
    input:
        lambda wildcards: [path for name in EXPERIMENTS.artefacts if name[0] == "b" for path in PATHS.rendered(name)],


include: "workflow/rules/common.smk"
include: "workflow/rules/common_images.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/translation.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/measures.smk"
include: "workflow/rules/artefacts.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/forecast.smk"
include: "workflow/rules/adoption.smk"
