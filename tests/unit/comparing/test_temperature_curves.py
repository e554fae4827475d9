"""Collected curves over the temperature: what is planted is found, bands hold whole curves at once."""

import json

import numpy as np
import pytest
from blocked import blocked
from made_records import save_record

from entropyreg.comparing.collect import collect
from entropyreg.comparing.joined_collect import collect_both
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_npz
from entropyreg.measures.bleu_statistics import bleu_of_sums
from entropyreg.measures.calibration import ece_of_sums
from entropyreg.measures.significance import Arm, crossed_contrast, mean_of_sums, simultaneous_band
from entropyreg.measuring.blocks import FILE

GRID = [0.5, 1.0, 2.0]
SENTENCES, DECODED = 60, 40
BLEU_KEYS = {"column", "row", "quantity", "temperatures", "estimate", "low", "high"}
SIZES = {"n_seeds", "n_sentences", "n_replicates"}


def reliability(generator, shape, gap):
    """Sums (*shape, 45) of 8 tokens a sentence in the tenth bin, over-confident by `gap`."""
    sums = np.zeros((*shape, 45))
    sums[..., 9] = 8
    sums[..., 24] = 8 * 0.63
    sums[..., 39] = generator.binomial(8, 0.63 - gap, shape)
    return sums


def bleu(generator, shape, matches):
    """Counts (*shape, 10) of hypotheses of 10 words, as long as the references, with about that many matches."""
    counts = np.zeros((*shape, 10), np.int64)
    counts[..., 0] = counts[..., 1] = 10
    counts[..., 6:] = [10, 9, 8, 7]
    for order in range(4):
        counts[..., 2 + order] = generator.binomial(counts[..., 6 + order], matches)
    return counts


def arrays(seed, base, gain, gap):
    """Arrays of a run: BLEU of `base`, better by `gain` at the fitted temperature and at 2; ECE `gap` at T = 1."""
    generator = np.random.default_rng([seed, int(100 * base)])
    one, better = (bleu(generator, (DECODED,), value) for value in (base, base + gain))
    found = {"temperature_bleu": np.stack([one, one, better], axis=1)}
    found["temperature_fitted_bleu"] = np.stack([better, one], axis=1)
    at = [reliability(generator, (SENTENCES,), value) for value in (gap + 0.1, gap, 0.01)]
    found["temperature_reliability"] = np.stack(at, axis=1)
    found["temperature_fitted_reliability"] = np.stack([at[2], at[1]], axis=1)
    found["held_out_reliability"] = at[2].copy()
    found["held_out_reliability"][::2] = 0
    found["temperature_tokens"] = np.full(SENTENCES, 9)
    noise = generator.normal(0, 0.5, (SENTENCES, 1))
    found["temperature_nll"] = 9 * (np.array([3.0, 2.0, 2.5]) + (1 - base)) + noise
    found |= {"own_reliability": reliability(generator, (DECODED,), gap + 0.2), "gold_reliability": at[1][:DECODED]}
    found |= {
        "temperatures": np.array(GRID),
        "nll_sum": found["temperature_nll"][:, 1],
        "n_tokens": np.full(SENTENCES, 9),
    }
    return found | {"bleu": np.concatenate([one, one[: SENTENCES - DECODED]])}


ROWS = {"hard": (0.6, 0.03, 0.2), "smoothed": (0.75, 0.0, 0.02), "skew0.5": (0.7, 0.0, 0.05)}


def write_blocks(folder, found):
    write_npz(folder / FILE, {f"valid.{name}": values for name, values in blocked(found).items()})


@pytest.fixture
def runs_dir(tmp_path):
    """Records of three rows with three seeds each."""
    for row, planted in ROWS.items():
        for seed in (1, 2, 3):
            run = f"t/m/{row}/seed{seed}"
            found = arrays(seed, *planted)
            fits = {name: {"temperature": 2.0 + seed / 10, "bleu": 30.0 + seed} for name in ("ece_all", "nll_all")}
            valid = {"temperatures": {"temperatures": GRID, "fits": fits}, "vocabulary_size": 100, "log_floor": None}
            record = {"run": run, "claims_sha256": "c", "measures": {"valid": valid}}
            record |= {"regularizer": {"skew": None, "strength": 0.0, "smoothing": None}}
            folder = tmp_path / run
            save_record(folder, record)
            write_blocks(folder, found)
    return tmp_path


