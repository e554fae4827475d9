"""The fairseq command of every paper run equals its golden file; the published options are in it."""

import json
import os
from pathlib import Path

import pytest

from entropyreg.config import load_config
from entropyreg.experiments import load_experiments
from entropyreg.settings import training_settings
from entropyreg.translation.command import training_arguments

GOLDEN = Path(__file__).parent / "golden"
SCALES = ("workstation", "paper")


def commands(workflow_dir, scale):
    """{run without its seed: arguments} of a scale, with the user's paths left out."""
    config = load_config(workflow_dir, {"scale": scale})
    found = {}
    for run in load_experiments(workflow_dir, config).runs.values():
        arguments = training_arguments(training_settings(config, run), "BINARY", "CHECKPOINTS")
        arguments[arguments.index("--user-dir") + 1] = "USER_DIR"
        arguments[arguments.index("--seed") + 1] = "SEED"
        known = found.setdefault(run.id.rsplit("/", 1)[0], arguments)
        assert known == arguments  # seeds differ in nothing but the seed
    return found


@pytest.mark.parametrize("scale", SCALES)
def test_commands_equal_their_golden_files(workflow_dir, scale):
    """After a meant change: UPDATE_GOLDEN=1 pytest, then read the difference."""
    path, found = GOLDEN / f"{scale}.json", commands(workflow_dir, scale)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps({run: " ".join(one) for run, one in found.items()}, indent=1) + "\n")
    assert json.loads(path.read_text()) == {run: " ".join(one) for run, one in found.items()}


def options(arguments):
    """{flag: value} of a command; flags without a value map to ''."""
    pairs = zip(arguments, [*arguments[1:], "--"], strict=True)
    return {flag: "" if value.startswith("--") else value for flag, value in pairs if flag.startswith("--")}


PUBLISHED_IWSLT = {  # the authors' training script
    "--arch": "transformer_iwslt_de_en",
    "--share-decoder-input-output-embed": "",
    "--optimizer": "adam",
    "--adam-betas": "(0.9, 0.98)",
    "--clip-norm": "0.0",
    "--lr": "0.0005",
    "--lr-scheduler": "inverse_sqrt",
    "--warmup-updates": "4000",
    "--dropout": "0.3",
    "--weight-decay": "0.0001",
    "--max-tokens": "4000",
    "--fp16": "",
    "--max-epoch": "85",
    "--save-interval": "2",
    "--validate-interval": "1",
    "--keep-last-epochs": "4",
    "--patience": "5",
}
PUBLISHED_ROWS = {  # data set: {(skew, strength)} of the main table, regularized rows
    "wmt14_de_en": {(1, 0.1 / 0.9), (1, 0.35), (0, 0.28), (0.7, 0.65)},
    "iwslt14_de_en": {(1, 0.1 / 0.9), (1, 0.5), (0, 0.76), (0.5, 1.0)},
    "mttt_fr_en": {(1, 0.1 / 0.9), (1, 0.693), (0, 0.95), (0.85, 0.52)},
}


def test_iwslt_and_mttt_train_as_the_authors_script(workflow_dir):
    for run, arguments in commands(workflow_dir, "paper").items():
        if not run.startswith("wmt14"):
            assert PUBLISHED_IWSLT.items() <= options(arguments).items(), run


def test_the_paper_rows_have_the_published_skews_and_strengths(workflow_dir):
    found = {}
    for run, arguments in commands(workflow_dir, "paper").items():
        given = options(arguments)
        assert given["--criterion"] == "entropy_regularized_cross_entropy"
        if float(given["--strength"]) > 0:
            found.setdefault(run.split("/")[0], set()).add((float(given["--skew"]), float(given["--strength"])))
    assert found == PUBLISHED_ROWS


def test_no_regularizer_is_strength_zero(workflow_dir):
    plain = [one for run, one in commands(workflow_dir, "paper").items() if run.endswith("/none")]
    assert plain and all(options(one)["--strength"] == "0.0" for one in plain)
