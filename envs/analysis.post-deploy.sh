#!/usr/bin/env bash
# Runs in the new environment, from the folder in which Snakemake runs (the repository's root).
set -euo pipefail
[ -f pyproject.toml ] || { echo "Run Snakemake from the repository's root: $PWD holds no pyproject.toml." >&2; exit 1; }
pip install --no-input --no-deps --editable .
