"""A change of code that leaves every bit as it was is proved, and what was begun before it goes on."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from made_runs import DIGITS, NONE
from test_rerun_economy import PARTS

pytestmark = pytest.mark.slow
DIGEST = """
import json, sys
from pathlib import Path
from entropyreg.config.loading import load_config
from entropyreg.config.stages import declarations_of, plan_of
from entropyreg.experiments import load_experiments
config = load_config(Path("workflow"), {"scale": "smoke"})
of = declarations_of(config, load_experiments(Path("workflow"), config))
print(json.dumps([plan_of(of, stage, {name: run})[1] for stage, name, run in json.loads(sys.argv[1])]))
"""
JOBS = [("train", "run", NONE), ("measure", "run", NONE), ("train-images", "image_run", DIGITS)]


def run(tree, *arguments):
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=3600
    )


def digests(tree):
    done = run(tree, "-c", DIGEST, json.dumps(JOBS))
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture
def changed(root, tmp_path):
    """A copy of the checkout in which modules of training and of measuring have a line more."""
    for part in (*PARTS, "tools"):
        (shutil.copytree if (root / part).is_dir() else shutil.copy2)(root / part, tmp_path / part)
    for name in ("regularizers/divergence.py", "measures/sparsity.py"):
        path = tmp_path / "src" / "entropyreg" / name
        path.write_text(path.read_text() + "\nEDITED = True\n")
    return tmp_path


def test_equal_bits_keep_the_digest_and_other_bits_do_not(root, changed):
    before = digests(root)
    assert all(own != other for own, other in zip(before, digests(changed), strict=True))
    command = ("tools/prove_equal_bits.py", "--old", str(root), "--runs", NONE, DIGITS)
    done = run(changed, *command, "--keep", str(changed / "kept"))
    assert done.returncode == 0 and "trainings of scale paper need code that no smoke run needs" in done.stdout, (
        done.stdout + done.stderr
    )[-3000:]
    assert digests(changed) == before
    known = json.loads((changed / "src/entropyreg/provenance/equal_digests.json").read_text())
    assert {one["stage"] for one in known} >= {"train", "predict", "measure", "train-images"}

    path = changed / "src" / "entropyreg" / "measures" / "calibration.py"
    text, line = path.read_text(), "    return np.abs(hits - confidences).sum(axis=-1) / count.sum(axis=-1)\n"
    assert text.count(line) == 1
    path.write_text(text.replace(line, line.replace("count.sum", "1.001 * count.sum")))
    done = run(changed, *command, "--keep", str(changed / "kept"))
    assert done.returncode == 1 and "Nothing is added: the change is not one of equal bits." in done.stdout
    assert f'measure-images {{"image_run": "{DIGITS}"}} wrote other bits: runs/{DIGITS}/measures.csv.' in done.stdout
    assert json.loads((changed / "src/entropyreg/provenance/equal_digests.json").read_text()) == known
