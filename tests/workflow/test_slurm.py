"""The Slurm profile on a throw-away Slurm with fake GPUs: cancelled, preempted, a node lost; the records agree."""

import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from slurm_cluster import Cluster, wait_until, why_not

from entropyreg.io.files import read_json, sha256_of

ROOT = Path(__file__).resolve().parents[2]
RUNS = "results/smoke/runs"
RUN = f"{RUNS}/smoke_de_en/transformer/none/seed1"
QUIET = "--output=/dev/null"
REASON = why_not()
needs_slurm = pytest.mark.skipif(REASON is not None, reason=f"no throw-away Slurm: {REASON}")


@pytest.fixture
def cluster():
    one = Cluster()
    try:
        yield one.start()
    finally:
        one.stop()


@contextmanager
def submitted(cluster, folder, *arguments):
    """Snakemake at work with the unchanged profile, except for features that this Slurm lacks and shorter waits."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--profile", str(ROOT / "profiles" / "slurm"), "--config", "scale=smoke"]
    command += ["--slurm-no-account", "--slurm-status-command", "squeue"]
    command += ["--slurm-init-seconds-before-status-checks", "2", "--", *arguments]
    with (folder / "snakemake.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=cluster.environment, cwd=ROOT)
        try:
            yield process
        finally:
            process.kill()  # does nothing to one that has ended
            process.wait()


def ended(process, folder, seconds):
    code = process.wait(seconds)
    assert code == 0, (folder / "snakemake.log").read_text()[-4000:]


def accounts(cluster):
    """{comment: [(partition, memory, time limit, gpus) of every submission]}, oldest first."""
    layout = "jobid:|,partition:|,minmemory:|,timelimit:|,tres-per-job:|,comment:"
    out = cluster.run("squeue", "--noheader", "--states=all", "--sort=i", f"--Format={layout}")
    rows = [[field.strip() for field in line.split("|")] for line in out.splitlines()]
    return {row[-1]: [tuple(one[1:-1]) for one in rows if one[-1] == row[-1]] for row in rows}


def frozen_trainer(cluster, folder):
    """(job, node) of a training that has a checkpoint, suspended so that it cannot end first; None if there is none."""
    for checkpoint in folder.glob(f"{RUNS}/**/checkpoints/checkpoint_last.pt"):
        run_dir = checkpoint.parents[1]
        name = "_".join(run_dir.relative_to(folder / RUNS).parts)
        holder = run_dir / ".lock.holder"  # one that was killed leaves it behind
        with suppress(psutil.Error, FileNotFoundError):
            trainer = psutil.Process(int(re.match(r"process (\d+)", holder.read_text())[1]))
            if trainer.cwd() == str(folder) and "train" in trainer.cmdline():
                trainer.suspend()
                if not (run_dir / "model.pt").exists():
                    for found in cluster.jobs(f"rule_train_translation_wildcards_{name}"):
                        return found
                trainer.resume()
    return None


def without_the_run(smoke, folder):
    """The results of a local run and Snakemake's records of them, except for one run."""
    for name in ("results", ".snakemake"):
        shutil.copytree(smoke / name, folder / name)
    shutil.rmtree(folder / RUN)


def preempt(cluster, job):
    """A job of higher priority takes both nodes for some seconds."""
    command = ("sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--exclusive", "--wrap=sleep 5", QUIET)
    urgent = cluster.run(*command).strip()
    wait_until(lambda: urgent in dict(cluster.jobs("", "COMPLETED")), 120, "the end of the urgent work")
    assert "Restarts=0" not in cluster.run("scontrol", "show", "job", job)


