"""Packages that an environment's rules import are pinned in it: other packages that are installed here are hidden.

`tests/workflow/test_conda.py` makes the environments and runs rules inside, in many minutes; this takes seconds.
"""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

HIDDEN = """
import importlib, importlib.metadata, json, pkgutil, re, sys
allowed, packages = json.loads(sys.argv[1]), json.loads(sys.argv[2])
distributions = importlib.metadata.packages_distributions()

class Hide:
    def find_spec(self, name, path=None, target=None):
        owners = {re.sub("[-_.]+", "-", one).lower() for one in distributions.get(name.partition(".")[0], [])}
        if owners and not owners & set(allowed):
            raise ModuleNotFoundError(f"no pin of {' or '.join(sorted(owners))}, which has {name}", name=name)

sys.meta_path.insert(0, Hide())
for package in packages:
    module = importlib.import_module(package)
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not found.ispkg:
            importlib.import_module(f"{package}.{found.name}")
"""
COMMAND = "import runpy; sys.argv = ['entropyreg', *sys.argv[3:]]; runpy.run_module('entropyreg', run_name='__main__')"
ANALYSIS = ["measures", "measuring", "comparing", "comparing.claims", "comparing.claims.statistics", "search"]
ANALYSIS += ["rendering", "rendering.tables", "rendering.figures", "rendering.report"]
TRAINING = ["data", "images", "images.data", "images.models", "translation", "io.trained_weights", "forecast"]


def installed_in(root, name):
    """The distributions of an environment: its pins, and what its script installs alone."""
    declared = yaml.safe_load((root / "envs" / f"{name}.yaml").read_text())["dependencies"][2]["pip"]
    script = (root / "envs" / f"{name}.post-deploy.sh").read_text()
    alone = re.findall(r"keep = /\^\(([a-z|-]+)\)==/", script)
    return (
        [pin.split("==")[0] for pin in declared] + [one for group in alone for one in group.split("|")] + ["entropyreg"]
    )


def run(root, name, packages, *command):
    code = HIDDEN + (COMMAND if command else "")
    packages = [f"entropyreg.{package}" for package in packages] + ["entropyreg.cli.stages"]
    arguments = [json.dumps(installed_in(root, name)), json.dumps(packages), *command]
    environment = os.environ | {"MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=root, timeout=300
    )


def test_analysis_has_what_it_imports_and_nothing_of_it_needs_torch(root):
    done = run(root, "analysis", ANALYSIS, "--help")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_training_has_what_it_imports(root):
    done = run(root, "train", TRAINING, "--help")
    assert done.returncode == 0, done.stderr[-2000:]


def test_without_torch_a_forecast_is_refused_in_words(root):
    done = run(root, "workflow", [], "forecast", "--scale", "smoke")
    assert done.returncode == 2 and "with torch, which is not installed here: use the environment" in done.stderr


def test_packages_that_are_not_pinned_are_hidden(root):
    done = run(root, "analysis", ["images"])
    assert done.returncode == 1 and "no pin of torch, which has torch" in done.stderr


NOT_IN_THE_LOCK = {  # import: why the pipeline works without it in its lock
    "torch": "installed apart from the lock, by tools/make_venv.sh",
    "triton": "requirements/triton.lock; comes with torch for CUDA",
    "ctranslate2": "requirements/ctranslate.lock; for benchmarks",
    "entropyreg": "this package",
    "embedded_builder": "a folder of tools/",
    "entropyreg_fairseq": "fairseq's plug-in, of this package",
}


def imported(folder):
    """{top-level package: a file that imports it}, anywhere in the code below a folder."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.partition(".")[0]: path for name in names}
    return found


def locked(root):
    """The names of the distributions in the pipeline's lock."""
    text = (root / "requirements" / "pipeline.lock").read_text()
    return {re.sub("[-_.]+", "-", one).lower() for one in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def folders(root):
    """Our code, the tools of a user, and Snakemake's report, whose needs Snakemake does not declare."""
    snakemake = Path(importlib.util.find_spec("snakemake").origin).parent
    return [root / "src", root / "tools", snakemake / "report"]


def test_everything_that_the_pipeline_imports_is_in_its_lock(root):
    owners, pins = packages_distributions(), locked(root)
    for folder in folders(root):
        for name, path in imported(folder).items():
            own = {re.sub("[-_.]+", "-", one).lower() for one in owners.get(name, [])}
            known = name in sys.stdlib_module_names or name in NOT_IN_THE_LOCK or own & pins
            assert known, f"{path} imports {name}, which requirements/pipeline.lock does not have"
    assert "pygments" in imported(folders(root)[-1])
