"""Damaged predictions, records, collected tables and proposals: the stage that reads one names it, without traceback.

Damage that leaves a valid file gives a valid result of measuring, collecting and drawing.
"""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from damage import LONG, checked, damaged_bytes, damaged_json, run_stage, spoil
from made_runs import CLAIMS, DIGITS, NONE, SMOOTHED, Smoke, bind, write_image_run, write_text, write_text_run

from entropyreg.io.files import read_npz
from entropyreg.measuring.record_files import FILES, read_record

TABLES = sorted(path.stem.removeprefix("collected_") for path in Path("tests/data").glob("collected_*_table_*.json"))


@pytest.fixture(scope="module")
def smoke():
    return Smoke()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, smoke):
    """<scale>/{runs,data,tables} of two runs of text and one of images, measured and collected by the stages."""
    folder = tmp_path_factory.mktemp("whole") / "smoke"
    write_text(folder / "text")
    for run, strength in ((NONE, 0.0), (SMOOTHED, 0.1111)):
        write_text_run(folder / "runs" / run, run, strength)
    write_image_run(folder / "runs" / DIGITS, DIGITS, folder / "images")
    return folder


def measure(smoke, folder, run):
    data = ["--data", folder / "images"] if run == DIGITS else ["--text", folder / "text"]
    arguments = ["--settings", smoke.measuring(run), *data, "--run-dir", folder / "runs" / run, "--claims", CLAIMS]
    return run_stage("measure-images" if run == DIGITS else "measure", *arguments)


def score(smoke, folder, run):
    """The scores that a search reads."""
    arguments = ["--settings", smoke.scoring(run), "--text", folder / "text", "--run-dir", folder / "runs" / run]
    return run_stage("score", *arguments)


def collect(smoke, folder, artefact):
    out = folder / "tables" / f"{artefact}.json"
    arguments = ["--settings", smoke.collecting(artefact), "--runs", folder / "runs", "--out", out]
    return run_stage("collect", *arguments), out


@pytest.fixture(scope="module")
def measured(whole, smoke):
    for run in (NONE, SMOOTHED, DIGITS):
        assert measure(smoke, whole, run) is None
    for run in (NONE, SMOOTHED):
        assert score(smoke, whole, run) is None
    return whole


@pytest.fixture
def copied(measured, tmp_path):
    return Path(shutil.copytree(measured, tmp_path / "smoke"))


def remedies(path, folder):
    """The file to delete instead, where a damaged one is no output that Snakemake knows."""
    if path.parent.name.startswith("seed"):
        return (f"{folder}/predictions.json",)
    if path.name.endswith("training.json"):  # its weights_sha256 may have changed
        return (f"{folder}/predictions",)
    return (f"{path.parent}/summary.json", f"delete {path.parent} ") if path.parent.name in ("text", "images") else ()


@pytest.mark.parametrize("run", [NONE, DIGITS], ids=["text", "images"])
@pytest.mark.parametrize("number", range(20 * LONG))
def test_damaged_predictions_make_no_record(smoke, copied, tmp_path, run, number):
    """An npz, a table of hypotheses, training.json, its provenance, or the text: bytes, values and lost files."""
    generator = random.Random(f"{run} {number}")
    folder = copied / "runs" / run
    for name in (*FILES, "provenance.json", "blocks.npz"):
        (folder / name).unlink(missing_ok=True)
    inputs = [path for path in folder.rglob("*") if path.is_file()]
    inputs += (copied / ("images" if run == DIGITS else "text")).iterdir()
    path = generator.choice(sorted(inputs))
    before = path.read_bytes()
    if number % 10 == 0:
        path.unlink()
    else:
        spoil(path, damaged_json if path.suffix == ".json" else damaged_bytes, generator)
        if path.parent.parent != copied and path.suffix in (".npz", ".tsv") and number % 2:
            bind(folder)  # so that it is what is read that is wrong, not its sum
    if run == NONE and (error := score(smoke, copied, run)) is not None:
        checked(error, (str(path), *remedies(path, folder)))
    error = measure(smoke, copied, run)
    if error is not None:
        assert not (folder / "run.json").exists()
        checked(error, (str(path), *remedies(path, folder)))
    else:
        read_record(folder)
        if path.suffix == ".npz" and path.exists() and path.parent.name != "images":  # damaged beside its arrays
            (tmp_path / "before.npz").write_bytes(before)
            arrays, wanted = read_npz(path), read_npz(tmp_path / "before.npz")
            assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nll": None}, "lacks the key 'nll'"),
        ({"nll": np.full(3, 0.5)}, "does not hold what is read from it"),
        ({"sentence": np.array(["a"])}, "does not hold what is read from it"),
        ({"nll": np.array([{}], dtype=object)}, "Object arrays cannot be loaded when allow_pickle=False"),
    ],
    ids=["lost", "short", "of another type", "a pickle"],
)
def test_a_wrong_array_is_reported(smoke, copied, change, message):
    path = copied / "runs" / NONE / "predictions" / "valid.tokens.npz"
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files} | change
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    bind(copied / "runs" / NONE)
    assert message in measure(smoke, copied, NONE)