@needs_slurm
@pytest.mark.slow
def test_a_cancelled_training_is_submitted_again_with_more_and_goes_on_where_it_was(cluster, smoke, tmp_path):
    without_the_run(smoke, tmp_path)
    with submitted(cluster, tmp_path, f"{RUN}/run.json") as process:
        job, _ = wait_until(lambda: frozen_trainer(cluster, tmp_path), 900, "a checkpoint of a running training")
        cluster.run("scancel", job)
        ended(process, tmp_path, 1800)
    assert (tmp_path / RUN / "measures.csv").read_bytes() == (smoke / RUN / "measures.csv").read_bytes()
    assert read_json(tmp_path / RUN / "training.provenance.json")["resumed_from_update"] > 0
    found = accounts(cluster)
    trainings = found.pop("rule_train_translation_wildcards_smoke_de_en_transformer_none_seed1")
    gpu = trainings[0][-1]
    assert re.fullmatch(r"(gres:)?gpu:1", gpu)
    assert trainings == [("gpu", "16000M", "1-00:00:00", gpu), ("gpu", "32000M", "2-00:00:00", gpu)]
    # two predictions of an hour, that of beam sizes and the measuring: one submission, one after another on one GPU
    assert list(found.values()) == [[("gpu", "16000M", "3:15:00", gpu)]]


@needs_slurm
@pytest.mark.long
def test_a_training_that_loses_its_node_and_then_its_gpu_is_queued_again_by_slurm(cluster, smoke, tmp_path):
    without_the_run(smoke, tmp_path)
    with submitted(cluster, tmp_path, f"{RUN}/run.json") as process:
        job, node = wait_until(lambda: frozen_trainer(cluster, tmp_path), 900, "a checkpoint of a running training")
        cluster.crash(node)
        again, other = wait_until(lambda: frozen_trainer(cluster, tmp_path), 900, "the training on the other node")
        assert again == job and other != node
        cluster.repair(node)
        preempt(cluster, job)
        ended(process, tmp_path, 1800)
    assert (tmp_path / RUN / "measures.csv").read_bytes() == (smoke / RUN / "measures.csv").read_bytes()
    assert read_json(tmp_path / RUN / "training.provenance.json")["resumed_from_update"] > 0
    log = (tmp_path / "snakemake.log").read_text()
    assert f"SLURM jobid {job}" in log and "Trying to restart" not in log  # Slurm did it, not Snakemake


@needs_slurm
@pytest.mark.long
def test_the_whole_dag_survives_a_cancelled_job_a_dead_node_and_preemption(cluster, smoke, tmp_path):
    with submitted(cluster, tmp_path) as process:

        def running(comment):
            assert process.poll() is None, (tmp_path / "snakemake.log").read_text()[-4000:]
            return cluster.jobs(comment)

        job, _ = wait_until(lambda: running("rule_") and frozen_trainer(cluster, tmp_path), 1800, "a training")
        cluster.run("scancel", job)
        _, node = wait_until(lambda: running("rule_train_images"), 1800, "another training")[0]
        cluster.crash(node)
        time.sleep(10)
        cluster.repair(node)
        preempted, _ = wait_until(lambda: running("rule_train"), 1800, "a third training")[0]
        preempt(cluster, preempted)
        ended(process, tmp_path, 5400)
    both = (tmp_path, smoke)
    ours, theirs = (sorted(path.relative_to(one) for path in one.glob(f"{RUNS}/**/measures.csv")) for one in both)
    assert ours == theirs and len(ours) > 20
    different = [path for path in ours if sha256_of(tmp_path / path) != sha256_of(smoke / path)]
    assert not different
    for path in (smoke / "paper_figures" / "smoke").glob("[!.]*"):  # the report tells when and where, so it differs
        assert path.name == "report.html" or sha256_of(path) == sha256_of(tmp_path / "paper_figures/smoke" / path.name)


def test_the_temporary_slurm_reports_missing_programs(monkeypatch):
    monkeypatch.setattr("slurm_cluster.shutil.which", lambda name: None if name == "slurmctld" else name)
    assert why_not() == ("no slurmctld on PATH (Debian: apt-get install --no-install-recommends slurm-wlm munge)")


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["smoke", pytest.param("paper", marks=pytest.mark.long)])
def test_the_groups_of_the_profile_suit_every_dag(snakemake, tmp_path, scale):
    """Snakemake refuses a group that would wait for itself: searches, matches and students wait for single runs."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    arguments = (
        "--dry-run",
        "--profile",
        str(ROOT / "profiles/slurm"),
        "--config",
        f"scale={scale}",
        "data_dir=.",
    )
    done = snakemake(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