def settings(rows=("hard", "smoothed", "skew0.5"), seeds=(1, 2, 3), compare=None):
    cells = [
        {"row": row, "column": "t", "run": f"t/m/{row}/seed{seed}", "model": "m", "strength": 0.0, "seed": seed}
        for row in rows
        for seed in seeds
    ]
    common = {"artefact": "b_figure_temperature", "title": "T", "scale": "demo", "scale_note": ""}
    columns = [{"task": "t", "title": "T", "published_as": None}]
    return common | {"columns": columns, "compare": compare, "curves": True, "cells": cells}


def pick(entries, **wanted):
    (found,) = [one for one in entries if all(one[key] == value for key, value in wanted.items())]
    return found


def test_curves_are_the_means_over_seeds_within_their_bands(runs_dir):
    table = collect(settings(), runs_dir)
    assert len(table["curves"]) == 9
    for row, planted in ROWS.items():
        parts = [arrays(seed, *planted) for seed in (1, 2, 3)]
        for quantity, expected in {
            "bleu": [bleu_of_sums(part["temperature_bleu"].sum(axis=0)) for part in parts],
            "ece": [ece_of_sums(part["temperature_reliability"].sum(axis=0)) for part in parts],
            "nll": [part["temperature_nll"].sum(axis=0) / part["temperature_tokens"].sum() for part in parts],
        }.items():
            curve = pick(table["curves"], row=row, quantity=quantity)
            assert set(curve) == BLEU_KEYS | SIZES
            np.testing.assert_allclose(curve["estimate"], np.mean(expected, axis=0), rtol=1e-6)
            assert (np.array(curve["low"]) < curve["estimate"]).all()
            assert (np.array(curve["high"]) > curve["estimate"]).all()
            sentences = DECODED if quantity == "bleu" else SENTENCES
            assert (curve["n_seeds"], curve["n_sentences"], curve["temperatures"]) == (3, sentences, GRID)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert collect(settings(), runs_dir) == table  # the draws are seeded


def test_a_curve_minus_its_value_at_one_is_zero_there(runs_dir):
    table = collect(settings(), runs_dir)
    found = pick(table["curve_differences"], row="hard", quantity="ece", kind="to_one")
    curve = pick(table["curves"], row="hard", quantity="ece")
    np.testing.assert_allclose(found["estimate"], np.array(curve["estimate"]) - curve["estimate"][1], atol=1e-12)
    assert found["low"][1] == found["high"][1] == 0 and found["to"] is None
    assert found["high"][2] < 0 < found["low"][0]  # planted: better at 2, worse at .5


def test_rows_are_compared_at_each_temperature(runs_dir):
    table = collect(settings(), runs_dir)
    found = [one for one in table["curve_differences"] if one["kind"] == "to_row" and one["quantity"] == "nll"]
    assert [(one["row"], one["to"]) for one in found] == [
        ("hard", "smoothed"),
        ("skew0.5", "smoothed"),
        ("skew0.5", "hard"),
    ]
    curves = {row: np.array(pick(table["curves"], row=row, quantity="nll")["estimate"]) for row in ROWS}
    np.testing.assert_allclose(found[0]["estimate"], curves["hard"] - curves["smoothed"], atol=1e-12)
    assert min(found[0]["low"]) > 0  # planted: the hard rows' NLL is .15 higher


