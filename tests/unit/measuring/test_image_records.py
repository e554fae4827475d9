"""Image records and collected tables of planted predictions: the planted values are recovered."""

import json
import math

import numpy as np
import pytest

from entropyreg.comparing.image_collect import collect_images
from entropyreg.io.errors import UserError
from entropyreg.io.files import arrays_sha256, write_json, write_npz
from entropyreg.io.predicted_files import write_image_sums
from entropyreg.measures.matched_entropy import mean_normalized_entropy, temperature_of_entropy
from entropyreg.measuring.blocks import FILE
from entropyreg.measuring.image_measures import Predictions, mutual_information_curves, projection, shape_of
from entropyreg.measuring.image_records import measure_image_run, regularizer_of_training
from entropyreg.measuring.record_files import write_record

CLASSES, WIDTH, CLAIMS = 5, 6, "c" * 64
GROUPS = ["calibration", "clusters", "information_loss", "mutual_information", "projection", "teaching", "temperature"]
N = {"train": 300, "valid": 3000, "test": 2000}


def calibrated(n, generator, factor):
    """Logits whose softmax at temperature `factor` is calibrated: labels are drawn from it."""
    logits = 2.0 * generator.normal(size=(n, CLASSES))
    noise = -np.log(-np.log(generator.random((n, CLASSES))))
    return (factor * logits).astype(np.float32), (logits + noise).argmax(1)


def write_predictions(folder, factor, seed):
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    for split, n in N.items():
        logits, labels = calibrated(n, generator, factor)
        rows = np.arange(0, n, 3)
        features = (weights[labels[rows]] + 0.1 * generator.normal(size=(len(rows), WIDTH))).astype(np.float16)
        columns = {"logits": logits, "labels": labels, "features": features, "feature_rows": rows}
        write_npz(folder / f"{split}.images.npz", columns)
    write_npz(folder / "templates.npz", {"weights": weights, "biases": np.zeros(CLASSES, np.float32)})


def write_run(folder, run, factor, seeds=(1, 2), **settings):
    for seed in seeds:
        write_predictions(folder / "predictions" / f"seed{seed}", factor, seed)
    validation = {"epoch": 1, "update": 10, "valid_accuracy": [0.5, 0.6], "valid_nll": [1.0, 0.9]}
    settings = {"run": run, "seeds": list(seeds), "regularizer": {"kind": "none"}, **settings}
    training = {"settings": settings, "n_classes": CLASSES}
    training |= {"updates": 10, "weights_sha256": "w", "validations": [validation]}
    write_json(folder / "training.json", training)
    write_image_sums(folder, run)


def settings_of(run, groups=GROUPS):
    triplets = {"triplets": [[0, 1, 2]], "triplet_points": 4}
    return {"run": run, "task": "t", "model": "m", "splits": list(N), "measures": list(groups), **triplets}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    arrays = {f"{split}_images": generator.integers(256, size=(50, 1, 2, 2)) for split in N}
    arrays |= {f"{split}_labels": np.arange(50) % CLASSES for split in N}
    write_npz(folder / "images.npz", arrays)
    summary = {"classes": list("abcde"), "stored": False, "sha256": arrays_sha256(arrays)}
    write_json(folder / "summary.json", summary)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """hard is over-confident by a factor of 2.5, weak is almost calibrated, strong is under-confident."""
    folder = tmp_path_factory.mktemp("runs")
    smoothing = {"kind": "label_smoothing", "smoothing": 0.1}
    write_run(folder / "t/m/hard", "t/m/hard", 2.5)
    write_run(folder / "t/m/weak", "t/m/weak", 1.1, regularizer=smoothing)
    write_run(folder / "t/m/strong", "t/m/strong", 0.5, regularizer=smoothing)
    return folder


@pytest.fixture(scope="module")
def records(runs, data):
    found = {}
    for name in ("hard", "weak", "strong"):
        groups = GROUPS if name == "hard" else ["calibration", "temperature"]
        record, blocks = measure_image_run(settings_of(f"t/m/{name}", groups), runs / "t/m" / name, data, CLAIMS)
        write_record(runs / "t/m" / name, record)
        write_npz(runs / "t/m" / name / FILE, blocks)
        found[name] = record
    return found


@pytest.mark.parametrize("fit", ["ece_all", "ece_half", "nll_all", "nll_half"])
def test_the_planted_temperature_is_found_on_all_and_on_half_of_validation(records, fit):
    found = records["hard"]["measures"]["1"]["temperature"][fit]
    assert found["temperature"] == pytest.approx(2.5, rel=0.12) and not found["at_bound"]
    assert ("held_out" in found) == fit.endswith("half")
    assert found["test"]["ece"] < 0.04 < records["hard"]["measures"]["1"]["calibration"]["test"]["ece"]


