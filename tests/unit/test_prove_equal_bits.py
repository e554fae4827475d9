"""The proof that a change of code left every bit as it was: what is compared, what is added, what is refused."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.provenance.origins import Origin, origin_path

TOOL = Path(__file__).parents[2] / "tools" / "prove_equal_bits.py"
spec = importlib.util.spec_from_file_location("prove_equal_bits", TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def write_job(folder, stage, run, code, content, declared=None):
    results = folder / "results" / "smoke"
    names = [f"runs/{run}/{name}" for name in ("model.pt", "training.provenance.json")]
    if stage == "measure":
        names = [f"runs/{run}/{name}" for name in ("run.json", "measures.csv")]
    for name in names:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"run": content, "claims_sha256": code}) if name.endswith("run.json") else content
        (results / name).write_text(f"{text} {code}" if "provenance" in name else text)
    sums = {name: sha256_of(results / name) for name in names}
    origin = Origin(stage, {"run": run}, declared or {"run": run}, code, {}, sums)
    write_json(origin_path(str(results / names[0])), origin._asdict())


@pytest.fixture
def jobs(tmp_path):
    """A function: the jobs of the old and of the new code, of {(stage, run): ((code, content), (code, content))}."""

    def make(pairs, declared=None):
        shutil.rmtree(tmp_path / "both", ignore_errors=True)
        for (stage, run), both in pairs.items():
            for place, (code, content) in zip(("old", "new"), both, strict=True):
                write_job(tmp_path / "both" / place, stage, run, code, content, declared if place == "new" else None)
        return [tool.jobs_in(tmp_path / "both" / place) for place in ("old", "new")]

    return make


def test_pairs_of_digests_whose_jobs_wrote_equal_bits_are_found(jobs):
    """Times in provenance and the digest of the claims may differ."""
    old, new = jobs(
        {
            ("train", "a"): (("o1", "w"), ("n1", "w")),
            ("train", "b"): (("o1", "v"), ("n1", "v")),
            ("train", "c"): (("o2", "u"), ("o2", "u")),
            ("measure", "a"): (("o3", "m"), ("n3", "m")),
        }
    )
    equal, told = tool.compared(old, new)
    assert {pair: len(found) for pair, found in equal.items()} == {("train", "o1", "n1"): 2, ("measure", "o3", "n3"): 1}
    assert told == []


def test_one_other_bit_refuses_the_pair(jobs):
    old, new = jobs({("train", "a"): (("o1", "w"), ("n1", "w")), ("train", "b"): (("o1", "v"), ("n1", "x"))})
    equal, told = tool.compared(old, new)
    assert equal == {} and told == ['train {"run": "b"} wrote other bits: runs/b/model.pt.']


def test_other_settings_are_not_compared(jobs):
    old, new = jobs({("train", "a"): (("o1", "w"), ("n1", "w"))}, declared={"run": "a", "seed": 2})
    assert tool.compared(old, new) == (
        {},
        ['train {"run": "a"} is declared otherwise in the two checkouts: not compared.'],
    )


def test_entries_say_what_was_compared_and_where(jobs):
    old, new = jobs({("train", "a"): (("o1", "w"), ("n1", "w"))})
    (entry,) = tool.entries(tool.compared(old, new)[0], new, ("0ld", "new"))
    assert (entry["stage"], entry["old"], entry["new"]) == ("train", "o1", "n1")
    proof = entry["proof"]
    assert proof["jobs"] == 1 and proof["updates"] == 30 and proof["commits"] == ["0ld", "new"] and proof["processor"]


def test_code_that_no_smoke_run_needs_is_named():
    told = tool.not_proved([], {})
    assert [one.split(" need code that no smoke run needs")[0].split()[-1] for one in told] == list(tool.SCALES)


def test_every_translation_of_the_proof_has_thirty_updates(workflow_dir):
    config = tool.longer()
    assert (
        config["scale"] == "smoke"
        and config["models"]
        and {one["max_update"] for one in config["models"].values()} == {30}
    )


@pytest.mark.parametrize("differs", [False, True])
def test_the_file_grows_by_what_is_proved_and_by_nothing_else(jobs, monkeypatch, tmp_path, capsys, differs):
    file = tmp_path / "equal.json"
    write_json(file, [])
    both = jobs({("train", "a"): (("o1", "w"), ("n1", "x" if differs else "w"))})
    for name, stand_in in {
        "EQUAL": file,
        "ROOT": tmp_path,
        "longer": lambda: {},
        "runs_of": lambda tree: ["a"],
        "run": lambda *_: None,
        "not_proved": lambda *_: [],
        "jobs_in": lambda folder: both[folder.name == "new"],
    }.items():
        monkeypatch.setattr(tool, name, stand_in)
    monkeypatch.setattr("sys.argv", ["prove", "--old", str(tmp_path), "--keep", str(tmp_path / "kept")])
    assert tool.main() == differs
    assert [(one["old"], one["new"]) for one in read_json(file)] == ([] if differs else [("o1", "n1")])
    assert ("Nothing is added" in capsys.readouterr().out) == differs
