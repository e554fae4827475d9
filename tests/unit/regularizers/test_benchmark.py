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
    assert {record["table"] for record in records} == {
        "forward + backward", "fused linear, forward + backward", "token_statistics"
    }  # fmt: skip
    assert all(float(record["milliseconds"]) > 0.0 for record in records)
    assert all(f"| {record['variant']} |" in printed for record in records)
