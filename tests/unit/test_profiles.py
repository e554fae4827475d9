"""The command line with each profile: which file overrules which, and the resources of every job."""

import os
import re
import sys

import pytest
import yaml


def arguments(monkeypatch, root, *argv):
    """Snakemake's arguments after it read the profiles, run in the repository."""
    from snakemake.cli import parse_args

    monkeypatch.chdir(root)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.setattr(sys, "argv", ["snakemake", *argv])
    return parse_args(list(argv))[1]


def resources(found):
    return {name: found.resources[name].value for name in found.resources}


def test_alone_every_core_and_one_gpu_are_used(monkeypatch, root):
    found = arguments(monkeypatch, root)
    assert (
        found.cores == len(os.sched_getaffinity(0)) and resources(found) == {"gpu": 1} and not found.executor
    )  # no limit of memory


def test_the_command_line_overrules_the_default_profile(monkeypatch, root):
    found = arguments(monkeypatch, root, "--cores", "3", "--resources", "gpu=4")
    assert found.cores == 3 and resources(found) == {"gpu": 4}


@pytest.mark.parametrize("written", [("--profile", "profiles/gpus"), ("--profile=profiles/gpus",)])
def test_several_gpus_are_used_though_the_default_profile_is_read_last(monkeypatch, root, written):
    found = arguments(monkeypatch, root, *written)
    assert resources(found)["gpu"] > 1 and found.cores and found.keep_going and not found.executor


def test_a_cluster_is_bounded_by_neither_the_cores_nor_the_gpu_of_this_machine(monkeypatch, root):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    found = arguments(monkeypatch, root, "--profile", "profiles/slurm")
    assert found.executor == "slurm" and found.cores is None and found.jobs >= 10 and found.local_cores <= 4
    assert found.slurm_requeue and found.retries >= 2 and found.keep_going and found.rerun_incomplete
    assert found.set_resource_scopes == {"gpu": "local", "in_series": "local"}  # limits of one submission


def slurm(root):
    return yaml.safe_load((root / "profiles" / "slurm" / "config.yaml").read_text())


GPU_RULES = {"predict_translation", "predict_beams", "predict_temperatures", "predict_temperatures_on_test"}
GPU_RULES |= {"train_translation", "train_images", "predict_images"}


def test_trainings_and_predictions_get_a_gpu_and_nothing_else_does(root):
    asked = {rule for rule, wanted in slurm(root)["set-resources"].items() if wanted.get("gpu")}
    assert asked == GPU_RULES


def test_requested_resources_grow_with_every_attempt(root):
    profile = slurm(root)
    for name, wanted in {"default": profile["default-resources"], **profile["set-resources"]}.items():
        for key in ("mem_mb", "runtime"):
            first, second = (eval(str(wanted[key]), {"attempt": attempt}) for attempt in (1, 2))
            assert 0 < first < second, (name, key)


def test_the_rules_of_the_profile_exist_and_those_that_stay_local_are_not_among_them(root):
    text = "\n".join(path.read_text() for path in [root / "Snakefile", *(root / "workflow" / "rules").glob("*.smk")])
    for rule in {*slurm(root)["set-resources"], *slurm(root)["groups"]}:
        assert f"\nrule {rule}:\n" in text, rule
    for rule in ("all", "collect_artefact", "judge_claims", "report_page", "propose_trial", "download_source"):
        assert re.search(rf"^    {rule},", text, re.MULTILINE), rule
