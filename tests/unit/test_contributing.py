"""CONTRIBUTING.md is followed to the letter: it names exactly the files that adding a new thing needs.

Everything is added to one copy of the package and of the workflow, and used there as its readers would use it.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from entropyreg.provenance.code_identity import meanings

ROOT = Path(__file__).resolve().parents[2]
CODE = "src/entropyreg/"
PAPER_A, PAPER_B = "workflow/experiments/paper_a.yaml", "workflow/experiments/paper_b.yaml"
SMOKE, SCHEMA = "workflow/config/smoke.yaml", "workflow/schemas/config.schema.yaml"

LOSS = '''"""sum_i p_i^order - V^(1 - order): the Tsallis entropy below its maximum, scaled."""

from entropyreg.regularizers.registry import Kind, Parameter


def tsallis(log_p, u, *, order):
    return (order * log_p).exp().sum(-1) - log_p.shape[-1] ** (1 - order)


TSALLIS = Kind(
    name="tsallis",
    label="Tsallis",
    parameters=(Parameter("order", above=1, most=3),),
    divergence=tsallis,
    marker="P",
    color="#123456",
)
'''
MEASURE = '''"""exp of the mean NLL."""

from math import exp

from entropyreg.measures.catalogue import Measure, declare

PERPLEXITY = declare(Measure("perplexity", "exp of the mean NLL", better="lower"))


def perplexity(nll):
    return exp(nll)
'''
FIGURE = '''"""The NLL of every run, a point each."""

from entropyreg.rendering.figures.panels import new_panels
from entropyreg.rendering.figures.runs import finished_runs, regularizer_name

COLUMNS = ("run", "regularizer", "nll")


def plotted_rows(collected):
    done = finished_runs(collected, "valid")
    return [{"run": run["run"], "regularizer": regularizer_name(run), "nll": found["nll"]} for run, found in done]


def draw(collected, rows):
    figure, (axes,) = new_panels([""], [])
    axes.plot([row["nll"] for row in rows], "o")
    return figure
'''
TASK = """
  mine:
    title: A corpus of mine
    source: {kind: parallel, folder: mine}
    languages: {source: deu, target: eng}
    lowercase: true
    length: {min: 1, max: null}
    ratio: null
    subwords: 50
    joined_dictionary: true"""
BLOCK = """
  - name: mine
    scale: smoke
    tasks: [mine]
    models: [transformer]
    seeds: [1]
    artefacts: [a_figure_peakiness]
    arms: [{regularizer: none}]"""
TASK_OF_IMAGES = """
  my_digits:
    title: Digits of mine
    dataset: my_digits
    split: {validation: 100, train: 300, test: 100, seed: 0}"""
BLOCK_OF_IMAGES = """
  - name: my_images
    scale: smoke
    tasks: [my_digits]
    models: [mlp]
    seeds: [1]
    test: true
    artefacts: [b_table_accuracy]
    arms: [{row: hard, regularizer: none}, {regularizer: tsallis, strength: 0.5, order: 1.5}]"""
ADDED = {  # thing: {file: its whole text, or {a place in it: what is put behind that}}
    "A new regularizer": {f"{CODE}regularizers/members/tsallis.py": LOSS},
    "A regularized run": {
        PAPER_A: {"    arms: &smoke_arms\n": "      - {regularizer: tsallis, strength: 0.5, order: 1.5}\n"},
    },
    "A measure": {
        f"{CODE}measures/perplexity.py": MEASURE,
        f"{CODE}measuring/records.py": {
            "from entropyreg.measures.entropy import normalized_entropy\n": (
                "from entropyreg.measures.perplexity import perplexity\n"
            ),
            '        "nll": means["nll"],\n': '        "perplexity": perplexity(means["nll"]),\n',
        },
    },
    "A figure or table": {
        f"{CODE}rendering/figures/a_figure_nll.py": FIGURE,
        PAPER_A: {
            "\nartefacts:": "\n  a_figure_nll:\n    title: NLL of every run\n    tasks: {smoke: [smoke_de_en]}",
            "    artefacts: &every_run # what shows all runs of a task\n": "      - a_figure_nll\n",
        },
        "workflow/report/a_figure_nll.rst": "The NLL of every run (Meister et al., ACL 2020).\n",
    },
    "A corpus": {
        SMOKE: {"\ntasks:": TASK},
        PAPER_A: {"\nblocks:": BLOCK, "    tasks: &one_task\n      smoke: [smoke_de_en": ", mine"},
    },
    "A set of images": {
        f"{CODE}images/data/sources.py": {"READERS = {\n": '    "my_digits": read_digits,\n'},
        SCHEMA: {"      dataset: {enum: [": "my_digits, "},
        "workflow/config/corpora.yaml": {
            "\nimages:": "\n  my_digits: {train: 1797, test: 0, shape: [1, 8, 8], classes: 10}"
        },
        SMOKE: {"\nimage_tasks:": TASK_OF_IMAGES},
        PAPER_B: {
            "\nimage_blocks:": BLOCK_OF_IMAGES,
            "    tasks: &networks\n      smoke: [smoke_digits": ", my_digits",
        },
    },
    "A configuration key": {
        "workflow/config/base.yaml": {"\ndecoding: # beam search, for every translation run\n": "  haste: 3 # why\n"},
        SCHEMA: {
            "    required: [beam_validation, ": "haste, ",
            "      beam_sizes_sentences: ": "{type: integer}\n      haste: ",
        },
    },
}


USED = """
import json
import sys
import types
from functools import partial
from pathlib import Path