def test_bins_add_up_and_their_gaps_are_the_ece(records):
    found = records["hard"]["measures"]["2"]["calibration"]["valid"]
    count, confidence, accuracy = (found["bins"][key] for key in ("count", "confidence", "accuracy"))
    assert sum(count) == N["valid"] and len(count) == 15
    gaps = [n * abs(a - c) for n, a, c in zip(count, accuracy, confidence, strict=True) if n]
    assert sum(gaps) / N["valid"] == pytest.approx(found["ece"], abs=2e-5)
    assert [c is None for c in confidence] == [n == 0 for n in count]
    assert found["ece"] > found["calibrated_ece_upper"] > found["calibrated_ece"] > 0


def test_a_record_is_reproducible_and_holds_no_path(records, runs, data):
    again, _ = measure_image_run(settings_of("t/m/hard"), runs / "t/m/hard", data, CLAIMS)
    assert json.dumps(again, sort_keys=True) == json.dumps(records["hard"], sort_keys=True)
    assert str(runs) not in json.dumps(again)


def test_the_projection_is_drawn_for_the_first_seed_and_shows_points_at_their_templates(records):
    assert "projection" not in records["hard"]["measures"]["2"]
    (shown,) = records["hard"]["measures"]["1"]["projection"]
    assert shown["names"] == ["a", "b", "c"]
    for split in ("train", "valid"):
        for points, template in zip(shown[split]["points"], shown[split]["templates"], strict=True):
            assert len(points) == 4
            assert np.abs(np.array(points) - template).max() < 0.6
    (x1, y1), (_, y2), (x3, y3) = shown["train"]["templates"]
    assert x1 > x3 and y1 == pytest.approx(y3, abs=1e-4) and y2 > y1


def test_a_class_without_features_is_not_drawn():
    part = Predictions(np.zeros((4, 3)), np.array([0, 1, 1, 0]), np.zeros((4, 2)), np.arange(4))
    shown = projection({"train": part}, np.array([[1.0, 0], [0, 1], [0, 0]]), np.zeros(3), [0, 1, 2], "abc", 5)
    assert "train" not in shown


def test_only_wanted_groups_are_measured(records):
    assert set(records["weak"]["measures"]["1"]) == {"scores", "calibration", "temperature", "learning"}
    assert "mutual_information" not in records["hard"]["measures"]["1"]  # no trajectory was followed
    assert records["hard"]["measures"]["2"]["learning"]["valid_accuracy"] == [0.6]


def test_a_student_record_has_the_softness_of_its_teacher(runs, data, tmp_path):
    write_run(tmp_path, "t/m/s", 1.0, distillation={"loss": "soft", "weight": 1, "temperature": 4.0})
    settings = settings_of("t/m/s", []) | {"teacher": "t/m/hard"}
    record, _ = measure_image_run(settings, tmp_path, data, CLAIMS, runs / "t/m/hard")
    taught = record["measures"]["1"]["teacher"]
    with np.load(runs / "t/m/hard/predictions/seed1/train.images.npz") as train:
        logits, labels = train["logits"].astype(np.float64) / 4, train["labels"]
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = 1 - probs[np.arange(len(labels)), labels]
    assert taught["equivalent_smoothing"] == pytest.approx(wrong.mean() * CLASSES / (CLASSES - 1), abs=1e-6)
    assert taught["temperature"] == 4.0 and taught["seed"] == 1


def test_a_damaged_prediction_is_named(data, tmp_path):
    write_run(tmp_path, "t/m/s", 1.0)
    (tmp_path / "predictions/seed2/valid.images.npz").write_bytes(b"x")
    with pytest.raises(UserError, match=r"seed2/valid.images.npz is missing or not what was predicted"):
        measure_image_run(settings_of("t/m/s", []), tmp_path, data, CLAIMS)


def test_a_wanted_entropy_is_recorded_with_its_strength():
    found = regularizer_of_training({"kind": "skew_jensen", "skew": 1.0, "entropy": 0.3007087470704187}, 10)
    assert found["smoothing"] == pytest.approx(0.15, abs=1e-6)


# ---- mutual information and matched entropy


def test_two_tight_clusters_hold_log_two():
    generator = np.random.default_rng(0)
    centre = np.where(np.arange(400) < 200, 50.0, -50.0)
    logits = np.zeros((3, 30, 400, 2))
    logits[..., 0] = centre + generator.normal(size=(3, 30, 400))
    found = mutual_information_curves(logits, np.array([10, 20, 30]), ["a", "b"])
    assert [(one["draws"], one["variance"], one["sample"]) for one in found["curves"]] == [
        (5, "shared", "fresh"),
        (5, "per_input", "fresh"),
        (5, "shared", "same"),
        (25, "shared", "fresh"),
        (25, "per_input", "fresh"),
        (25, "shared", "same"),
    ]
    assert found["upper_bound"] == pytest.approx(math.log(400))
    assert found["curves"][3]["final"] == pytest.approx(math.log(2), abs=0.02)
    assert found["curves"][2]["final"] > found["curves"][0]["final"]  # its own draws flatter the mean