def test_only_seeds_that_both_rows_have_are_compared(runs_dir):
    (runs_dir / "t/m/smoothed/seed3/run.json").unlink()
    (runs_dir / "t/m/hard/seed1/run.json").unlink()
    table = collect(settings(("hard", "smoothed")), runs_dir)
    assert pick(table["curve_differences"], kind="to_row", quantity="nll")["n_seeds"] == 1
    assert pick(table["curves"], row="hard", quantity="nll")["n_seeds"] == 2
    assert {one["n_seeds"] for one in table["scaling"]} == {1}


def test_the_share_of_the_gap_that_scaling_closes(runs_dir):
    table = collect(settings(("hard", "smoothed")), runs_dir)
    hard, smoothed = ([arrays(seed, *ROWS[row]) for seed in (1, 2, 3)] for row in ("hard", "smoothed"))

    def mean(parts, name, place):
        return np.mean([bleu_of_sums(part[name][:, place].sum(axis=0)) for part in parts])

    gain = mean(hard, "temperature_fitted_bleu", 0) - mean(hard, "temperature_bleu", 1)
    gap = mean(smoothed, "temperature_bleu", 1) - mean(hard, "temperature_bleu", 1)
    found = pick(table["scaling"], fit="ece_all")
    assert (found["row"], found["to"], found["n_seeds"]) == ("hard", "smoothed", 3)
    assert (found["gain"], found["gap"]) == (pytest.approx(gain), pytest.approx(gap))
    assert found["closed"] == pytest.approx(gain / gap) and found["low"] < found["closed"] < found["high"]
    assert found["remaining"] == pytest.approx(gap - gain) and found["remaining_low"] < gap - gain
    assert found["remaining_p_value"] < 0.01 and 0 < found["gain_p_value"] < 0.5
    assert (found["temperature"], found["bleu"]) == (pytest.approx(2.2), pytest.approx(32))
    nothing = pick(table["scaling"], fit="nll_all")  # planted: at that temperature BLEU is what it is at 1
    assert nothing["gain"] == 0 and nothing["closed"] == 0


def test_a_gap_that_may_be_zero_has_no_share(runs_dir):
    settings_of_equals = settings(("hard", "smoothed"), seeds=(1,))
    for cell in settings_of_equals["cells"]:
        cell["run"] = "t/m/hard/seed1"  # both rows show the same run
    (found,) = [one for one in collect(settings_of_equals, runs_dir)["scaling"] if one["fit"] == "ece_all"]
    assert found["gap"] == 0 and found["closed"] is None and found["low"] is None


def test_own_output_is_compared_on_the_same_sentences(runs_dir):
    found = pick(collect(settings(), runs_dir)["own_output"], row="hard")
    parts = [arrays(seed, *ROWS["hard"]) for seed in (1, 2, 3)]
    own = np.mean([ece_of_sums(part["own_reliability"].sum(axis=0)) for part in parts])
    gold = np.mean([ece_of_sums(part["gold_reliability"].sum(axis=0)) for part in parts])
    assert (found["ece_own"], found["ece_gold"]) == pytest.approx((own, gold), rel=1e-5)
    assert found["difference"] == pytest.approx(own - gold)
    assert 0 < found["low"] < found["difference"] < found["high"] and found["p_value"] < 0.01
    assert (found["n_seeds"], found["n_sentences"]) == (3, DECODED)


