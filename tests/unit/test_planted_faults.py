"""Tests of the tests: each fault of tests/planted_faults.yaml, planted in a copy of the source, is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FAULTS = yaml.safe_load((Path(__file__).parents[1] / "planted_faults.yaml").read_text())
FAILED = 1  # exit status of pytest when it ran, and a test failed


def test_every_fault_can_be_planted(root):
    assert len({(one["file"], one["old"]) for one in FAULTS}) == len(FAULTS) >= 40
    for one in FAULTS:
        source = (root / "src" / "entropyreg" / one["file"]).read_text()
        assert source.count(one["old"]) == 1 and one["new"] not in (one["old"], ""), one["fault"]
        assert all((root / "tests" / "unit" / name).is_file() for name in one["tests"]), one["fault"]


@pytest.fixture(scope="module")
def copied(root, tmp_path_factory):
    """A copy of the checkout with what tests read."""
    folder = tmp_path_factory.mktemp("planted") / "checkout"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0")[:-1]:
        if (root / name).is_file() and not name.startswith("results/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, folder / name)
    return folder


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one["fault"])
def test_planted_fault_is_found(copied, fault):
    path = copied / "src" / "entropyreg" / fault["file"]
    whole = path.read_text()
    tests = [str(copied / "tests" / "unit" / name) for name in fault["tests"]]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow and not long", "-p", "no:cacheprovider"]
    env = os.environ | {"PYTHONPATH": str(copied / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    path.write_text(whole.replace(fault["old"], fault["new"]))
    try:
        done = subprocess.run([*command, *tests], cwd=copied, env=env, capture_output=True, text=True, timeout=900)
    finally:
        path.write_text(whole)
    assert done.returncode == FAILED, done.stdout[-2000:] + done.stderr[-2000:]
