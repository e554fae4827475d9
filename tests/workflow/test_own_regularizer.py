"""The page "A regularizer of your own" followed by a new user: text and images, killed, drawn, nothing else redone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from entropyreg.files import sha256_of

pytestmark = pytest.mark.slow
LINE = "      - {regularizer: power, order: 1.5, strength: 0.5}\n"
LABEL = "power-order1.50-strength0.50"
RUNS = (f"smoke_de_en/transformer/{LABEL}/seed1", f"smoke_digits/mlp/{LABEL}")
PLACES = {  # file of experiments: the lists of arms that the line is added to
    "paper_a.yaml": ("    arms: &smoke_arms\n", "    artefacts: [a_table_variants]\n    arms: &variants\n"),
    "paper_b.yaml": ("    arms: &hard_and_smoothed\n",),
}


@pytest.fixture(scope="module")
def folder(root, smoke, tmp_path_factory):
    """A copy of the project with the page's line and file, and the results of the smoke scale without them."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("src", "workflow", "profiles", "envs"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("results", ".snakemake", "paper_figures"):
        shutil.copytree(smoke / name, folder / name, symlinks=True)
    shutil.copy2(root / "Snakefile", folder)
    page = (root / "docs" / "own_regularizer.md").read_text(encoding="utf-8")
    (folder / "power.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    assert LINE.strip() in page
    for name, places in PLACES.items():
        path = folder / "workflow" / "experiments" / name
        text = path.read_text(encoding="utf-8")
        for place in places:
            assert text.count(place) == 1
            text = text.replace(place, place + LINE)
        path.write_text(text, encoding="utf-8")
    return folder


def command_of(folder, *arguments):
    """The page's command, in the copy."""
    given = ["--cores", "2", *arguments, "--config", "scale=smoke", "plugins=[power.py]"]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    return [sys.executable, "-m", "snakemake", *given], {"cwd": folder, "env": environment}


def run(folder, *arguments):
    command, more = command_of(folder, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, **more)
    return done.returncode, done.stdout + done.stderr


def entropyreg(folder, *arguments):
    command = [sys.executable, "-m", "entropyreg", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def planned(text):
    """{rule: number of jobs} of a dry run."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}


def test_no_existing_run_is_planned_again(folder):
    code, text = run(folder, "--dry-run")
    assert code == 0, text[-3000:]
    found = planned(text)
    assert {rule: found.get(rule) for rule in ("train_translation", "train_images")} == dict.fromkeys(
        ("train_translation", "train_images"), 1
    )
    assert "prepare" not in found and found.get("measure_translation") == 1 == found.get("measure_images")


def test_it_is_trained_killed_resumed_and_drawn(folder):
    command, more = command_of(folder)
    runs = folder / "results" / "smoke" / "runs"
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more
    )
    last, until = runs / RUNS[0] / "checkpoints" / "checkpoint_last.pt", time.monotonic() + 600
    while not last.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert last.exists()
    state = torch.load(last, map_location="cpu", weights_only=False)
    declared = json.loads(state["cfg"]["criterion"]["regularizer"])
    assert declared["parameters"] == {"order": 1.5} and declared["generator"] == "power"
    run(folder, "--unlock")
    code, text = run(folder, "--rerun-incomplete")
    assert code == 0, text[-3000:]
    for name in RUNS:
        record = json.loads((runs / name / "record.json").read_text())
        assert record["regularizer"]["parameters"] == {"order": 1.5}
        assert record["regularizer"]["plugin"]["label"] == "power divergence"
    figures = folder / "paper_figures" / "smoke"
    assert LABEL in (figures / "a_table_variants.md").read_text()
    points = (figures / "a_figure_entropy_bleu.csv").read_text()
    assert '"power divergence, order 1.5, strength .5"' in points and f"/{LABEL}/" in points
    assert LABEL in (figures / "b_table_accuracy.md").read_text()
    assert LABEL in next(figures.glob("*.html")).read_text()
    records = entropyreg(
        folder, "records", "--scale", "smoke", "kind=power", "--columns", "run,kind,order,strength,split"
    )
    assert records.returncode == 0, records.stderr
    assert f"{RUNS[0]},power,1.5,0.5,valid" in records.stdout and f"{RUNS[1]},power,1.5,0.5,valid" in records.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("moments = (", "moments = ((", r"plugins: power\.py, line \d+: "),
        ("* moments - 1)", "* moments - 2)", r"regularizer 'power', .*the divergence is negative"),
        ("most=3", "most=1.4", r"order is 1\.5; allowed: a number above 1, at most 1\.4"),
    ],
)
def test_mistakes_are_told_in_words_before_training(folder, old, new, words):
    text = (folder / "power.py").read_text()
    weights = {name: sha256_of(folder / "results/smoke/runs" / name / "model.pt") for name in RUNS}
    try:
        assert text.count(old) == 1
        (folder / "power.py").write_text(text.replace(old, new))
        code, told = run(folder, "--", *(f"results/smoke/runs/{name}/record.json" for name in RUNS))
        assert code != 0 and re.search(words, told), told[-3000:]
    finally:
        (folder / "power.py").write_text(text)
    assert all(
        not (folder / "results/smoke/runs" / name / "model.pt").exists()
        or sha256_of(folder / "results/smoke/runs" / name / "model.pt") == one
        for name, one in weights.items()
    )
