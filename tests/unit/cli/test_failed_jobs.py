"""A failed job is shown without its settings; what else Snakemake says is as it was."""

import json
import logging
import shlex
import subprocess
import sys

import pytest

from entropyreg.cli.failed_jobs import SHORT, without_settings

SNAKEFILE = """
from entropyreg.cli import failed_jobs

failed_jobs.shorten()

rule train:
    output: "model"
    params: settings=lambda wildcards: {settings!r}
    shell: "echo one --settings {{params.settings:q}} --out {{output}}; exit 3"
"""
AWKWARD = json.dumps({"title": 'it\'s "quoted" {x}; $(no) --settings', "pages": ["ö"] * 50}, ensure_ascii=False)


def record(level, **fields):
    made = logging.LogRecord("snakemake.logging", level, "", 0, "", (), None)
    vars(made).update(fields)
    return made


@pytest.mark.parametrize("settings", ["{}", "{'a': 1}", AWKWARD, "''", "\n"])
def test_only_the_settings_go(settings):
    made = record(logging.ERROR, shellcmd=f"python x train --settings {shlex.quote(settings)} --out 'a b' --text 'c'")
    assert without_settings(made)
    assert made.shellcmd == f"python x train {SHORT} --out 'a b' --text 'c'"


def test_a_command_that_is_printed_before_it_runs_stays_whole():
    made = record(logging.INFO, shellcmd="x --settings '{1}'")
    assert without_settings(made) and made.shellcmd == "x --settings '{1}'"


def test_jobs_of_a_failed_group_are_shortened_and_rules_without_a_command_left_alone():
    made = record(logging.ERROR, job_error_info=[{"shellcmd": "x --settings '{1}' y"}, {"shellcmd": None}])
    assert without_settings(made) and made.job_error_info[0]["shellcmd"] == f"x {SHORT} y"
    assert without_settings(record(logging.ERROR))


def test_snakemake_shows_a_failed_job_so(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(settings=AWKWARD), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "model"]
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode == 1 and "ö" in failed.stdout  # the job itself got them whole
    assert f"echo one {SHORT} --out model; exit 3" in failed.stderr and "ö" not in failed.stderr
    printed = subprocess.run([*command, "--printshellcmds"], cwd=tmp_path, capture_output=True, text=True)
    assert "ö" in printed.stderr