@pytest.mark.parametrize("artefact", ["a_table_translation", "b_table_calibration"])
@pytest.mark.parametrize("number", range(20 * LONG))
def test_a_damaged_record_is_named_by_collect(smoke, copied, artefact, number):
    generator = random.Random(f"{artefact} {number}")
    runs = [DIGITS] if artefact[0] == "b" else [NONE, SMOOTHED]
    folder = copied / "runs" / generator.choice(runs)
    path = folder / generator.choice(FILES)
    spoil(path, damaged_json if path.suffix == ".json" else damaged_bytes, generator)
    error, out = collect(smoke, copied, artefact)
    if error is not None:
        checked(error, tuple(str(folder / name) for name in FILES))  # a row for a seed that the run lacks is theirs
        assert not out.exists()
    else:
        error = run_stage("render", artefact, "--table", out, "--out", copied)
        assert error is None or checked(error, (str(out),))


@pytest.mark.parametrize("number", range(20 * LONG))
def test_a_damaged_record_is_named_by_records_and_compare(copied, number):
    generator = random.Random(number)
    folder = copied / "runs" / generator.choice([NONE, SMOOTHED])
    path = folder / generator.choice(FILES)
    spoil(path, damaged_json if path.suffix == ".json" else damaged_bytes, generator)
    results = ["--results-dir", copied.parent, "--scale", "smoke"]
    for arguments in (["records"], ["compare", NONE, SMOOTHED]):
        error = run_stage(*arguments, *results)
        if error is not None:
            checked(error, (*(str(folder / name) for name in FILES), "different tasks", "no seed or split in common"))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("number", range(8 * LONG))
def test_a_damaged_table_is_named_by_render(root, tmp_path, name, number):
    path = tmp_path / f"{name}.json"
    shutil.copy(root / "tests" / "data" / f"collected_{name}.json", path)
    spoil(path, damaged_json, random.Random(f"{name} {number}"))
    error = run_stage("render", name, "--table", path, "--out", tmp_path / "out")
    if error is not None:
        checked(error, (str(path),))
        assert not list((tmp_path / "out").glob("*.csv"))


@pytest.mark.parametrize("number", range(12 * LONG))
def test_a_damaged_table_of_a_figure_is_named_by_render(root, tmp_path, number):
    path = tmp_path / "table.json"
    shutil.copy(root / "tests" / "data" / "collected_a_figure_entropy_bleu.json", path)
    spoil(path, damaged_json, random.Random(number))
    error = run_stage("render", "a_figure_entropy_bleu", "--table", path, "--out", tmp_path / "out")
    if error is not None:
        checked(error, (str(path),))


@pytest.mark.parametrize("number", range(15 * LONG))
def test_damaged_scores_are_named_by_propose(copied, number):
    path = copied / "runs" / NONE / "scores.json"
    spoil(path, damaged_json, random.Random(number))
    settings = {"kind": "winner", "runs": [NONE, SMOOTHED]}
    out = copied / "winner.json"
    error = run_stage("propose", "--settings", json.dumps(settings), "--runs", copied / "runs", "--out", out)
    assert (error is None) == out.exists()
    if error is not None:
        checked(error, (str(path),))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}\x00",
        b'{"run": NaN}',
        b"[" * 100_000,
        b'{"a": 1' + b"0" * 5000 + b"}",
    ],
    ids=["empty", "cut", "list", "null", "bytes", "NUL", "NaN", "deep", "digits"],
)
def test_a_file_that_is_no_record_is_always_refused(smoke, copied, content):
    """By every stage that reads one, as is what is no table and no outcome of a training."""
    run = copied / "runs" / NONE
    for name in ("run.json", "scores.json"):
        (run / name).write_bytes(content)
    results = ["--results-dir", copied.parent, "--scale", "smoke"]
    settings = json.dumps({"kind": "winner", "runs": [NONE, SMOOTHED]})
    out = ["--out", copied / "out.json"]
    told = [
        collect(smoke, copied, "a_table_translation")[0],
        run_stage("records", *results),
        run_stage("compare", NONE, SMOOTHED, *results),
        run_stage("propose", "--settings", settings, "--runs", copied / "runs", *out),
    ]
    (run / "training.json").write_bytes(content)
    (copied / "table.json").write_bytes(content)
    told += [run_stage("render", "a_table_translation", "--table", copied / "table.json", "--out", copied)]
    for sentence, name in zip(told, ["run.json"] * 3 + ["scores.json", "table.json"], strict=True):
        checked(sentence, (f"/{name}",))
    for stage in (measure, score):
        checked(stage(smoke, copied, NONE), (f"{run}/training.json",))
