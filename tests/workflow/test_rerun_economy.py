"""What an edit makes again: dry runs in a copy of the checkout whose smoke DAG Snakemake takes for finished.

Nothing is trained for that: `snakemake --touch` notes for every job what it was made from (settings, code, rules),
as a job that ran would have it noted, and empty files stand for the outputs.
"""

import os
import re
import resource
import shutil
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments

pytestmark = pytest.mark.slow
PARTS = ("Snakefile", "README.md", "docs", "envs", "profiles", "src", "workflow")
ALWAYS = {"all": 1, "report_page": 1}  # the report shows every artefact, so it follows each of them
SUMMARIES = "smoke_docstrings/transformer/jensen-skew0.50-strength"


def jobs_in(output: str) -> tuple[dict[str, int], set[str]]:
    """What a dry run says: {rule: jobs}, and the runs that would be trained."""
    if "Nothing to be done" in output:
        return {}, set()
    table = output[output.index("Job stats:") :].split("\n\n")[0]
    jobs = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    jobs.pop("total")
    return jobs, set(re.findall(r"output: \S*/runs/(\S+)/model\.pt, ", output))


class Checkout:
    """A copy of the checkout in which the smoke DAG is finished; `planned` is what a start would do now."""

    def __init__(self, root: Path, folder: Path, snakemake) -> None:
        self.folder, self._snakemake = folder, snakemake
        for part in PARTS:
            copy = shutil.copytree if (root / part).is_dir() else shutil.copy2
            copy(root / part, folder / part)
        output = self.start("--touch", "--config", "scale=smoke")
        made = [path for line in re.findall(r"because they don't exist: (.*)", output) for path in line.split(", ")]
        assert len(made) > 300 and "paper_figures/smoke/report.html" in made
        now = time.time()
        for path in made:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
            os.utime(folder / path, (now, now))

    def start(self, *arguments: str) -> str:
        """What `snakemake` with the copy's own Snakefile says."""
        done = self._snakemake(self.folder, "--snakefile", str(self.folder / "Snakefile"), *arguments)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr

    def planned(self) -> tuple[dict[str, int], set[str]]:
        """{rule: jobs}, and the runs that would be trained."""
        return jobs_in(self.start("--dry-run", "--quiet", "host", "--config", "scale=smoke"))

    @contextmanager
    def edited(self, path: str, old: str, new: str):
        """One place of a file of the checkout changed, for as long as the block lasts."""
        path = self.folder / path
        text, stat = path.read_text(), path.stat()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))
        try:
            yield
        finally:
            path.write_text(text)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def module(self, name: str, further: str = "\nEDITED = True\n"):
        """A module of the package with a further line at its end; by default one that means something."""
        text = (self.folder / "src" / "entropyreg" / name).read_text()
        return self.edited(f"src/entropyreg/{name}", text, text + further)


@pytest.fixture(scope="module")
def checkout(root, snakemake, tmp_path_factory):
    return Checkout(root, tmp_path_factory.mktemp("economy"), snakemake)


@pytest.fixture(scope="module")
def experiments(workflow_dir):
    return load_experiments(workflow_dir, load_config(workflow_dir, {"scale": "smoke"}))


def names(experiments, kind):
    return {name: 1 for name, artefact in experiments.artefacts.items() if artefact.kind == kind}


def test_what_has_no_part_in_a_result_makes_nothing_again(checkout):
    """Texts for readers, touched files, what the scheduler reserves."""
    for touched in ("src/entropyreg/data/embedded/registry.de-en.tsv.xz", "src/entropyreg/translation/training.py"):
        os.utime(checkout.folder / touched)
    with ExitStack() as stack:
        for name in ("regularizers/divergence.py", "measures/bleu.py", "rendering/tables/formats.py"):
            stack.enter_context(checkout.module(name, "\n# a comment\n"))
        path = "src/entropyreg/rendering/tables/__init__.py"
        text = (checkout.folder / path).read_text()
        stack.enter_context(checkout.edited(path, text, text.replace('"""', '"""Another docstring. ', 1)))
        for path in ("README.md", "docs/speed.md"):
            text = (checkout.folder / path).read_text()
            stack.enter_context(checkout.edited(path, text, text + "\nA further line.\n"))
        stack.enter_context(checkout.edited("workflow/config/base.yaml", "  train: 2000\n", "  train: 2500\n"))
        assert checkout.planned() == ({}, set())


def test_editing_a_figure_redraws_that_figure(checkout):
    with checkout.module("rendering/figures/a_figure_peakiness.py"):
        assert checkout.planned() == (ALWAYS | {"a_figure_peakiness": 1}, set())


