"""The script that measures the regularizers runs, and writes what it prints."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "regularizers_cpu.py"


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    environment = {**os.environ, "ENTROPYREG_KERNEL": ""}
    command = [sys.executable, str(SCRIPT), "--quick", "--csv", str(tmp_path / "out.csv")]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    with (tmp_path / "out.csv").open() as file:
        records = list(csv.DictReader(file))
    tables = {record["table"] for record in records}
    assert tables - {"memory (MiB)"} == {"loss (ms)", "fused linear (ms)", "token_statistics (ms)"}
    assert all(float(record["value"]) > 0.0 for record in records if record["table"] != "memory (MiB)")
    losses = [record["variant"] for record in records if record["table"] == "loss (ms)"]
    assert all(f"| {variant} |" in printed for variant in losses)
    assert "| overwriting, skew .5 | 0.8 | 0.3 |" in printed and "Liger-Kernel: not run" in printed


def test_a_star_marks_a_missed_bound(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from cpu_requirements import REQUIREMENTS, cell

    by_label = {requirement.label: requirement for requirement in REQUIREMENTS}
    times = {
        "naive autograd of the definition, skew 0.5": 6.0,
        "ours, native, skew 0.5, overwriting": 0.304,  # printed as 0.30
        "ours, torch, skew 0.5, overwriting": 0.81,
        "ours, native, skew 0, overwriting": 0.1,
        "ours, native, skew 1, overwriting": 0.16,
    }
    assert cell(by_label["overwriting, skew .5"], times) == r"0.30 / 0.81\*"
    assert cell(by_label["overwriting, skew 0 and 1 (the slower)"], times) == r"0.16\* / -"
    naive = next(requirement for requirement in REQUIREMENTS if requirement.more_is_better)
    assert cell(naive, times) == r"19.7\* / 7.41"
