"""Adoption of outputs that Snakemake has no record of, or that are older than their inputs."""

import os
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from test_origins import job

from entropyreg.provenance.adoption import ASIDE, LOCKS, METADATA, adopt, forget_adopted, is_older, tell
from entropyreg.provenance.code_identity import code_digest

CHAIN = {"train": "runs/a/model.pt", "predict": "runs/a/tokens.npz", "measure": "runs/a/record.json"}
NOW = {stage: {"run": "a"} for stage in CHAIN}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The results of a chain of three jobs, from a file of data that lies elsewhere."""
    monkeypatch.chdir(tmp_path)
    root = Path("results")
    root.mkdir()
    (tmp_path / "data.txt").write_text("data")
    before = "../data.txt"
    for stage, name in CHAIN.items():
        job(root, stage, [before], [name])
        before = name
    return root


def adopted(declared=NOW, known=lambda path: path.endswith(("npz", "json"))):
    """Names of the files that adoption set aside, and of those that are older than their inputs afterwards."""

    def planned(stage, of):
        return declared[stage], code_digest(stage, declared[stage])

    return [path.removeprefix("results/") for path in adopt(("results", "figures"), planned, known)]


def date(root, *names):
    """Give files dates in the order of `names`."""
    for second, name in enumerate(names, 1):
        os.utime(root / name, (second, second))


def remember(*paths):
    METADATA.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (METADATA / urlsafe_b64encode(str(path).encode()).decode()).touch()


def with_origins(*names):
    return [part for name in names for part in (name, str(Path(name).parent / ".origin" / f"{Path(name).name}.json"))]


def test_fitting_outputs_stay_and_are_dated_after_their_inputs(tree):
    date(tree, *reversed(with_origins(*CHAIN.values())))
    os.utime("data.txt")
    assert adopted() == []
    dates = [(tree / name).stat().st_mtime_ns for name in CHAIN.values()]
    assert len(set(dates)) == 1 and dates[0] > Path("data.txt").stat().st_mtime_ns
    kept = [(tree / name).stat().st_mtime_ns for name in CHAIN.values()]
    assert adopted() == [] and kept == [(tree / name).stat().st_mtime_ns for name in CHAIN.values()]


def from_here(stage):
    """The outputs of a stage and of all after it, with their origins."""
    return with_origins(*list(CHAIN.values())[list(CHAIN).index(stage) :])


@pytest.mark.parametrize("stage", CHAIN)
def test_outputs_of_other_settings_are_set_aside_with_their_dependants(tree, stage):
    remember(*(tree / name for name in from_here(stage)[2:]))
    before = (tree / CHAIN[stage]).read_text()
    assert adopted(NOW | {stage: {"run": "a", "seed": 2}}) == from_here(stage)
    assert (tree / f"{CHAIN[stage]}{ASIDE}").read_text() == before and not (tree / CHAIN[stage]).exists()


def test_outputs_of_other_code_are_set_aside(tree, monkeypatch):
    monkeypatch.setattr("test_adoption.code_digest", lambda stage, declared: "0" * 16 if stage == "predict" else "")
    assert set(adopted()) == set(with_origins(*CHAIN.values()))


@pytest.mark.parametrize(
    ("edited", "aside"), [("data.txt", "train"), *((f"results/{CHAIN[one]}", one) for one in CHAIN)]
)
def test_edited_outputs_and_outputs_of_other_inputs_are_set_aside_with_their_dependants(tree, edited, aside):
    Path(edited).write_text("edited")
    assert adopted() == from_here(aside)
    assert Path(f"results/{CHAIN[aside]}{ASIDE}").exists()


def test_a_deleted_input_does_not_matter(tree):
    """Weights may go once they predicted, as Snakemake has it."""
    for name in with_origins(CHAIN["train"]):
        (tree / name).unlink()
    assert adopted() == []


def test_dates_pass_across_an_absent_output(tree):
    for name in with_origins(CHAIN["predict"]):
        (tree / name).unlink()
    os.utime("data.txt")
    assert adopted() == []
    assert (tree / CHAIN["train"]).stat().st_mtime_ns == (tree / CHAIN["measure"]).stat().st_mtime_ns


def test_outputs_that_snakemake_remembers_are_left_to_it(tree):
    remember(*(tree / part for part in with_origins(*CHAIN.values())))
    assert adopted({stage: {"run": "other"} for stage in CHAIN}) == []
    date(tree, *reversed(with_origins(*CHAIN.values())))
    before = [(tree / name).stat().st_mtime for name in CHAIN.values()]
    assert adopted({stage: {"run": "other"} for stage in CHAIN}) == []
    assert before == [(tree / name).stat().st_mtime for name in CHAIN.values()]  # it plans them by their dates
    assert adopted() == []
    assert before != [(tree / name).stat().st_mtime for name in CHAIN.values()]


def test_an_output_without_origin_or_snakemake_record_is_set_aside(tree):
    (tree / "runs/a/.origin/record.json.json").unlink()
    (tree / "runs/a/notes.txt").write_text("of the user")
    (tree / "runs/a/.origin/tokens.npz.json").write_text("damaged")
    assert adopted() == ["runs/a/record.json", "runs/a/tokens.npz"]
    assert (tree / "runs/a/notes.txt").exists()


@pytest.mark.parametrize(("locked", "aside"), [("results/a", []), ("figures/b.csv", []), ("elsewhere/a", ["half.npz"])])
def test_nothing_is_touched_where_another_snakemake_works(tree, locked, aside):
    """Its jobs have written files whose origin comes last; `snakemake -n` beside it once took them away."""
    (tree / "half.npz").write_text("half written")
    LOCKS.mkdir(parents=True)
    (LOCKS / "0.input.lock").write_text("data.txt\n")
    (LOCKS / "0.output.lock").write_text(f"some/other\n{locked}\n")
    assert adopted() == aside
    assert (tree / "half.npz").exists() == (not aside)


def test_the_list_of_adopted_runs_goes_unless_another_snakemake_works_there(tree):
    paths = [tree / "adopted.json", tree / ".origin" / "adopted.json.json"]
    forget_adopted("results")  # there is none
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    LOCKS.mkdir(parents=True)
    (LOCKS / "0.output.lock").write_text("results/a\n")
    forget_adopted("results")
    assert all(path.exists() for path in paths)
    (LOCKS / "0.output.lock").unlink()
    forget_adopted("results")
    assert not any(path.exists() for path in paths)


def test_a_job_that_is_no_longer_declared_keeps_its_outputs(tree):
    assert adopted({"train": NOW["train"]}) == []


def test_the_message_lists_set_aside_outputs_once_and_shortened(capsys):
    tell([])
    assert capsys.readouterr().err == ""
    tell([f"file{number}" for number in range(9)])
    assert capsys.readouterr().err == (
        "entropyreg: other code, settings or inputs made file0, file1, file2, file3, file4 and 4 more: kept with the "
        "suffix .aside, and made anew.\n"
    )


def test_a_job_is_late_as_soon_as_one_of_its_outputs_is(tree):
    first, second, data = (tree / name for name in ("first", "second", "data"))
    for path in (first, second, data):
        path.touch()
    date(tree, "first", "data", "second")
    assert is_older([first, second], [data]) and is_older([second, first], [data])
    assert not is_older([second], [data]) and not is_older([], [data]) and not is_older([first], [])
