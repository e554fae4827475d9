"""The DAG of every scale, by dry runs: the jobs that would run for each target."""

import json
import re
import subprocess
import sys

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.experiments import load_experiments


def counts(output):
    """{rule: jobs} of the first job table of a dry run."""
    table = output[output.index("Job stats:") :]
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


LARGE = ("workstation", "paper")


@pytest.mark.parametrize("scale", [pytest.param(one, marks=[pytest.mark.slow] * (one in LARGE)) for one in SCALES])
def test_every_scale_has_a_dag(snakemake, tmp_path, workflow_dir, scale):
    done = snakemake(tmp_path, "--dry-run", "--config", f"scale={scale}", "data_dir=.")
    assert done.returncode == 0, done.stderr
    assert "Using workflow specific profile" in done.stdout + done.stderr
    experiments = load_experiments(workflow_dir, load_config(workflow_dir, {"scale": scale}))
    runs, jobs = experiments.runs, counts(done.stdout + done.stderr)
    for rule in ("train_images", "predict_images", "measure_images"):
        assert jobs.get(rule, 0) == len(experiments.image_runs)
    assert jobs["train_translation"] == jobs["measure_translation"] == len(runs)
    assert jobs["predict_translation"] == sum(len(run.splits) for run in runs.values())
    swept = [run for run in runs.values() if run.temperatures]
    assert jobs.get("predict_temperatures", 0) == len(swept)
    assert jobs.get("predict_temperatures_on_test", 0) == sum(run.test_temperatures for run in swept)


def test_one_figure_trains_its_own_runs_and_no_other(snakemake, tmp_path, workflow_dir):
    done = snakemake(tmp_path, "a_figure_entropy_bleu", "--dry-run", "--quiet", "host")
    output = done.stdout + done.stderr
    experiments = load_experiments(workflow_dir, load_config(workflow_dir))
    planned = set(re.findall(r"runs/(\S+/seed\d+)/model\.pt, ", output))
    assert planned == set(experiments.artefacts["a_figure_entropy_bleu"].run_ids)
    assert planned < set(experiments.runs)


def test_targets_exist(snakemake, tmp_path):
    done = snakemake(tmp_path, "--dry-run", "paper_a", "paper_b", "a_table_translation")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--config", "scale=dmo"), "scale is 'dmo' (did you mean 'demo'?); allowed: smoke, demo, workstation, paper."),
        (("--config", 'decoding={"beam_test": 0}'), "decoding.beam_test is 0; allowed: >= 1."),
        (("--config", "scale=smoke", "--config", "partial=true"), "--config is given twice, of which Snakemake takes"),
        (("--configfile", "{twice}"), "twice.yaml is not valid YAML: the key 'tasks' is given twice, in line 1"),
        (("--profile", "{twice}"), "twice.yaml is not valid YAML: the key 'tasks' is given twice, in line 1"),
        (("a_figure_nothing",), "a_figure_nothing"),
        (
            ("--config", "scale=workstation", "data_dir=.", "--", "a_table_summarization"),
            "'a_table_summarization' has no tasks at scale 'workstation'; it has some at smoke, demo, paper.",
        ),
    ],
)
def test_mistakes_are_reported_in_a_sentence(snakemake, tmp_path, arguments, message):
    twice = tmp_path / "twice.yaml"
    twice.write_text("tasks:\n  own: 1\ntasks:\n  own: 2\n")
    done = snakemake(tmp_path, "--dry-run", *(str(twice) if one == "{twice}" else one for one in arguments))
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert not list(tmp_path.glob("results*"))


def test_overrides_of_the_command_line_and_of_files_reach_the_jobs(snakemake, tmp_path):
    """Numbers and lists of `--config`, a corpus of one's own in place of the embedded one, a later file over it."""
    (tmp_path / "data" / "mine").mkdir(parents=True)
    for name in (f"{split}.{language}" for split in ("train", "valid", "test") for language in ("de", "en")):
        (tmp_path / "data" / "mine" / name).write_text("eins zwei drei\n")
    own = {"source": {"kind": "parallel", "folder": "mine"}}
    files = {"one": {"scale": "demo", "data_dir": "data", "tasks": {"smoke_de_en": own}}, "two": {"scale": "smoke"}}
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    config = 'decoding={"beam_test": 3, "length_penalty": 5e-1}', 'models={"transformer": {"adam_betas": [0.8, 0.9]}}'
    arguments = ["--configfile", *(str(tmp_path / f"{name}.json") for name in files), "--config", *config]
    done = snakemake(tmp_path, "--dry-run", "--printshellcmds", "--quiet", "progress", *arguments)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    expected = ('"beam": 3', '"length_penalty": 0.5', '"adam_betas": [0.8, 0.9]', '"kind": "parallel"')
    assert [part for part in expected if part not in output] == []


def test_parsing_the_workflow_loads_no_torch_and_no_fairseq(root, tmp_path):
    """The whole Snakefile, in Snakemake's own process; and the parser of the command line."""
    code = (
        "import sys\n"
        "from snakemake.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "import entropyreg.cli.main as cli; cli.parser()\n"
        "assert 'entropyreg.experiments' in sys.modules\n"
        "heavy = {'torch', 'fairseq', 'matplotlib', 'scipy', 'sacrebleu'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    arguments = ["--snakefile", str(root / "Snakefile"), "--directory", str(tmp_path), "--dry-run"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_snakefile_is_a_table_of_contents(root):
    assert len((root / "Snakefile").read_text().splitlines()) < 80


def test_every_artefact_has_a_module_and_a_caption(root, workflow_dir):
    for scale in SCALES:
        config = load_config(workflow_dir, {"scale": scale})
        for artefact in load_experiments(workflow_dir, config).artefacts.values():
            assert (root / "src" / "entropyreg" / "rendering" / f"{artefact.kind}s" / f"{artefact.name}.py").exists()
            assert (workflow_dir / "report" / f"{artefact.name}.rst").read_text().strip()
