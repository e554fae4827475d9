"""Differences between rows: over the seeds that both have, each metric by draws of its own."""

import numpy as np

from entropyreg.comparing.comparisons import compare_rows
from entropyreg.io.files import write_json, write_npz
from entropyreg.measuring.blocks import FILE, block_sizes, block_sums
from entropyreg.provenance.committed import FILE as ORIGINS
from entropyreg.provenance.origins import Origin, origin_path


def rows_of_two_arms(folder):
    """Three seeds of each of two rows, two of them in common; the second row is better by 1."""
    rows, generator = [], np.random.default_rng(0)
    for name, seeds in (("none", (1, 2, 3)), ("ger", (2, 3, 4))):
        for seed in seeds:
            run = f"{name}/seed{seed}"
            rows.append({"row": name, "column": "c", "run": run, "seed": seed, "status": "done", "measures": {"test"}})
            values = seed + generator.random(50) + (name == "ger")
            sums = block_sums(values)
            write_npz(
                folder / run / FILE, {"test.rouge1": sums, "test.rouge2": sums, "test.n_sentences": block_sizes(50)}
            )
    return rows


COMPARE = {"split": "test", "metrics": ["rouge1", "rouge2"], "to": ["none"]}


def test_the_seeds_of_both_rows_are_compared_and_each_metric_has_its_own_draws(tmp_path):
    first, second = compare_rows(COMPARE, rows_of_two_arms(tmp_path), tmp_path)
    assert first["seeds"] == [2, 3] and first["n_seeds"] == 2 and abs(first["difference"] - 1) < 0.2
    assert first["difference"] == second["difference"] and first["low"] != second["low"]


def test_runs_of_one_seed_on_two_types_of_processor_are_not_set_against_each_other(tmp_path):
    """A type that was not noted counts as any."""
    rows = rows_of_two_arms(tmp_path)
    for run, processor in (("none/seed2", "one"), ("ger/seed2", "another"), ("ger/seed3", "another")):
        origin = Origin("train", {"run": run}, {}, "", {}, {}, processor)
        write_json(origin_path(str(tmp_path / run / "model.pt")), origin._asdict())
    first, _ = compare_rows(COMPARE, rows, tmp_path)
    assert first["seeds"] == [3] and first["n_seeds"] == 1
    committed = [Origin("train", {"run": "none/seed3"}, {}, "", {}, {}, "one")._asdict()]
    write_json(tmp_path / "none/seed3" / ORIGINS, committed)
    assert compare_rows(COMPARE, rows, tmp_path) == []