def test_scalars_have_intervals_and_rows_are_compared_with_the_scaled_one(runs_dir):
    metrics = ["bleu", "scaled_bleu", "nll", "ece", "debiased_ece", "scaled_ece", "held_out_ece"]
    table = collect(settings(compare={"split": "valid", "metrics": metrics, "to": ["hard"]}), runs_dir)
    scalars = {one["metric"]: one for one in table["intervals"] if one["row"] == "hard"}
    assert set(scalars) == {"bleu", "nll", "ece", "debiased_ece", "scaled_ece", "held_out_ece"}
    assert scalars["ece"]["estimate"] == pytest.approx(pick(table["curves"], row="hard", quantity="ece")["estimate"][1])
    assert scalars["held_out_ece"]["n_sentences"] == SENTENCES // 2
    assert all(one["low"] <= one["estimate"] <= one["high"] for one in scalars.values())
    found = {one["metric"]: one["difference"] for one in table["comparisons"] if one["row"] == "smoothed"}
    assert set(found) == set(metrics)
    of = {row: [arrays(seed, *ROWS[row]) for seed in (1, 2, 3)] for row in ("hard", "smoothed")}

    def mean(row, name, place, score):
        return np.mean([score(part[name][:, place].sum(axis=0)) for part in of[row]])

    ece, scaled = "temperature_reliability", "temperature_fitted_reliability"
    at_one = mean("smoothed", ece, 1, ece_of_sums)
    assert found["ece"] == pytest.approx(at_one - mean("hard", ece, 1, ece_of_sums))
    assert found["scaled_ece"] == pytest.approx(at_one - mean("hard", scaled, 0, ece_of_sums))
    at_one = mean("smoothed", "temperature_bleu", 1, bleu_of_sums)
    expected = at_one - mean("hard", "temperature_fitted_bleu", 0, bleu_of_sums)
    assert found["scaled_bleu"] == pytest.approx(expected) and expected < found["bleu"]


def test_runs_of_other_temperatures_are_not_mixed(runs_dir):
    found = arrays(2, *ROWS["hard"]) | {"temperatures": np.array([0.5, 1.0, 3.0])}
    write_blocks(runs_dir / "t/m/hard/seed2", found)
    with pytest.raises(UserError, match=r"hard/seed2 was measured at other temperatures"):
        collect(settings(), runs_dir)


def test_without_finished_runs_there_are_no_curves(tmp_path):
    table = collect(settings(), tmp_path)
    assert {row["status"] for row in table["rows"]} == {"missing"}
    assert all(table[name] == [] for name in ("curves", "curve_differences", "scaling", "own_output", "intervals"))


def test_a_table_of_images_and_translation_has_both(runs_dir):
    images = {"artefact": "b_table_calibration", "title": "T", "scale": "demo", "scale_note": ""}
    images |= {"images": True, "columns": [{"task": "i", "title": "I"}], "compare": None, "select": [], "measures": []}
    images |= {"cells": [{"row": "hard", "column": "i"}], "text": settings()}
    table = collect_both(images, runs_dir)
    assert [(one["task"], one["images"]) for one in table["columns"]] == [("i", True), ("t", False)]
    assert [row["task"] for row in table["rows"]] == ["i"] + 9 * ["t"]
    assert len(table["curves"]) == 9 and table["artefact"] == "b_table_calibration"


def test_bands_hold_whole_curves_at_once():
    """Curves of known mean, drawn anew by seed and by sentence: 95 % of the bands hold all points at once."""
    generator = np.random.default_rng(8)
    points, seeds, sentences, trials = 7, 5, 40, 150
    truth = np.linspace(1, 2, points)
    mixing = generator.normal(0, 1, (points, 3))  # neighbours move together
    held = held_pointwise = 0
    for _ in range(trials):
        of_seed = generator.normal(0, 0.3, (seeds, 1, 3)) @ mixing.T
        of_sentence = generator.normal(0, 1, (1, sentences, 3)) @ mixing.T
        values = truth + of_seed + of_sentence + generator.normal(0, 1, (seeds, sentences, points))
        statistics = np.concatenate([values, np.ones((seeds, sentences, 1))], axis=-1)
        arm = Arm(1.0, statistics, lambda sums: sums[..., :-1] / sums[..., -1:])
        found = crossed_contrast([arm], 300, generator=generator).resampled
        low, high = simultaneous_band(found)
        held += bool(((low <= truth) & (truth <= high)).all())
        held_pointwise += bool(((found.low <= truth) & (truth <= found.high)).all())
    assert held / trials >= 0.91  # 95 %, less twice its standard error
    assert held_pointwise < held


def test_a_ratio_of_sums_is_the_nll_of_a_corpus():
    sums = np.array([[6.0, 3.0], [2.0, 4.0]])
    assert mean_of_sums(sums).tolist() == [2.0, 0.5]