import torch
from fairseq import utils
from fairseq.data import Dictionary
from made_runs import CLAIMS, NONE, Smoke, write_text, write_text_run

from entropyreg.cli.main import main
from entropyreg.experiments.images import ImageRegularizer
from entropyreg.rendering.figures import image_runs, runs
from entropyreg.images.data.sources import read_image_set
from entropyreg.images.objective import hard_objective
from entropyreg.measuring.record_files import read_record
from entropyreg.regularizers.functional import regularized_cross_entropy
from entropyreg.translation import USER_DIR
from entropyreg.translation.command import criterion_arguments

utils.import_user_module(types.SimpleNamespace(user_dir=str(USER_DIR)))
from entropyreg_fairseq.criterion import EntropyRegularizedCrossEntropy

smoke, folder = Smoke(), Path.cwd()
declared = smoke.experiments
(run,) = [one for one in declared.runs.values() if one.regularizer.generator == "tsallis"]
(image_run,) = [one for one in declared.image_runs.values() if one.regularizer.member.generator == "tsallis"]

logits, targets = torch.linspace(-1, 2, 12).reshape(3, 4), torch.tensor([0, 1, 3])
nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
wanted = nll + 0.5 * (logits.softmax(-1).pow(1.5).sum(-1) - 0.5)
text = criterion_arguments(run.regularizer.declared)[-1]
built = EntropyRegularizedCrossEntropy(types.SimpleNamespace(target_dictionary=Dictionary()), text, False)
of_text = partial(regularized_cross_entropy, member=built.member, strength=built.regularizer["strength"])
of_images = partial(hard_objective(image_run.regularizer.settings, torch.ones(4)))
shown = {"kind": "tsallis", "generator": "tsallis", "skew": None, "strength": 0.5, "smoothing": None}
shown |= {"parameters": {"order": 1.5}}
shown |= {"baseline": "uniform"}

write_text(folder / "text")
write_text_run(folder / "runs" / NONE, NONE, 0.0)
places = ["--run-dir", str(folder / "runs" / NONE), "--text", str(folder / "text"), "--claims", str(CLAIMS)]
status = main(["measure", "--settings", smoke.measuring(NONE), *places])
table = folder / "a_figure_nll.json"
places = ["--runs", str(folder / "runs"), "--out", str(table)]
status += main(["collect", "--settings", smoke.collecting("a_figure_nll"), *places])
status += main(["render", "a_figure_nll", "--table", str(table), "--out", str(folder)])
measures = read_record(folder / "runs" / NONE)["measures"]["valid"]
print(json.dumps({
    "runs": [run.id, image_run.id],
    "losses": [torch.allclose(loss(logits, targets, reduction="none"), wanted) for loss in (of_text, of_images)],
    "shown": [runs.regularizer_name(shown), image_runs.targets_name(shown), image_runs.run_color(shown)],
    "perplexity": [measures["perplexity"], measures["nll"]],
    "drawn": sorted(path.name for path in folder.glob("a_figure_nll.*")),
    "rows": {name: sorted({cell.task for cell in declared.artefacts[name].cells if cell.run})
             for name in ("a_figure_nll", "a_figure_peakiness", "b_table_accuracy")},
    "images": len(read_image_set("my_digits").train.images),
    "key": smoke.config["decoding"]["haste"],
    "status": status,
}))
"""
BULLET = re.compile(r"^- \*\*(.+?)\*\* \((\d) files?\): (.*?)(?=^- |^$)", re.MULTILINE | re.DOTALL)


def named():
    """Thing: (number of files, files that its bullet names), the new one with NAME for its name."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return {
        thing: (int(number), re.findall(r"`([\w.]+/[\w/.]+\.\w+)`", told))
        for thing, number, told in BULLET.findall(text)
    }


def written(thing):
    """The files of a thing as CONTRIBUTING.md writes them: without src/entropyreg/, a new one named NAME."""
    paths = {path: Path(path.removeprefix(CODE)) for path in ADDED[thing]}
    return sorted(str(short if (ROOT / path).exists() else short.with_stem("NAME")) for path, short in paths.items())


