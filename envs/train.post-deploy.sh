#!/usr/bin/env bash
# Runs in the new environment, from the folder in which Snakemake runs (the repository's root).
set -euo pipefail
[ -f pyproject.toml ] || { echo "Run Snakemake from the repository's root: $PWD holds no pyproject.toml." >&2; exit 1; }
# Two alone, hash-checked, without their dependencies: fairseq declares torchaudio, pytorchcv torchvision: not needed here.
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
awk '/^[a-z]/ {keep = /^(ve-fairseq|pytorchcv)==/} keep' requirements/pipeline.lock >"$lock"
pip install --no-input --no-deps --require-hashes -r "$lock"
pip install --no-input --no-deps --editable .