def test_halves_are_the_curves_of_every_second_image():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(2, 8, 60, 2)) + 3 * generator.normal(size=(60, 2))
    found = mutual_information_curves(logits, np.array([10, 20]), ["a", "b"])["curves"]
    for curve in found:
        assert ("halves" in curve) == (curve["variance"] == "shared" and curve["sample"] == "fresh")
    for first, half in enumerate(found[0]["halves"]):
        alone = mutual_information_curves(logits[:, :, first::2], np.array([10, 20]), ["a", "b"])["curves"][0]
        assert half["values"] == alone["values"]
    assert found[0]["halves"][0] != found[0]["halves"][1]


def test_slope_is_that_of_the_second_half():
    updates = np.array([10, 20, 30, 40])
    found = shape_of(np.array([9.0, 3.0, 2.5, 2.0]), updates)
    assert found == {"final": 2.0, "slope": pytest.approx(-1.0), "peak": 9.0, "peak_update": 10}
    assert shape_of(np.array([1.0, 2.0]), updates[:2])["slope"] is None


@pytest.mark.parametrize("wanted", [0.05, 0.5, 0.99])
def test_a_temperature_gives_the_wanted_entropy(wanted):
    logits = np.random.default_rng(0).normal(size=(200, 7))
    assert mean_normalized_entropy(logits, temperature_of_entropy(logits, wanted)) == pytest.approx(wanted, abs=1e-8)


def test_no_temperature_takes_certainty_from_equal_logits():
    assert mean_normalized_entropy(np.zeros((3, 4))) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no temperature"):
        temperature_of_entropy(np.zeros((3, 4)), 0.5)


# ---- collected tables


def collecting(cells, **options):
    settings = {"artefact": "b_table_x", "title": "T", "scale": "demo", "scale_note": ""}
    settings |= {"images": True, "columns": [{"task": "t", "title": "Task"}], "measures": ["scores", "calibration"]}
    return {**settings, "compare": None, "select": [], "cells": cells, **options}


def cell(row, name, **declared):
    return {"row": row, "column": "t", "run": f"t/m/{name}", "model": "m", "seeds": [1, 2], **declared}


CELLS = [cell("hard", "hard"), cell("smoothed", "weak"), cell("smoothed", "strong"), cell("smoothed", "absent")]
CHOICE = {"row": "smoothed", "metric": "ece", "best": "least"}


def test_the_amount_is_chosen_on_validation_and_only_its_test_is_shown(records, runs):
    rows = collect_images(collecting(CELLS, select=[CHOICE]), runs)["rows"]
    assert [(row["run"][4:], row["seed"], row["selected"]) for row in rows] == [
        ("hard", 1, None),
        ("hard", 2, None),
        ("weak", 1, True),
        ("weak", 2, True),
        ("strong", 1, False),
        ("strong", 2, False),
        ("absent", 1, None),
        ("absent", 2, None),
    ]
    for row in rows[:6]:
        shown = row["selected"] is not False
        assert ("test" in row["measures"]["calibration"]) == ("test" in row["measures"]["scores"]) == shown
        assert "valid" in row["measures"]["calibration"] and set(row["measures"]) == {"scores", "calibration"}
    assert rows[-1]["reason"] == "no record yet"
    assert rows[2]["smoothing"] == pytest.approx(0.1) and rows[0]["smoothing"] == 0.0


def test_differences_have_the_planted_sign(records, runs):
    compare = {"split": "test", "metrics": ["accuracy", "debiased_ece", "scaled_ece"], "to": ["hard"]}
    found = collect_images(collecting(CELLS, select=[CHOICE], compare=compare), runs)["comparisons"]
    by_metric = {entry["metric"]: entry for entry in found}
    assert set(by_metric) == {"accuracy", "debiased_ece", "scaled_ece"}
    assert by_metric["debiased_ece"]["high"] < -0.05  # against a network that is 2.5 times too sure
    assert abs(by_metric["scaled_ece"]["difference"]) < 0.04  # its temperature repairs it
    assert by_metric["accuracy"]["difference"] == 0  # the factor changes no answer
    assert by_metric["accuracy"]["n_seeds"] == [2, 2] and by_metric["accuracy"]["n_images"] == N["test"]


def test_a_seed_that_was_not_measured_is_missing(records, runs):
    rows = collect_images(collecting([cell("hard", "hard") | {"seeds": [1, 9]}]), runs)["rows"]
    assert [(row["seed"], row["status"]) for row in rows] == [(1, "done"), (9, "missing")]
