"""The example in fairseq of docs/loss.md runs, on a model made small by more arguments of the same command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SMALL = (
    "--max-update 2 --cpu --num-workers 0 --distributed-world-size 1 --encoder-embed-dim 8 "
    "--decoder-embed-dim 8 --encoder-ffn-embed-dim 8 --decoder-ffn-embed-dim 8 --encoder-layers 1 --decoder-layers 1"
)


@pytest.mark.slow
def test_the_fairseq_example_trains(root, tmp_path):
    (command,) = re.findall(r"```sh\n(fairseq-train BINARY.*?)```", (root / "docs/loss.md").read_text(), re.DOTALL)
    for part in ("train", "valid"):
        for language, line in (("de", "ein Haus .\n"), ("en", "a house .\n")):
            (tmp_path / f"{part}.{language}").write_text(16 * line)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    preprocess = "fairseq-preprocess -s de -t en --trainpref train --validpref valid --destdir binary"
    for line in (preprocess, f"{command.strip()} {SMALL}".replace("BINARY", "binary", 1)):
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"divergence", done.stdout + done.stderr)
    saved = torch.load(tmp_path / "checkpoints" / "checkpoint_last.pt", weights_only=False)["cfg"]["criterion"]
    assert json.loads(saved["regularizer"]) == {"skew": 0.5, "strength": 1.0}
