"""The script that measures image training runs, and writes what it prints."""

import csv
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_image_benchmark_runs(tmp_path, root):
    script = root / "benchmarks" / "image_training.py"
    sizes = ["--seeds", "2", "--updates", "1", "--blocks", "1", "--hidden", "16", "16"]
    command = [sys.executable, str(script), "--out", str(tmp_path), *sizes]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with (tmp_path / "image_training.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [record["model"] for record in records] == ["mlp"] * 4 + ["alexnet"] * 5
    assert all(int(record["images_per_second"]) > 0 for record in records)
    assert all(f"| {record['model']} | {record['variant']} |" in printed for record in records)
