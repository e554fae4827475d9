"""Differences allowed on another type of processor: another seed passes as a rerun, a planted difference fails."""

import copy
import fnmatch
import itertools
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from entropyreg.io.files import write_json
from entropyreg.measuring.record_files import read_record, record_folders, write_record
from entropyreg.reference.commands import act
from entropyreg.reference.comparison import FAIL, SAME, WITHIN, Rules, compare_records, count
from entropyreg.reference.spread import (
    ALPHA,
    EXACT,
    LEFT_OUT,
    LOGARITHMIC,
    Spread,
    leaves,
    name_of,
    pools_of,
    quantile,
    reason_left_out,
)

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "results" / "reference"
FOLDERS = [folder for scale in sorted(REFERENCE.glob("*/runs")) for folder in record_folders(scale)]
DEMO = "demo/runs"
BLEU, FASHION = f"{DEMO}/demo_de_en/transformer/none/seed1", f"{DEMO}/fashion_mnist_6k/mlp/none"


@cache
def committed():
    return {str(folder.relative_to(REFERENCE)): read_record(folder) for folder in FOLDERS}


@cache
def rules():
    spread = Spread(committed().values())
    return Rules(spread, count([record for run, record in committed().items() if run.startswith(DEMO)], spread))


def seeds_of(record):
    return list(record["measures"]) if "seeds" in record else [str(record["seed"])]


def of_seed(record, seed):
    """The records of one seed, without its identity."""
    if "seeds" in record:
        measures = copy.deepcopy(record["measures"][seed])
        measures.pop("projection", None)  # of the first seed alone
        for teacher in [measures["teacher"]] if "teacher" in measures else []:
            teacher["seed"] = 0
        return {**record, "measures": {"0": measures}}
    run = record["run"].rpartition("/")[0]
    return {**record, "run": run, "seed": 0, "training": {**record["training"], "run": run, "seed": 0}}


def without_seed(record, position):
    """An image record without one of its seeds, a text record as it is or, if it is of that seed, None."""
    if "seeds" not in record:
        return None if record["seed"] % 100 == position + 1 else record
    measures = {seed: one for place, (seed, one) in enumerate(record["measures"].items()) if place != position}
    return {**record, "measures": measures}


@cache
def by_run():
    """(run and settings) -> the records of its seeds."""
    found = {}
    for name, record in committed().items():
        for seed in seeds_of(record):
            own = of_seed(record, seed)
            found.setdefault((name.split("/")[0] * ("seeds" in record), own["run"]), []).append((int(seed) % 100, own))
    return {run: ours for run, ours in found.items() if len(ours) > 1}


@pytest.mark.parametrize("held_out", [False, True])
def test_another_seed_passes_as_a_rerun(held_out):
    # held out: the seed that plays the rerun is not among those that tell the spread
    passed, failed = 0, []
    for position in range(5) if held_out else [None]:
        left = [one if position is None else without_seed(one, position) for one in committed().values()]
        own = Rules(Spread(one for one in left if one), rules().n_compared) if held_out else rules()
        for run, seeds in by_run().items():
            for (first, ours), (second, theirs) in itertools.permutations(seeds, 2):
                if position is not None and second != position + 1:
                    continue
                found = compare_records(ours, theirs, own)
                assert found.outcome != SAME
                if found.outcome == WITHIN:
                    passed += 1
                else:
                    failed.append((run, first, second, found.remarks[0]))
    assert passed > 600 and len(failed) <= 0.02 * (passed + len(failed)), failed


def planted(record, path, change):
    """The record with the number at a path replaced by what `change` makes of it."""
    found = copy.deepcopy(record)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return found


@pytest.mark.parametrize(
    ("run", "path", "change"),
    [
        (BLEU, ("measures", "test", "bleu"), lambda one: one + 6),
        (BLEU, ("measures", "test", "entropy_normalized"), lambda one: one + 0.1),
        (BLEU, ("measures", "test", "accuracy"), lambda one: one - 0.1),
        (BLEU, ("measures", "test", "n_tokens"), lambda one: one + 1),
        (BLEU, ("measures", "test", "bleu_signature"), lambda one: one.replace("lc", "mixed")),
        (BLEU, ("training", "model", "lr"), lambda one: one * 1.001),
        (BLEU, ("data", "splits", "train", "pairs"), lambda one: one - 1),
        (BLEU, ("measures", "test", "bleu"), lambda one: None),
        (BLEU, ("measures", "test", "bleu"), lambda one: float("nan")),
        (FASHION, ("measures", "3", "scores", "test", "accuracy"), lambda one: one - 0.1),
        (FASHION, ("measures", "3", "scores", "test", "entropy_normalized"), lambda one: one + 0.1),
        (FASHION, ("measures", "3", "calibration", "test", "ece"), lambda one: one + 0.1),
        (FASHION, ("measures", "3", "clusters", "train", "n_images"), lambda one: one + 1),
        (FASHION, ("measures", "3", "calibration", "test", "bins", "count"), lambda one: one[:-1]),
        (FASHION, ("training", "model", "hidden"), lambda one: [one[0] + 1, *one[1:]]),
        (FASHION, ("seeds",), lambda one: one[:-1]),
    ],
)
def test_a_planted_difference_fails_and_is_named(run, path, change):
    record = committed()[run]
    found = compare_records(record, planted(record, path, change), rules())
    assert found.outcome == FAIL and found.remarks[0].startswith(".".join(path))
    assert len([remark for remark in found.remarks if "(left out)" not in remark]) == 1


