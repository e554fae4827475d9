"""The digest of code changes with the meaning of the code that a job's outcome depends on, and with nothing else."""

import argparse
import ast

import pytest

from entropyreg.io.errors import UserError
from entropyreg.io.files import write_json
from entropyreg.io.meaning import meaning_of_python, without_comments
from entropyreg.io.run_folder import set_other_recipes_aside
from entropyreg.provenance import code_identity
from entropyreg.provenance.code_identity import (
    code_digest,
    imported,
    meanings,
    refuse_other_code,
)
from entropyreg.regularizers.registry import LOOK, built_in

ENTROPY = {"generator": "entropy"}
JOBS = {  # job: stage and what it declares
    "prepare embedded": ("prepare", {"source": {"kind": "embedded"}}),
    "prepare iwslt14": ("prepare", {"source": {"kind": "iwslt14"}}),
    "segment": ("segment", {"subwords": {"merges": 100}}),
    "binarize": ("binarize", {}),
    "train": ("train", {"regularizer": ENTROPY}),
    "train euclidean": ("train", {"regularizer": {"generator": "euclidean"}}),
    "predict": ("predict", {"regularizer": ENTROPY}),
    "predict-temperatures": ("predict-temperatures", {"regularizer": ENTROPY}),
    "measure": ("measure", {"temperatures": [], "metric": "bleu"}),
    "measure summaries": ("measure", {"temperatures": [], "metric": "rouge"}),
    "score": ("score", {"metric": "bleu"}),
    "measure temperatures": ("measure", {"temperatures": [1.0]}),
    "prepare-images": ("prepare-images", {"dataset": "mnist"}),
    "train mlp": ("train-images", {"model": {"kind": "mlp"}, "regularizer": {"kind": "none"}}),
    "train resnet": ("train-images", {"model": {"kind": "resnet"}, "regularizer": {"kind": "none"}}),
    "predict-images": ("predict-images", {}),
    "measure-images": ("measure-images", {}),
    "propose": ("propose", {}),
    "collect": ("collect", {"curves": False}),
    "judge": ("judge", {}),
    "peakiness": ("render", {"artefact": "a_figure_peakiness"}),
    "translation table": ("render", {"artefact": "a_table_translation"}),
    "report": ("report", {}),
}
TRAINED = {"train", "train euclidean", "train mlp", "train resnet"}
OF_IMAGES = {"train mlp", "train resnet", "predict-images"}
OF_FAIRSEQ = {"train", "train euclidean", "predict", "predict-temperatures"}
REACHED = {  # file of the package: the jobs whose outcome a change of it may change, written down by hand
    "regularizers/divergence.py": TRAINED | OF_FAIRSEQ,
    "regularizers/euclidean.py": {"train euclidean"},
    "regularizers/plugins.py": set(),
    "regularizers/classic.py": {"train mlp", "train resnet"},  # paper B's label smoothing
    "regularizers/statistics.py": {"predict", "predict-temperatures"},
    "regularizers/kernels/native/cpp/rows.hpp": TRAINED | OF_FAIRSEQ,
    "regularizers/kernels/native/cpp/statistics.hpp": {"predict", "predict-temperatures"},
    "regularizers/kernels/triton/__init__.py": TRAINED | OF_FAIRSEQ,
    "translation/user_dir/entropyreg_fairseq/criterion.py": OF_FAIRSEQ,  # fairseq imports it by its folder
    "translation/command.py": OF_FAIRSEQ,
    "translation/repairs.py": OF_FAIRSEQ,  # blocking of repeated n-grams; imported where it is used
    "translation/training.py": {"train", "train euclidean"},
    "translation/temperatures.py": {"predict-temperatures"},
    "translation/binarization.py": OF_FAIRSEQ | {"binarize"},
    "images/training.py": {"train mlp", "train resnet"},
    "images/models/resnet.py": {"train resnet", "predict-images"},  # predicting declares no network
    "images/models/mlp.py": {"train mlp", "predict-images"},
    "images/prediction.py": {"predict-images"},
    "images/data/cifar.py": {"prepare-images"},
    "images/data/parquet_images.py": {"prepare-images"},
    "data/iwslt14.py": {"prepare iwslt14"},
    "data/embedded.py": {"prepare embedded", "prepare-images"},
    "data/subwords.py": {"segment", "score", "measure", "measure summaries", "measure temperatures"},
    "measures/bleu.py": {"score", "measure", "measure temperatures"},
    "measures/rouge.py": {"measure summaries", "measure temperatures", "collect", "judge"},
    "measures/sparsity.py": {"measure", "measure summaries", "measure temperatures"},
    "measuring/scores.py": {"score"},
    "measures/mutual_information.py": {"measure-images"},
    "measuring/temperature_measures.py": {"measure temperatures"},
    "comparing/temperature_curves.py": set(),
    "search/bayesian.py": {"propose"},
    "comparing/claims/rules.py": {"judge"},
    "rendering/figures/a_figure_peakiness.py": {"peakiness"},
    "rendering/figures/style.py": {"peakiness"},
    "rendering/tables/a_table_translation.py": {"translation table", "report"},
    "rendering/published/paper_a.yaml": {"translation table", "report"},
    "rendering/report/templates/report.html.j2": {"report"},
    "io/errors.py": set(),
    "io/run_folder.py": set(),
}


