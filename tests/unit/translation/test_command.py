"""The fairseq command of every run in a table equals its golden file; the published options are in it."""

import json
import os
from pathlib import Path

import pytest

from entropyreg.config.loading import load_config
from entropyreg.config.settings import training_settings
from entropyreg.experiments import Regularizer, Run, load_experiments
from entropyreg.translation.command import training_arguments

GOLDEN = Path(__file__).parent / "golden"
SCALES = ("workstation", "paper")


def commands(workflow_dir, scale):
    """{run without its seed: arguments} of a scale, without the user's paths; of runs with declared numbers in tables.

    Those of searches and sweeps differ from these in skew and strength alone.
    """
    config = load_config(workflow_dir, {"scale": scale})
    experiments, found = load_experiments(workflow_dir, config), {}
    tables = [one for one in experiments.artefacts.values() if one.kind == "table" and not one.images]
    cells = [cell for one in tables for cell in one.cells]
    for run in (experiments.runs[name] for name in sorted({cell.run for cell in cells if cell.run and not cell.trial})):
        if run.regularizer.strength is None:  # found when the run starts
            continue
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
        if run.startswith(("iwslt14", "mttt")) and "/transformer_iwslt/" in run:
            assert PUBLISHED_IWSLT.items() <= options(arguments).items(), run


def test_the_paper_rows_have_the_published_skews_and_strengths(workflow_dir):
    experiments = load_experiments(workflow_dir, load_config(workflow_dir, {"scale": "paper"}))
    cells = experiments.artefacts["a_table_translation"].cells
    shown, found = {cell.run.rsplit("/", 1)[0] for cell in cells if cell.run}, {}
    for run in shown & set(known := commands(workflow_dir, "paper")):
        given = options(known[run])
        assert given["--criterion"] == "entropy_regularized_cross_entropy"
        regularizer = json.loads(given["--regularizer"])
        if regularizer["strength"] > 0:
            found.setdefault(run.split("/")[0], set()).add((regularizer["skew"], regularizer["strength"]))
    assert found == PUBLISHED_ROWS


def test_no_regularizer_is_strength_zero(workflow_dir):
    plain = [one for run, one in commands(workflow_dir, "paper").items() if run.endswith("/none")]
    assert plain and all(json.loads(options(one)["--regularizer"])["strength"] == 0 for one in plain)


PUBLISHED_BART = {  # fairseq's recipe for CNN/DailyMail, but for the criterion and 8 GPUs
    "--task": "translation",
    "--arch": "bart_large",
    "--truncate-source": "",
    "--layernorm-embedding": "",
    "--share-all-embeddings": "",
    "--skip-invalid-size-inputs-valid-test": "",
    "--required-batch-size-multiple": "1",
    "--dropout": "0.1",
    "--attention-dropout": "0.1",
    "--weight-decay": "0.01",
    "--optimizer": "adam",
    "--adam-betas": "(0.9, 0.999)",
    "--adam-eps": "1e-08",
    "--clip-norm": "0.1",
    "--lr-scheduler": "polynomial_decay",
    "--lr": "3e-05",
    "--total-num-update": "20000",
    "--warmup-updates": "500",
    "--max-tokens": "2048",
    "--fp16": "",
}


def test_bart_is_fine_tuned_as_in_its_recipe(workflow_dir):
    """Eight GPUs with 4 batches an update are one with 32; --finetune-from-model resets what the recipe resets."""
    config = load_config(workflow_dir, {"scale": "paper"})
    run = Run("cnn_dailymail", "bart_large", Regularizer(0.5, 1.0), seed=1)
    settings = training_settings(config, run)
    found = options(training_arguments(settings, "BINARY", "CHECKPOINTS", "WEIGHTS"))
    assert PUBLISHED_BART.items() <= found.items()
    assert int(found["--update-freq"]) * int(found["--distributed-world-size"]) == 4 * 8
    assert found["--finetune-from-model"] == "WEIGHTS" and "--restore-file" not in found
    assert "--finetune-from-model" not in training_arguments(settings, "BINARY", "CHECKPOINTS")
    assert config["tasks"]["cnn_dailymail"]["decoding"] == {
        "beam_validation": 4,
        "beam_test": 4,
        "length_penalty": 2.0,
        "max_length_factor": 0,
        "max_length_offset": 140,
        "min_length": 55,
        "no_repeat_ngram_size": 3,
    }
