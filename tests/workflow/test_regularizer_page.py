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

from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments
from entropyreg.io.files import sha256_of
from entropyreg.rendering.report.page import write_report
from entropyreg.rendering.report.settings import report_settings

pytestmark = pytest.mark.slow
LINE = "- {regularizer: power, order: 1.5, strength: 0.5}"
LABEL = "power-order1.50-strength0.50"
TEXT, IMAGES = f"smoke_de_en/transformer/{LABEL}/seed1", f"smoke_digits/mlp/{LABEL}"
THERE_BEFORE = ("smoke_de_en/transformer/none/seed1", "smoke_digits/mlp/none")
ARTEFACTS = ("a_table_variants", "a_figure_entropy_bleu", "b_table_accuracy")
PLACES = {  # file of experiments: the lists of arms that the page's line is added to
    "paper_a.yaml": ("    arms: &smoke_arms\n", "    artefacts: [a_table_variants]\n    arms: &variants\n"),
    "paper_b.yaml": ("    arms: &hard_and_smoothed\n",),
}


def record_of(run):
    return f"results/smoke/runs/{run}/run.json"


def weights_of(run):
    return f"results/smoke/runs/{run}/model.pt"


def command_of(folder, *arguments, config=()):
    """The page's command, in the copy."""
    command = ["--cores", "2", "--config", "scale=smoke", "plugins=[power.py]", *config, "--", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    return [sys.executable, "-m", "snakemake", *command], {"cwd": folder, "env": environment}


def run(folder, *arguments, options=(), config=()):
    command, more = command_of(folder, *arguments, config=config)
    command[3:3] = options
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **more)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A copy of the project in which a run of text and one of images are trained; then the page's file and line."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("src", "workflow"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "envs", folder / "envs")
    shutil.copy2(root / "Snakefile", folder)
    page = (root / "docs" / "own_regularizer.md").read_text(encoding="utf-8")
    (folder / "power.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    code, text = run(folder, *map(weights_of, THERE_BEFORE))
    assert code == 0, text[-3000:]
    assert f"\n{LINE}\n" in page
    for name, places in PLACES.items():
        path = folder / "workflow" / "experiments" / name
        text = path.read_text(encoding="utf-8")
        for place in places:
            assert text.count(place) == 1
            text = text.replace(place, f"{place}      {LINE}\n")
        path.write_text(text, encoding="utf-8")
    return folder


def test_no_existing_run_is_planned_again(folder):
    code, text = run(folder, *map(weights_of, THERE_BEFORE), record_of(TEXT), record_of(IMAGES), options=["--dry-run"])
    assert code == 0, text[-3000:]
    planned = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}
    assert planned.pop("total") == sum(planned.values())
    assert planned.pop("predict_translation") == 2  # validation and test
    assert planned == {
        f"{verb}_{data}": 1
        for verb, data in (
            ("train", "translation"),
            ("measure", "translation"),
            ("train", "images"),
            ("predict", "images"),
            ("measure", "images"),
        )
    }


@pytest.mark.parametrize(
    ("run_of", "old", "new", "words"),
    [
        (TEXT, "moments = (", "moments = ((", r"plugins: power\.py, line \d+: "),
        (IMAGES, "* moments - 1)", "* moments - 2)", r"regularizer 'power', .*the divergence is negative"),
        (TEXT, "most=3, default=2", "most=1.4", r"order is 1\.5; allowed: a number above 1, at most 1\.4"),
        (TEXT, "log_p).exp()", "log_p.detach()).exp()", r"regularizer 'power', .* is not differentiable"),
    ],
)
def test_mistakes_are_reported_in_words_before_training(folder, run_of, old, new, words):
    text = (folder / "power.py").read_text()
    try:
        assert text.count(old) == 1
        (folder / "power.py").write_text(text.replace(old, new))
        code, told = run(folder, record_of(run_of))
        assert code != 0 and re.search(words, told), told[-3000:]
    finally:
        (folder / "power.py").write_text(text)
    assert not [*(folder / "results/smoke/runs").glob(f"*/*/{LABEL}/**/*.pt")]


def test_it_is_trained_killed_and_resumed(folder):
    runs = folder / "results" / "smoke" / "runs"
    command, more = command_of(folder, record_of(TEXT), record_of(IMAGES))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    process = subprocess.Popen(command, **quiet, **more)
    last, until = runs / TEXT / "checkpoints" / "checkpoint_last.pt", time.monotonic() + 300
    while not last.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert last.exists() and not (runs / TEXT / "model.pt").exists()
    state = torch.load(last, map_location="cpu", weights_only=False)
    declared = json.loads(state["cfg"]["criterion"]["regularizer"])
    assert (declared["parameters"], declared["generator"]) == ({"order": 1.5}, "power")
    run(folder, options=["--unlock"])
    code, text = run(folder, record_of(TEXT), record_of(IMAGES), options=["--rerun-incomplete"])
    assert code == 0, text[-3000:]
    for name in (TEXT, IMAGES):
        assert json.loads((folder / record_of(name)).read_text())["regularizer"]["parameters"] == {"order": 1.5}
    assert json.loads((runs / TEXT / "training.provenance.json").read_text())["resumed_from_update"] > 0


def test_it_appears_in_tables_figures_records_and_the_report(folder):
    figures, results = folder / "paper_figures" / "smoke", folder / "results" / "smoke"
    targets = [f"paper_figures/smoke/{name}.{'csv' if 'figure' in name else 'md'}" for name in ARTEFACTS]
    code, text = run(folder, *targets, config=["partial=true"])
    assert code == 0, text[-3000:]
    assert LABEL in (figures / "a_table_variants.md").read_text()
    assert LABEL in (figures / "b_table_accuracy.md").read_text()
    points = (figures / "a_figure_entropy_bleu.csv").read_text()
    assert '"power divergence, order 1.5, strength .5"' in points and f"/{LABEL}/" in points
    config = load_config(folder / "workflow", {"scale": "smoke", "plugins": [str(folder / "power.py")]})
    settings = report_settings(config, load_experiments(folder / "workflow", config))
    settings["artefacts"] = [one for one in settings["artefacts"] if one["name"] in ARTEFACTS]
    write_report(settings, results, figures, folder / "workflow" / "report", folder / "report.html")
    page = (folder / "report.html").read_text()
    assert "power divergence, order 1.5, strength .5" in page and page.count(LABEL) >= 4
    wanted = ["kind=power", "--columns", "run,kind,order,strength,split"]
    command = [sys.executable, "-m", "entropyreg", "records", "--scale", "smoke", *wanted]
    records = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert records.returncode == 0, records.stderr
    assert f"{TEXT},power,1.5,0.5,valid" in records.stdout and f"{IMAGES},power,1.5,0.5,valid" in records.stdout


def test_another_look_trains_nothing_and_another_divergence_does(folder):
    text, weights = (folder / "power.py").read_text(), folder / weights_of(TEXT)
    before = sha256_of(weights)
    for old, new, trains in (
        ('label="power divergence"', 'label="moment divergence", marker="P"', False),
        ("order * log_p", "1.0 * order * log_p", True),
    ):
        assert text.count(old) == 1
        (folder / "power.py").write_text(text.replace(old, new))
        code, told = run(
            folder, *map(weights_of, THERE_BEFORE), record_of(TEXT), record_of(IMAGES), options=["--dry-run"]
        )
        assert code == 0, told[-3000:]
        found = set(re.findall(r"^train_(\w+) +1$", told, re.MULTILINE))
        assert found == ({"images", "translation"} if trains else set()), told[-3000:]
    (folder / "power.py").write_text(text)
    assert sha256_of(weights) == before