def test_the_bound_is_the_declared_quantile_of_the_pooled_spread():
    def record(run, values, count=600):
        measures = {str(seed): {"scores": {"test": {"nll": one, "n": count}}} for seed, one in enumerate(values)}
        return {"run": run, "task": "t", "model": "m", "seeds": list(range(len(values))), "measures": measures}

    spread = Spread([record("one", [1.0, 2.0, 3.0] * 3), record("two", [5.0] * 5), record("three", [9.0])])
    pools = ("images/t/m", "images")
    pooled = spread.pool(pools, "scores.nll")
    assert pooled == (6.0 / 12, 12)  # 9 values with sum of squares 6, and 5 without; one seed tells nothing
    expected = stats.t.ppf(1 - 0.01 / (2 * 40), 12) * np.sqrt(2 * 0.5)
    assert spread.bound(pools, "scores.nll", 40) == pytest.approx(expected, rel=1e-12)
    assert spread.bound(pools, "scores.n", 40) == spread.bound(pools, "unknown", 40) == 0
    assert spread.bound(("images/other/m", "images"), "teaching.nll", 40) == pytest.approx(expected)  # by its last part
    assert spread.bound(("translation/t/m", "translation"), "scores.nll", 40) == 0
    assert count([record("one", [1.0, 2.0])], spread) == 2


def test_few_degrees_of_freedom_give_way_to_the_wider_pool():
    def record(task, values):
        measures = {str(seed): {"scores": {"test": {"nll": one}}} for seed, one in enumerate(values)}
        return {"run": task, "task": task, "model": "m", "seeds": [], "measures": measures}

    spread = Spread([record("small", [1.0, 3.0]), record("large", [1.0, 2.0] * 10)])
    assert spread.pool(("images/small/m", "images"), "scores.nll") == (pytest.approx(7 / 20), 20)
    assert spread.pool(("images/large/m", "images"), "scores.nll") == (pytest.approx(5 / 19), 19)


def test_a_right_rerun_fails_in_at_most_one_comparison_of_a_hundred():
    draw, n_compared, times = np.random.default_rng(0), 60, 5000
    seeds = draw.normal(size=(times, n_compared, 4, 5))  # 4 runs of 5 seeds a name
    bound = quantile(16, n_compared) * np.sqrt(2 * seeds.var(axis=-1, ddof=1).mean(axis=-1))
    first, second = draw.normal(size=(2, times, n_compared))
    rates = [(np.abs(first - one) > bound).any(axis=1).mean() for one in (second, seeds[..., 0, 0])]
    assert rates[0] == pytest.approx(ALPHA, abs=4 * np.sqrt(ALPHA / times))  # no wider than need be
    assert rates[1] <= rates[0]  # against a seed that is itself among those that tell the spread


def test_every_pattern_fits_and_every_number_that_training_decides_has_a_spread():
    names = {name_of(path) for record in committed().values() for path, _ in leaves({"measures": record["measures"]})}
    for pattern in [*LEFT_OUT, *LOGARITHMIC, *EXACT]:
        assert fnmatch.filter(names, pattern), pattern
    unknown = {
        name_of(path)
        for record in committed().values()
        for path, value in leaves({"measures": record["measures"]})
        if isinstance(value, float) and rules().spread.pool(pools_of(record), name_of(path)) is None
    }
    assert {name for name in unknown if not reason_left_out(name)} == set()


def test_the_demo_on_another_processor_ends_with_one_sentence(tmp_path, capsys):
    for name in ("demo", "seeds"):
        shutil.copytree(ROOT / "results" / "reference" / name, tmp_path / "results" / "reference" / name)
    shutil.copytree(tmp_path / "results" / "reference" / "demo", tmp_path / "results" / "demo")
    write_json(tmp_path / "results" / "reference" / "demo" / "machine.json", {"processor": "another"})
    assert act("compare", "demo", tmp_path) == 0
    told = "47 of 47 within the spread of seeds (47 of them the same to the last bit); all 43 verdicts the same"
    assert capsys.readouterr().out.splitlines()[-1] == f"other processor: {told}"
    folder = tmp_path / "results" / "demo" / "runs" / FASHION.removeprefix(f"{DEMO}/")
    place = ("measures", "3", "scores", "test", "accuracy")
    write_record(folder, planted(read_record(folder), place, lambda one: one - 0.1))
    assert act("compare", "demo", tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    failed = next(at for at, line in enumerate(lines) if line.startswith("FAIL"))
    assert "fashion_mnist_6k/mlp/none" in lines[failed] and "measures.3.scores.test.accuracy" in lines[failed + 1]
    assert lines[-1].startswith("other processor: 46 of 47 within the spread of seeds (46 of them")