@pytest.fixture(scope="module")
def files_of():
    return {name: set(meanings(*job)) for name, job in JOBS.items()}


@pytest.mark.parametrize("file", REACHED)
def test_a_change_reaches_the_jobs_that_depend_on_it_and_no_other(files_of, file):
    assert (code_identity.PACKAGE / file).is_file()
    assert {job for job, files in files_of.items() if file in files} == REACHED[file]


@pytest.mark.parametrize("kind", built_in().values(), ids=list(built_in()))
def test_a_training_follows_the_declaration_and_the_mathematics_of_its_kind_alone(kind):
    of_text = meanings("train", {"regularizer": {"generator": kind.generator or kind.name}})
    of_images = meanings("train-images", {"model": {"kind": "mlp"}, "regularizer": {"kind": kind.name}})
    for found in (of_text, of_images):
        files = {f"regularizers/members/{'skew_jensen' if kind.generator else kind.name}.py"}
        files |= {f"regularizers/{kind.mathematics.partition(':')[0]}.py"} if kind.mathematics else set()
        assert files <= set(found)
        others = {file for file in found if "/members/" in file} - files
        assert others <= {"regularizers/members/skew_jensen.py"}  # whose named points are of every table and figure


def test_the_look_of_a_kind_only_affects_stages_that_show_it():
    file, whole = "regularizers/members/skew_jensen.py", ("train", "predict", "measure", "collect", "train mlp")
    path, before = code_identity.PACKAGE / file, {name: meanings(*JOBS[name])[file] for name in (*whole, "peakiness")}
    changed = ast.parse(path.read_text().replace('marker="s"', 'marker="D"'))
    assert meaning_of_python(changed, LOOK) == before["train"]
    assert meaning_of_python(changed) != before["peakiness"]
    assert {before[name] for name in whole} == {before["train"]} != {before["peakiness"]}


def test_the_digest_changes_with_any_of_its_files(monkeypatch):
    stage, declared = JOBS["train"]
    before, whole = code_digest(stage, declared), meanings(stage, declared)
    for file in whole:
        monkeypatch.setattr(code_identity, "meanings", lambda *_, file=file: {**whole, file: "another"})
        assert code_digest(stage, declared) != before


BEFORE = "import math\n\ndef f(x: int) -> float:\n    return x * 1000.0 + 1\n"


@pytest.mark.parametrize(
    "after",
    [
        '"""Of the module."""\nimport math\n\n\ndef f(x: int) -> float:\n    """Of f."""\n    return x * 1000.0 + 1\n',
        "import math  # why\n\ndef f(x: int) -> float:\n    # how\n    return (x * 1_000.0) + 1\n",
    ],
)
def test_comments_and_formatting_do_not_change_the_meaning(after):
    assert meaning_of_python(ast.parse(BEFORE)) == meaning_of_python(ast.parse(after))


@pytest.mark.parametrize(
    "change", ["1000.0 -> 1000", "+ 1 -> - 1", "x * -> (x + 1) *", "int -> float", "1\n -> True\n"]
)
def test_changed_computation_changes_the_meaning(change):
    old, new = change.split(" -> ")
    assert BEFORE.count(old) >= 1
    assert meaning_of_python(ast.parse(BEFORE)) != meaning_of_python(ast.parse(BEFORE.replace(old, new)))


def test_a_text_that_is_no_docstring_changes_the_meaning():
    first, second = (ast.parse(f"def f():\n    return '{word}'\n") for word in ("a", "b"))
    assert meaning_of_python(first) != meaning_of_python(second)


def test_the_digest_is_the_same_on_every_python():
    """Written down with Python 3.11; of a tree in the forms that releases print or build differently."""
    text = (
        "@d\nclass A(B):\n    x: int = 1\n    def f(self, *a, k=1j, **b): return f'{a!r:>{k}} {b}', b'x', ..., 1e300\n"
    )
    assert meaning_of_python(ast.parse(text))[:16] == "4611be204fbf5389"


def test_comments_of_cpp_do_not_change_the_meaning():
    assert without_comments("int a; // one\n/* two\n */ int  b;") == "int a; int b;"
    assert without_comments('f("// no comment"); \'"\'') == 'f("// no comment"); \'"\''


@pytest.mark.parametrize(
    "line, found",
    [
        ("def f():\n    from entropyreg.measures.bleu import x", {"measures.bleu"}),
        ("import entropyreg.measures.bleu", {"measures.bleu"}),
        ("from entropyreg.measures import bleu\nbleu.score()", {"measures.bleu"}),
        ("from entropyreg.regularizers import euclidean_divergence", {"regularizers.euclidean"}),
        ("from entropyreg import regularizers\nregularizers.kernel_in_use()", {"regularizers.kernels"}),
        ("from entropyreg.translation import USER_DIR", {"translation"}),
        ("from entropyreg.data.embedded import languages_of", {"data.embedded"}),
        ("import numpy\nfrom entropyregular import x", set()),
    ],
)
def test_imports_are_found_at_any_depth(line, found):
    assert set(imported(ast.parse(line), "here")) == found


