"""Small whole folders as the stages leave them, for tests that damage them: predictions of text and of images."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.config.image_settings import image_collecting_settings, image_measuring_settings
from entropyreg.config.loading import load_config
from entropyreg.config.settings import collecting_settings, measuring_settings, scoring_settings
from entropyreg.experiments import load_experiments
from entropyreg.io.files import arrays_sha256, read_json, sha256_of, write_json, write_npz
from entropyreg.io.predicted_files import write_image_sums, write_sums

WORKFLOW = Path(__file__).parents[1] / "workflow"
CLAIMS = WORKFLOW / "experiments" / "claims.yaml"
NONE = "smoke_de_en/transformer/none/seed1"
SMOOTHED = "smoke_de_en/transformer/jensen-skew1.00-strength0.1111/seed1"
DIGITS = "smoke_digits/mlp/none"
REFERENCES = ("the cat 's mat is red .", "a dog is in the house !", "it rains on the old roof .", "we go home now .")


class Smoke:
    """The declared smoke scale: settings of its stages as JSON."""

    def __init__(self) -> None:
        self.config = load_config(WORKFLOW, {"scale": "smoke"})
        self.experiments = load_experiments(WORKFLOW, self.config)

    def measuring(self, run: str) -> str:
        if run in self.experiments.image_runs:
            own = self.experiments.image_runs[run]
            return json.dumps(image_measuring_settings(self.config, self.experiments, own))
        return json.dumps(measuring_settings(self.config, self.experiments.runs[run]) | {"beam_sizes": []})

    def scoring(self, run: str) -> str:
        return json.dumps(scoring_settings(self.config, self.experiments.runs[run]))

    def collecting(self, artefact: str) -> str:
        known = self.experiments.artefacts[artefact]
        make = image_collecting_settings if known.images else collecting_settings
        settings = make(self.config, self.experiments, known)
        cells = [cell for cell in settings["cells"] if cell.get("run") in (None, NONE, SMOOTHED, DIGITS)]
        return json.dumps(settings | {"cells": cells})


def write_text(folder: Path) -> None:
    """Prepared validation and test text with its summary."""
    folder.mkdir(parents=True)
    lines = "".join(f"{line}\n" for line in REFERENCES)
    names = [f"{split}.{part}" for split in ("valid", "test") for part in ("en", "reference")]
    for name in names:
        (folder / name).write_text(lines)
    write_json(folder / "summary.json", {"splits": {}, "outputs_sha256": {n: sha256_of(folder / n) for n in names}})


def write_text_run(folder: Path, run: str, strength: float) -> None:
    """Write the files of a trained and predicted run of text."""
    regularizer = {"skew": 1.0, "strength": strength, "baseline": "uniform", "unigram_temperature": None}
    regularizer |= {"generator": "entropy", "entropy": None, "proposal": None}
    write_json(folder / "training.json", {"run": run, "updates": 7, "weights_sha256": "w", "regularizer": regularizer})
    write_json(folder / "training.provenance.json", {"seconds": 1.0, "finished": "2026-12-01T00:00:00+00:00"})
    generator, sentence = np.random.default_rng(0), np.repeat(range(4), [len(one.split()) for one in REFERENCES])
    n = sentence.size
    tokens: dict[str, Any] = {
        **{
            name: generator.random(n, np.float32) for name in ("nll", "entropy", "entropy_without_filler", "confidence")
        },
        **{"correct": np.arange(n) % 3 > 0, "rank": np.arange(n), "sentence": sentence},
        **{"share": np.full((n, 3), 0.25), "log_thresholds": np.array([-10.0, -15.0, -3.0])},
        **{"floor_factors": np.array([1.0]), "vocabulary_size": np.array(16), "filler_entries": np.array(8)},
    }
    own = {"entropy": np.ones(4, np.float32), "confidence": np.ones(4) / 2, "beam_entropy": np.array(1.0)}
    for split in ("valid", "test"):
        write_npz(folder / f"predictions/{split}.tokens.npz", tokens)
        write_npz(folder / f"predictions/{split}.own.npz", own)
        hypotheses = [f"{number}\t-0.5\t{line} x\n" for number, line in enumerate(REFERENCES)]
        (folder / f"predictions/{split}.hypotheses.tsv").write_text("".join(hypotheses))
    bind(folder)


def write_image_run(folder: Path, run: str, data: Path) -> None:
    """Write the files of a prepared, trained and predicted run of images."""
    generator, seeds = np.random.default_rng(0), [1, 2, 3]
    for seed in seeds:
        for split, n in (("train", 40), ("valid", 30), ("test", 20)):
            columns = {"logits": generator.normal(size=(n, 10)).astype(np.float32), "labels": np.arange(n) % 10}
            columns |= {"features": generator.normal(size=(n, 6)).astype(np.float16), "feature_rows": np.arange(n)}
            write_npz(folder / f"predictions/seed{seed}/{split}.images.npz", columns)
        last = {"weights": generator.normal(size=(10, 6)).astype(np.float32), "biases": np.zeros(10, np.float32)}
        write_npz(folder / f"predictions/seed{seed}/templates.npz", last)
    validation = {"epoch": 1, "update": 10, "valid_accuracy": [0.5] * 3, "valid_nll": [1.0] * 3}
    settings = {"run": run, "seeds": seeds, "regularizer": {"kind": "none"}}
    training = {"settings": settings, "n_classes": 10, "updates": 10, "weights_sha256": "w"}
    write_json(folder / "training.json", training | {"validations": [validation]})
    bind(folder)
    write_json(folder / "training.provenance.json", {"seconds": 1.0})
    arrays = {}
    for split in ("train", "valid", "test"):
        arrays[f"{split}_images"] = generator.integers(256, size=(40, 1, 2, 2), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(40) % 10
    write_npz(data / "images.npz", arrays)
    summary = {"classes": list("0123456789"), "stored": False, "sha256": arrays_sha256(arrays)}
    write_json(data / "summary.json", summary)
    write_json(data / "provenance.json", {"container": "made here"})


def bind(folder: Path) -> None:
    """Write the checksums of a run's present predictions, as predicting does last."""
    training = read_json(folder / "training.json")
    if "run" not in training:
        write_image_sums(folder, training["settings"]["run"])
        return
    for split in ("valid", "test"):
        write_sums(folder, training["run"], split)
