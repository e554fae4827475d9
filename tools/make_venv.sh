#!/usr/bin/env bash
# Makes .venv with the pinned packages: `tools/make_venv.sh` (pipeline), `tools/make_venv.sh test` (test tools too).
# PYTHON=...  the interpreter (default: python3.11, else python3)     VENV=...  where (default: .venv)
# TORCH=...   what pip installs as torch (default torch==2.13.0; for example a wheel's path, or a CPU build)
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}
TORCH=${TORCH:-torch==2.13.0}
PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

stop() { echo "Set-up stopped: $*" >&2; exit 1; }

[ -n "$PYTHON" ] || stop "no Python was found; install Python 3.11 (on Debian: apt-get install python3.11 python3.11-venv)."
version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || stop "PYTHON=$PYTHON does not run."
case "$version" in
  3.11) ;;
  3.12) echo "Python 3.12 is declared, not run: the locks were resolved and tested with 3.11." ;;
  *) stop "$PYTHON is Python $version; this project needs 3.11 (PYTHON=/path/to/python3.11 make demo)." ;;
esac
platform=$("$PYTHON" -c 'import platform; print(platform.system(), platform.machine())')
[ "$platform" = "Linux x86_64" ] || stop "this is $platform; the fairseq wheel exists for Linux x86_64 only."

# Installing again is needed only when a pin, the interpreter or this script changed.
wanted=$(cat requirements/pipeline.lock requirements/test.lock pyproject.toml tools/make_venv.sh | sha256sum | cut -c1-64)-$TORCH-$version
have() { [ -f "$VENV/.ready-$1" ] && [ "$(cat "$VENV/.ready-$1")" = "$wanted" ]; }

install() { # install WHAT PIP_ARGUMENTS...: shows large downloads; if it fails, says why in one sentence
  local what=$1 log=$VENV/install.log; shift
  echo "Installing $what ..."
  if ! "$VENV/bin/pip" --disable-pip-version-check install --no-input --no-compile --progress-bar off "$@" 2>&1 | tee "$log" |
    { grep --line-buffered -oE 'Downloading [^ ]+ \([0-9.]+ [MG]B\)' || true; }; then
    grep -E '^ERROR' "$log" | tail -n 2 >&2 || true
    if grep -qiE 'connection|temporary failure|timed out|name resolution|no matching distribution|proxy|ssl' "$log"; then
      stop "the package index could not be reached or lacks a package ($what); check the network or pip's index settings. Log: $log"
    fi
    stop "$what could not be installed. Log: $log"
  fi
}

if ! have pipeline; then
  "$PYTHON" -m venv "$VENV" 2>"${TMPDIR:-/tmp}/entropyreg-venv.$$" >&2 || stop "'$PYTHON -m venv $VENV' failed ($(
    tail -n 1 "${TMPDIR:-/tmp}/entropyreg-venv.$$")); on Debian, the package python3.11-venv may be missing."
  rm -f "$VENV"/.ready-* "${TMPDIR:-/tmp}/entropyreg-venv.$$"
  # What torch and two source packages need, from the lock; then torch alone and by exact version: it has several builds
  # under one version, so no hash can stand in a lock.
  awk '/^[a-z]/ {keep = /^(setuptools|wheel|packaging|filelock|typing-extensions|sympy|mpmath|networkx|jinja2|markupsafe|fsspec)==/} keep' \
    requirements/pipeline.lock >"$VENV/first.lock"
  install "build tools" --require-hashes --no-deps -r "$VENV/first.lock"
  install "$TORCH" "$TORCH"
  install "the pipeline's pinned packages" --require-hashes --no-deps --no-build-isolation -r requirements/pipeline.lock
  install "entropyreg" --no-deps --no-build-isolation --editable .
  # pip would compile one file after the other; this uses every core and leaves out what no run imports.
  "$VENV/bin/python" -m compileall -q -j 0 -x '/(tests?|testing|examples|sympy|_inductor|onnx|pulp)/' \
    "$VENV"/lib/python3.*/site-packages >"$VENV/compile.log" 2>&1 || true
  echo "$wanted" >"$VENV/.ready-pipeline"
fi
if [ "${1:-}" = test ] && ! have test; then
  install "the test tools" --require-hashes --no-deps -r requirements/test.lock
  echo "$wanted" >"$VENV/.ready-test"
fi
