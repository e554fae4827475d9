#!/usr/bin/env bash
# Runs in the new environment, from the folder in which Snakemake runs (the repository's root).
set -euo pipefail
[ -f pyproject.toml ] || { echo "Run Snakemake from the repository's root: $PWD holds no pyproject.toml." >&2; exit 1; }
# Alone and without its dependencies: it declares torchaudio, which it does not need.
pip install --no-input --no-deps ve-fairseq==0.12.3
pip install --no-input --no-deps --editable .
