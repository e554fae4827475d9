"""Start Snakemake in a folder of the test's own, so that the repository's results are never touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_snakemake(folder: Path, *arguments: str, cores: str = "2", **environment: str) -> subprocess.CompletedProcess:
    """`snakemake` on the repository's Snakefile with `folder` as working directory; output is text."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", cores, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=3600, cwd=ROOT)


@pytest.fixture(scope="session")
def snakemake():
    """The function `run_snakemake`."""
    return run_snakemake


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Path:
    """A folder in which the whole smoke DAG ran."""
    folder = tmp_path_factory.mktemp("smoke")
    done = run_snakemake(folder, "--config", "scale=smoke")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder
