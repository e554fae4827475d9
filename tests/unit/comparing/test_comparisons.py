"""Differences between rows: over the seeds that both have, each metric by draws of its own."""

import numpy as np

from entropyreg.comparing.comparisons import compare_rows
from entropyreg.io.files import write_npz
from entropyreg.measuring.blocks import FILE, block_sizes, block_sums


def test_the_seeds_of_both_rows_are_compared_and_each_metric_has_its_own_draws(tmp_path):
    rows, generator = [], np.random.default_rng(0)
    for name, seeds in (("none", (1, 2, 3)), ("ger", (2, 3, 4))):
        for seed in seeds:
            run = f"{name}/seed{seed}"
            rows.append({"row": name, "column": "c", "run": run, "seed": seed, "status": "done", "measures": {"test"}})
            values = seed + generator.random(50) + (name == "ger")
            sums = block_sums(values)
            write_npz(
                tmp_path / run / FILE, {"test.rouge1": sums, "test.rouge2": sums, "test.n_sentences": block_sizes(50)}
            )
    compare = {"split": "test", "metrics": ["rouge1", "rouge2"], "to": ["none"]}
    first, second = compare_rows(compare, rows, tmp_path)
    assert first["seeds"] == [2, 3] and first["n_seeds"] == 2 and abs(first["difference"] - 1) < 0.2
    assert first["difference"] == second["difference"] and first["low"] != second["low"]
