"""The lines that `.ci/run` prints besides its steps."""

import re
import subprocess

import pytest

MODEL = "results/demo/runs/demo_de_en/transformer/none/seed1/model.pt"
TOLD = f"""mkdir -p $(dirname {MODEL}) paper_figures/demo
echo made | tee {MODEL} > paper_figures/demo/report.html
echo "$(basename "$0") $*:$PYTEST_ADDOPTS"
case "$*" in *"$FAILING"*) echo "fails: $*" >&2; exit 1 ;; esac
"""


def run(folder, root, failing="none"):
    """The whole script, with a `make` and a `snakemake` that only print their arguments; `failing` fails."""
    scripts = {".ci/run": (root / ".ci/run").read_text(encoding="utf-8")}
    scripts |= dict.fromkeys(("bin/make", "venv/bin/snakemake"), f"#!/bin/sh\nFAILING='{failing}'\n{TOLD}")
    for name, text in scripts.items():
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "VENV": "venv", "PYTEST_ADDOPTS": "-x"}
    return subprocess.run([folder / ".ci/run"], capture_output=True, text=True, env=environment, check=False)


def test_ci_names_what_was_skipped_and_how_long_it_took(tmp_path, root):
    done = run(tmp_path, root)
    assert done.returncode == 0, done.stdout + done.stderr
    for target in ("test", "test-slow"):
        assert f"\nmake {target}:-x -rs\n" in done.stdout
    assert all(f"\n{scale}: ok\n" in done.stdout for scale in ("demo", "workstation", "paper"))
    assert re.fullmatch(r"All of it took \d+ seconds\.", done.stdout.splitlines()[-1])


@pytest.mark.parametrize("step", ["lint", "verify SCALE", "a_table", "scale=demo", "scale=paper", "test-slow"])
def test_ci_ends_where_a_step_fails(tmp_path, root, step):
    """A dry run of one scale, too: `snakemake && echo` let the loop go on to the next."""
    done = run(tmp_path, root, failing=step)
    assert done.returncode != 0 and re.fullmatch(rf"fails: .*{step}.*\n", done.stderr)
