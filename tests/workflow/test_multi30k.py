"""A corpus from the user's folder, through the real DAG: Multi30k is prepared and trained for a few updates."""

import json
import os
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow
TINY = {  # the workstation's De-En task, with a model for a few updates
    "tasks": {"multi30k_5k": {"source": {"first": 500}, "subwords": 500}},
    "models": {
        "transformer_5k": {"layers": 1, "embed_dim": 32, "ffn_dim": 64, "attention_heads": 2}
        | {"warmup_updates": 4, "max_tokens": 400, "max_update": 8, "validate_every_updates": 4}
    },
}
RUN = "results/workstation/runs/multi30k_5k/transformer_5k/none/seed1"


def test_multi30k_is_prepared_and_trained(snakemake, tmp_path):
    data = os.environ.get("ENTROPYREG_TEST_DATA")
    if not data or not (Path(data) / "multi30k").is_dir():
        pytest.skip("ENTROPYREG_TEST_DATA names no folder with multi30k/")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    arguments = ["--configfile", str(tmp_path / "tiny.yaml"), "--config", "scale=workstation", f"data_dir={data}", "--"]
    done = snakemake(tmp_path, *arguments, f"{RUN}/model.pt")
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((tmp_path / "results/workstation/data/multi30k_5k/text/summary.json").read_text())
    assert {split: counts["pairs"] for split, counts in summary["splits"].items()} == {
        "train": pytest.approx(500, abs=15),  # cleaning drops a few
        "valid": 1014,
        "test": 1000 + 1000 + 461 + 1071,
    }
    training = json.loads((tmp_path / RUN / "training.json").read_text())
    assert [entry["updates"] for entry in training["validations"]] == [4, 8]


def test_a_missing_folder_is_reported(snakemake, tmp_path):
    done = snakemake(
        tmp_path, "--config", "scale=workstation", "data_dir=/nowhere", "offline=true", "--", f"{RUN}/model.pt"
    )
    assert done.returncode != 0
    assert "data_dir is '/nowhere', but there is no such folder; allowed: a folder, or null." in done.stderr
    assert "Traceback" not in done.stderr