def sources():
    package = code_identity.PACKAGE
    found = {path.relative_to(package).with_suffix(""): path.read_text() for path in package.rglob("*.py")}
    return {".".join(path.parts).removesuffix(".__init__"): text for path, text in found.items()}


def test_every_import_by_a_computed_name_is_declared():
    named = {name for name, text in sources().items() if "import_module(" in text or "__import__(" in text}
    assert named - {"code_identity"} == {*code_identity.DYNAMIC, "regularizers"} - {"translation"}  # fairseq loads that


def test_relative_imports_are_those_of_the_plug_in_alone():
    relative = {name for name, text in sources().items() if "\nfrom ." in text or "\n    from ." in text}
    assert relative == {"translation.user_dir.entropyreg_fairseq"}


def test_tables_name_existing_modules_and_files():
    tables = (code_identity.PLUMBING, code_identity.ONLY_FOR, code_identity.FILES, code_identity.DYNAMIC)
    for name in {name for table in tables for name in table}:
        assert code_identity.path_of(name).is_file(), name
    patterns = [pattern for listed in code_identity.FILES.values() for pattern in listed]
    covered = {file for pattern in patterns for file in code_identity.PACKAGE.glob(pattern)}
    native = code_identity.PACKAGE / "regularizers" / "kernels" / "native" / "cpp"
    assert {file for file in native.iterdir() if file.is_file()} <= covered


def test_a_job_of_another_tree_is_refused(monkeypatch):
    settings = JOBS["train"][1]
    args = argparse.Namespace(command="train", settings=settings, code=code_digest("train", settings))
    refuse_other_code(args)
    refuse_other_code(argparse.Namespace(command="train", settings=settings, code=None))
    monkeypatch.setenv(code_identity.PLANNED_IN, "one/tree")
    args.code = "0" * 16
    with pytest.raises(UserError, match=r"planned by the code in one/tree .*, but would run that in .*: install"):
        refuse_other_code(args)


def test_a_cache_that_is_damaged_or_may_not_be_written_changes_no_digest(tmp_path, monkeypatch):
    stage, declared = JOBS["binarize"]
    wanted = code_digest(stage, declared)
    for content in (b"", b"[1]", b"{"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        code_identity.cache_path().parent.mkdir(exist_ok=True)
        code_identity.cache_path().write_bytes(content)
        code_identity.cached.cache_clear()
        code_identity.facts_of.cache_clear()
        assert code_digest(stage, declared) == wanted
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    code_identity.cached.cache_clear()
    code_identity.facts_of.cache_clear()
    assert code_digest(stage, declared) == wanted
    monkeypatch.undo()
    code_identity.cached.cache_clear()


@pytest.fixture
def proved(tmp_path, monkeypatch):
    """A function that writes entries (stage, new, old) of equal digests in place of the committed ones."""

    def write(*entries):
        path = tmp_path / f"equal{len(entries)}.json"
        write_json(path, [{"stage": stage, "new": new, "old": old, "proof": {}} for stage, new, old in entries])
        monkeypatch.setattr(code_identity, "EQUAL", path)

    return write


def test_code_of_equal_bits_keeps_the_earliest_digest(proved):
    """So Snakemake plans nothing, and recipes, origins and committed records go on to fit."""
    stage, declared = JOBS["train"]
    own = code_digest(stage, declared)
    proved(("train", own, "second"), ("train", "second", "first"), ("predict", own, "other"))
    assert code_digest(stage, declared) == "first"
    assert code_digest(*JOBS["train euclidean"]) != "first"


def test_a_training_resumes_under_code_of_equal_bits(proved, tmp_path):
    settings = JOBS["train mlp"][1]

    def resumed():
        checkpoints = tmp_path / "checkpoints"
        checkpoints.mkdir(exist_ok=True)
        set_other_recipes_aside({"code": {"digest": code_digest("train-images", settings)}, "threads": 1}, checkpoints)
        found = (checkpoints / "last.pt").exists()
        (checkpoints / "last.pt").touch()
        return found

    assert [resumed(), resumed()] == [False, True]
    own = code_digest("train-images", settings)
    proved(("train-images", own, "older"))
    assert not resumed()  # what was begun by code of other bits
    proved(("train-images", "newer", own), ("train-images", own, "older"))
    assert resumed()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([("train", "b", "a"), ("train", "b", "c")], "says of digest b of train that it equals two others"),
        ([("train", "b", "a"), ("train", "a", "b")], "leads from digest b of train back to itself"),
    ],
)
def test_contradicting_equal_digests_are_refused(proved, entries, told):
    proved(*entries)
    with pytest.raises(UserError, match=told):
        code_digest(*JOBS["train"])


def test_a_damaged_file_of_equal_digests_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(code_identity, "EQUAL", tmp_path / "equal.json")
    for content in ("[", "[{}]", "[3]"):
        (tmp_path / "equal.json").write_text(content)
        with pytest.raises(UserError, match=r"equal\.json"):
            code_digest(*JOBS["train"])