def test_editing_what_all_tables_share_redraws_the_tables(checkout, experiments):
    with checkout.module("rendering/tables/__init__.py"):
        assert checkout.planned() == (ALWAYS | names(experiments, "table"), set())


def test_editing_a_measure_measures_again_and_trains_and_predicts_nothing(checkout, experiments):
    with checkout.module("measures/sparsity.py"):
        jobs, trained = checkout.planned()
    assert trained == set() and jobs["measure_translation"] == len(experiments.runs)
    assert not {"train_images", "predict_translation", "predict_beams"} & set(jobs)


def test_a_new_regularizer_or_figure_beside_the_others_plans_nothing(checkout):
    package = checkout.folder / "src" / "entropyreg"
    new = [
        package / name
        for name in ("regularizers/of_mine.py", "rendering/figures/a_figure_of_mine.py", "measures/of_mine.py")
    ]
    try:
        for path in new:
            path.write_text("SCALE = 2.0\n")
        assert checkout.planned() == ({}, set())
    finally:
        for path in new:
            path.unlink()


def test_editing_one_runs_strength_trains_that_run(checkout):
    """Its name says the strength, so it is a new run beside the old one."""
    arm = (
        "artefacts: [a_table_summarization]\n    arms: [{row: ger, regularizer: skew_jensen, skew: 0.5, strength: %s}]"
    )
    with checkout.edited("workflow/experiments/paper_a.yaml", arm % "1.0", arm % "0.9"):
        jobs, trained = checkout.planned()
    assert trained == {f"{SUMMARIES}0.90/seed1"}
    once = ("train_translation", "measure_translation", "collect_artefact", "judge_claims", "a_table_summarization")
    assert jobs == ALWAYS | dict.fromkeys(once, 1) | {"predict_translation": 2}


def test_editing_an_option_of_a_model_trains_its_runs(checkout, experiments):
    with checkout.edited("workflow/config/smoke.yaml", "lr: 0.25", "lr: 0.2"):
        jobs, trained = checkout.planned()
    assert trained == {name for name, run in experiments.runs.items() if run.model == "fconv"} != set()
    assert "binarize_text" not in jobs and "train_images" not in jobs


def test_editing_an_option_of_an_image_model_trains_its_runs_and_their_students(checkout, experiments):
    with checkout.edited("workflow/config/smoke.yaml", "hidden: [8, 8]", "hidden: [8, 9]"):
        jobs, trained = checkout.planned()
    assert trained == {name for name, run in experiments.image_runs.items() if run.model == "mlp_student"} != set()
    assert not {"train_translation", "prepare_images"} & set(jobs)


def test_a_smaller_beam_predicts_again_and_trains_only_what_a_search_proposes_from_it(checkout, experiments):
    with checkout.edited("workflow/config/base.yaml", "beam_validation: 5", "beam_validation: 3"):
        jobs, trained = checkout.planned()
    proposed = {name: run for name, run in experiments.runs.items() if run.regularizer.proposal}
    assert trained == proposed.keys()
    tested = sum(run.test for run in proposed.values())
    assert jobs["predict_translation"] == len(experiments.runs) + tested  # validation of all; test where trained anew


def test_a_title_is_collected_and_redrawn_where_it_stands(checkout, experiments):
    shown = {name: 1 for name, one in experiments.artefacts.items() if "smoke_docstrings" in one.text_tasks}
    with checkout.edited("workflow/config/smoke.yaml", "Embedded docstrings (smoke)", "Summaries"):
        jobs, trained = checkout.planned()
    assert (jobs, trained) == (ALWAYS | shown | {"collect_artefact": len(shown), "judge_claims": 1}, set())


def test_editing_the_objective_trains_every_run(checkout, experiments):
    """Of the tests above: that they see what has to be trained."""
    with checkout.module("regularizers/divergence.py"):
        assert checkout.planned()[1] == {*experiments.runs, *experiments.image_runs}


def test_a_start_with_nothing_to_do_and_a_dry_run_of_paper_cost_seconds(checkout, snakemake, tmp_path):
    """CPU time of the programs, the least of two starts: a busy machine adds to that of the system rather."""

    def cpu_seconds(start):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        start()
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    def dry_run_of_paper():
        done = snakemake(tmp_path, "--dry-run", "--config", "scale=paper", "data_dir=.")
        assert done.returncode == 0, done.stderr[-3000:]

    for start, allowed in ((checkout.planned, 6), (dry_run_of_paper, 15)):
        assert min(cpu_seconds(start) for _ in range(2)) < allowed