def test_every_step_of_the_page_is_tested():
    assert set(named()) == set(ADDED)


@pytest.mark.parametrize("thing", ADDED)
def test_it_names_the_files_that_are_needed_and_their_number(thing):
    number, files = named()[thing]
    assert (sorted(set(files)), number) == (written(thing), len(ADDED[thing]))


@pytest.mark.parametrize("thing", ADDED)
def test_nothing_new_changes_the_code_of_trainings(thing):
    trainings = {
        **meanings("train", {"regularizer": {"generator": "entropy"}}),
        **meanings("train-images", {"model": {"kind": "mlp"}, "regularizer": {"kind": "none"}}),
    }
    assert not {path.removeprefix(CODE) for path in ADDED[thing]} & set(trainings)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and the workflow with everything added."""
    folder = tmp_path_factory.mktemp("added")
    for part in ("src", "workflow"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder)
    (folder / "tests").mkdir()
    shutil.copy2(ROOT / "tests" / "made_runs.py", folder / "tests")
    for edits in ADDED.values():
        for name, edit in edits.items():
            path = folder / name
            if isinstance(edit, str):
                path.write_text(edit, encoding="utf-8")
                continue
            text = path.read_text(encoding="utf-8")
            for place, behind in edit.items():
                assert text.count(place) == 1, f"{name} has {place!r} {text.count(place)} times"
                text = text.replace(place, place + behind)
            path.write_text(text, encoding="utf-8")
    for split in ("train", "valid", "test"):
        for language in ("deu", "eng"):
            (folder / "data" / "mine").mkdir(parents=True, exist_ok=True)
            (folder / "data" / "mine" / f"{split}.{language}").write_text("eins zwei drei\n")
    return folder


def run_in(copy, folder, *arguments):
    paths = os.pathsep.join(map(str, (copy / "src", copy / "tests")))
    command, values = [sys.executable, *arguments], os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, cwd=folder, env=values, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_an_added_kind_is_known_to_every_stage(copy, tmp_path):
    found = json.loads(run_in(copy, tmp_path, "-c", USED).splitlines()[-1])
    label = "tsallis-order1.50-strength0.50"
    assert found["runs"] == [f"smoke_de_en/transformer/{label}/seed1", f"my_digits/mlp/{label}"]
    assert found["losses"] == [True, True]
    assert found["shown"] == ["Tsallis, order 1.5, strength .5"] * 2 + ["#123456"]
    assert found["perplexity"][0] == pytest.approx(math.exp(found["perplexity"][1]))
    assert found["drawn"] == [f"a_figure_nll.{ending}" for ending in ("csv", "json", "pdf", "png", "svg")]
    assert found["rows"]["a_figure_nll"] == ["smoke_de_en"] and "mine" in found["rows"]["a_figure_peakiness"]
    assert found["rows"]["b_table_accuracy"] == ["my_digits", "smoke_digits"]
    assert (found["images"], found["key"], found["status"]) == (1797, 3, 0)


@pytest.mark.slow
def test_an_added_kind_is_planned_and_forecast(copy):
    planned = run_in(
        copy, copy, "-m", "snakemake", "--cores", "1", "-n", "--config", "scale=smoke", f"data_dir={copy / 'data'}"
    )
    for rule in ("a_figure_nll", "report_page"):
        assert re.search(rf"^{rule} +1$", planned, re.MULTILINE)
    for run in ("smoke_de_en/transformer/tsallis", "mine/transformer/none", "my_digits/mlp/tsallis"):
        assert f"runs/{run}" in planned
    told = run_in(copy, copy, "-m", "entropyreg", "forecast", "--scale", "smoke", "--data-dir", "data")
    assert "on corpora of unknown size (prepare them first): mine/transformer/none/seed1\n" in told
    assert re.search(r"^my_images +image block +2 ", told, re.MULTILINE)


REMADE = ["tests/unit/rendering/tables/test_table_texts.py", "tests/unit/translation/test_command.py"]


@pytest.mark.slow
@pytest.mark.parametrize("tests", REMADE)
def test_its_command_makes_the_expected_files_again(tmp_path, tests):
    assert f"`python -m pytest {tests}` with `UPDATE_GOLDEN=1`" in (ROOT / "CONTRIBUTING.md").read_text(
        encoding="utf-8"
    )
    for part in ("src", "workflow", "tests"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    expected = [*(tmp_path / "tests/data").glob("expected_*"), *tmp_path.glob("tests/unit/translation/golden/*")]
    for path in expected:
        path.write_text("{}")
    values = os.environ | {"UPDATE_GOLDEN": "1", "PYTHONPATH": str(tmp_path / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", tests], cwd=tmp_path, env=values, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    made = [path for path in expected if path.read_text() != "{}"]
    assert made and all(path.read_bytes() == (ROOT / path.relative_to(tmp_path)).read_bytes() for path in made)
