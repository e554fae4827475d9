"""`snakemake --cores all --use-conda`: every environment of envs/ is made, and rules run inside with locked versions.

With a real `conda` on PATH these tests run with it and its own channels. Without one a TEST DOUBLE of the command takes
its place (`conda_test_double.py`, on py-rattler), which solves and installs from a channel on this disk
(`local_channel.py`: `python` and `pip`); conda-forge itself is not reached then. pip's part is real in both.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from local_channel import build_channels

pytestmark = [pytest.mark.slow, pytest.mark.long]
HERE = Path(__file__).parent
IMPORTS = {"train": "torch, fairseq, accelerate", "analysis": "matplotlib.pyplot, pandas", "workflow": "snakemake"}
PROBE = """
import importlib.metadata, json, re, sys
import entropyreg
installed = {re.sub("[-_.]+", "-", one.name).lower(): one.version for one in importlib.metadata.distributions()}
print(json.dumps({"file": entropyreg.__file__, "prefix": sys.prefix, "versions": installed}))
"""
SNAKEFILE = """
rule all:
    input: expand("probe/{name}.json", name=IMPORTS)
rule probe:
    output: "probe/{name}.json"
    conda: "envs/{name}.yaml"
    params: imports=lambda wildcards: IMPORTS[wildcards.name]
    shell: "python -c 'import {params.imports}' && python probe.py > {output}"
"""
RUN = "results/smoke/runs/smoke_de_en/transformer/none/seed1"


@pytest.fixture(scope="module")
def checkout(root, tmp_path_factory):
    """A copy of the repository's own files: installing it into an environment writes there, not here."""
    folder = tmp_path_factory.mktemp("conda") / "checkout"
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (root / name).is_file() and not name.startswith(("results/", "benchmarks/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def environment(root, checkout):
    """The environment variables in which Snakemake finds conda, or its test double."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["PIP_NO_COMPILE"] = "1"  # half of an installation's time; Python compiles what it imports
    if shutil.which("conda"):
        return variables
    double = checkout.parent / "conda_test_double"
    subprocess.run([sys.executable, "-m", "venv", str(double)], check=True)
    install = [double / "bin" / "python", "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    lock = root / "requirements" / "conda-test.lock"
    subprocess.run([*install, "--require-hashes", "--no-deps", "-r", lock], check=True)
    script = f'#!/bin/sh\nexec "{double}/bin/python" "{HERE / "conda_test_double.py"}" "$@"\n'
    (double / "bin" / "conda").write_text(script)
    (double / "bin" / "conda").chmod(0o755)
    # What Snakemake sources before each command, in place of conda's
    (double / "bin" / "activate").write_text('export CONDA_PREFIX="$1"\nexport PATH="$1/bin:$PATH"\n')
    build_channels(checkout.parent / "channels", next((double / "lib").glob("python3.*/site-packages")))
    return variables | {
        "PATH": f"{double / 'bin'}:{variables['PATH']}",
        "CONDA_TEST_DOUBLE_PREFIX": str(double),
        "CONDA_TEST_DOUBLE_ALIAS": (checkout.parent / "channels").as_uri() + "/",
        "CONDA_TEST_DOUBLE_CACHE": str(checkout.parent / "cache"),
    }


def use_conda(checkout, environment, *arguments):
    """`snakemake --cores all --use-conda` in the checkout; environments beside it, shared by the tests."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--use-conda"]
    command += ["--conda-prefix", str(checkout.parent / "environments"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=checkout, timeout=3600)
    assert done.returncode == 0, done.stderr[-5000:]
    return done


@pytest.fixture(scope="module")
def probes(checkout, environment):
    """{name of an environment: the report of a rule that ran inside}"""
    (checkout / "probe.py").write_text(PROBE)
    (checkout / "probe.smk").write_text(f"IMPORTS = {IMPORTS!r}\n{SNAKEFILE}")
    use_conda(checkout, environment, "--snakefile", "probe.smk")
    return {name: json.loads((checkout / "probe" / f"{name}.json").read_text()) for name in IMPORTS}


def pins(path):
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\]+)", path.read_text(), re.MULTILINE))


def test_every_environment_is_probed(root):
    assert {path.stem for path in (root / "envs").glob("*.yaml")} == set(IMPORTS)


@pytest.mark.parametrize("name", IMPORTS)
def test_a_rule_in_an_environment_finds_this_package_and_the_locked_versions(checkout, probes, name):
    found = probes[name]
    print(f"{name}: {found['file']}, {len(found['versions'])} distributions")
    assert Path(found["prefix"]).parent == checkout.parent / "environments"
    assert Path(found["file"]) == checkout / "src" / "entropyreg" / "__init__.py"
    locked = pins(checkout / "requirements" / "pipeline.lock") | {"torch": "2.13.0"}
    versions = {package: version.partition("+")[0] for package, version in found["versions"].items()}
    assert {package: versions[package] for package in versions if package in locked} == {
        package: locked[package] for package in versions if package in locked
    }
    # besides: the tools of the environment itself, and what a CUDA build of torch brings
    others = {package for package in versions if package not in locked}
    assert {one for one in others if not one.startswith(("nvidia-", "cuda-", "triton"))} <= {
        "entropyreg",
        "pip",
        "wheel",
    }
    declared = yaml.safe_load((checkout / "envs" / f"{name}.yaml").read_text())["dependencies"][2]["pip"]
    assert {pin.split("==")[0] for pin in declared} <= versions.keys()
    assert ("torch" in versions) is ("ve-fairseq" in versions) is (name == "train")


def test_the_pipeline_trains_predicts_and_measures_in_its_environments(checkout, environment, probes):
    use_conda(checkout, environment, "--config", "scale=smoke", "--", f"{RUN}/run.json", "forecast")
    made = [path for path in (checkout.parent / "environments").iterdir() if path.is_dir()]
    assert len(made) == len(IMPORTS)  # those of the probe: none was made anew
    assert json.loads((checkout / RUN / "run.json").read_text())["run"] == RUN.partition("runs/")[2]
    training = json.loads((checkout / RUN / "training.provenance.json").read_text())
    assert training["torch"] == probes["train"]["versions"]["torch"]
    assert "smoke" in (checkout / "results/smoke/logs/forecast.log").read_text()
