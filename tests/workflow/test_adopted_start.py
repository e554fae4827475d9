"""A start from committed records: what a fresh clone trains, and what tables, report and commands then say.

The dry runs use made-up records of every smoke run, as the present code would commit them; one test adopts for real.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from made_reference import MadeReference
from made_runs import NONE
from test_rerun_economy import PARTS, jobs_in

from entropyreg.reference.commands import act

pytestmark = pytest.mark.slow
ARMS = "    arms: &smoke_arms\n"
NEW_ARM = "      - {row: mine, regularizer: skew_jensen, skew: 0.3, strength: 0.9}\n"
NEW_RUN = "smoke_de_en/transformer/jensen-skew0.30-strength0.90/seed1"
OWN_ARM = "      - {regularizer: mine, strength: 0.5}\n"
OWN = """
from entropyreg.regularizers.registry import Kind


def divergence(log_p, u):
    return (log_p.exp() - u).square().sum(-1)


KIND = Kind(name="mine", label="squares", divergence=divergence)
"""
PREPARING = {"prepare_text", "segment_text", "binarize_text", "prepare_images"}
TRAINING = {"train_translation", "train_images"}


def copied(root, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy2
        copy(root / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory):
    """A fresh clone in which every smoke run has a committed record."""
    folder = copied(root, tmp_path_factory.mktemp("clone"))
    return MadeReference(folder).write()


def edited(folder, name, old, new):
    path = folder / "workflow" / "experiments" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def planned(clone, snakemake, tmp_path):
    """A function: jobs, trained runs and output of a dry run in a copy of the clone; and the copy."""
    shutil.copytree(clone.root, tmp_path, dirs_exist_ok=True)

    def start(*config):
        arguments = ("--dry-run", "--quiet", "host", "--config", "scale=smoke", "adopt=true", *config)
        done = snakemake(tmp_path, "--snakefile", str(tmp_path / "Snakefile"), *arguments)
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-3000:]
        return *jobs_in(output), output

    return start, tmp_path


def test_a_fresh_clone_trains_prepares_and_predicts_nothing(planned, clone):
    start, _ = planned
    jobs, trained, said = start()
    n_runs = len(clone.experiments.runs) + len(clone.experiments.image_runs)
    assert f"entropyreg: {n_runs} of {n_runs} runs are adopted from results/reference/smoke." in said
    drawn = {name: 1 for name in clone.experiments.artefacts}
    once = dict.fromkeys(("adopt_records", "judge_claims", "report_page", "all"), 1)
    assert (jobs, trained) == ({**drawn, **once, "collect_artefact": len(drawn)}, set())


@pytest.mark.parametrize("prepared", [False, True])
def test_one_new_arm_is_one_training(planned, clone, prepared):
    start, folder = planned
    if prepared:
        made = MadeReference(folder)
        for task in ("smoke_de_en", "smoke_en_de", "smoke_docstrings"):
            made.text_data(task)
        made.prepare(folder / "results" / "smoke")
        made.write()
    edited(folder, "paper_a.yaml", ARMS, ARMS + NEW_ARM)
    jobs, trained, said = start()
    assert trained == {NEW_RUN} and jobs["train_translation"] == jobs["measure_translation"] == 1
    assert jobs["predict_translation"] == 2 and "train_images" not in jobs and "stale" not in said
    assert PREPARING & set(jobs) == (set() if prepared else PREPARING - {"prepare_images"})
    assert all(jobs[name] == 1 for name in PREPARING & set(jobs))


def test_one_new_regularizer_of_the_users_own_is_one_training(planned):
    start, folder = planned
    (folder / "mine.py").write_text(OWN)
    edited(folder, "paper_a.yaml", ARMS, ARMS + OWN_ARM)
    jobs, trained, said = start("plugins=[mine.py]")
    assert trained == {"smoke_de_en/transformer/mine-strength0.50/seed1"} and "stale" not in said, said[-3000:]
    assert sum(jobs.get(rule, 0) for rule in TRAINING) == 1


def test_a_new_student_trains_its_adopted_teacher_under_its_own_name(planned, clone):
    start, folder = planned
    student = next(run for run in clone.experiments.image_runs.values() if run.teaching and not run.teaching.matched_to)
    shutil.rmtree(folder / "results" / "reference" / "smoke" / "runs" / student.id)
    jobs, trained, said = start()
    assert trained == {student.id, student.teaching.teacher} and jobs["measure_images"] == 1
    assert f"{student.teaching.teacher} is adopted; its weights are not committed, so it is trained for" in said


def test_other_code_makes_records_stale_and_they_are_trained_again(planned, clone):
    start, folder = planned
    module = folder / "src" / "entropyreg" / "images" / "streams.py"
    module.write_text(module.read_text() + "\nEDITED = True\n")
    jobs, trained, said = start()
    assert trained == set(clone.experiments.image_runs) and "train_translation" not in jobs
    n_runs = len(clone.experiments.image_runs)
    assert f"{n_runs} records are stale, and not adopted: other code of train-images: " in said


def test_a_scale_without_records_is_refused_in_a_sentence(snakemake, clone, tmp_path):
    snakefile = str(clone.root / "Snakefile")
    done = snakemake(tmp_path, "--snakefile", snakefile, "--dry-run", "--config", "scale=demo", "adopt=true")
    assert done.returncode != 0
    assert "adopt is true, but scale 'demo' has no committed record in" in done.stdout + done.stderr
    assert "allowed: smoke." in done.stdout + done.stderr


def test_adopted_and_new_runs_stand_side_by_side(smoke, root, tmp_path, snakemake):
    """Saved, cloned, one arm more: one training, and tables, figures, report and commands show both kinds."""
    first = copied(root, tmp_path / "first")
    shutil.copytree(smoke / "results", first / "results", symlinks=True)
    assert act("save", "smoke", first) == act("verify", "smoke", first) == 0
    clone = copied(root, tmp_path / "clone")
    for part in ("results", "paper_figures"):
        shutil.copytree(first / part / "reference", clone / part / "reference")
    edited(clone, "paper_a.yaml", ARMS, ARMS + NEW_ARM)

    def start(*targets):
        command = ["--snakefile", str(clone / "Snakefile"), "--config", "scale=smoke", "adopt=true", "--", *targets]
        done = snakemake(clone, *command)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

    start()
    results, figures = clone / "results" / "smoke", clone / "paper_figures" / "smoke"
    assert [path.parent.relative_to(results / "runs").as_posix() for path in results.rglob("model.pt")] == [NEW_RUN]
    for name in ("b_table_accuracy.csv", "b_figure_distillation.svg"):  # of adopted runs alone
        assert (figures / name).read_bytes() == (first / "paper_figures/reference/smoke" / name).read_bytes()
    points = (figures / "a_figure_entropy_bleu.csv").read_text()
    assert NEW_RUN in points and NONE in points
    page = (figures / "report.html").read_text()
    assert "of them are adopted from results/reference/smoke" in page
    assert f"<code>{NEW_RUN}</code>: 1 finished<" in page and f"<code>{NONE}</code>: 1 finished, adopted from" in page

    def told(*arguments):
        command = [sys.executable, "-m", "entropyreg", *arguments]
        done = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=300, env=os.environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    records = told("records", "--scale", "smoke", "task=smoke_de_en", "split=test").splitlines()
    sources = {line.split(",")[0]: line.rpartition(",")[2] for line in records[1:]}
    assert sources[NEW_RUN] == "" and any("results/reference/smoke" in line for line in records if NONE in line)
    n_adopted = len(json.loads((results / "adopted.json").read_text())["runs"])
    assert f": {n_adopted} of {n_adopted + 1} runs.\n" in told("status", "--scale", "smoke")
    side_by_side = told("compare", "--scale", "smoke", NONE, NEW_RUN)
    assert f"{NONE} (adopted from results/reference/smoke" in side_by_side and f"{NEW_RUN}\n" in side_by_side
    assert f"{n_adopted} adopted, so not compared" in told("reference", "compare", "--scale", "smoke")
