"""The output of `make portable` on digests from two types of processor; `.ci/run` makes the digests themselves."""

import json

import pytest

OURS = {
    "made_with": {"code": "c1", "torch": "2"},
    "digests": {
        "images, mlp": "initial weights a; update 1, output of hidden.0 b; update 1, loss c; update 1, weights d",
        "translation, skew-Jensen": "initial weights e; update 1, output of fc1 f; update 1, weights g",
    },
}
PLANTED = {  # what is replaced in the digests of the other type, by what: where they then differ first
    ("hidden.0 b", "hidden.0 x"): "images, mlp, update 1, output of hidden.0",
    ("loss c", "loss x"): "images, mlp, update 1, loss",
    ("; update 1, weights d", ""): "images, mlp, update 1, weights",
    ("weights g", "weights g; update 2, loss h"): "translation, skew-Jensen, update 2, loss",
    ("fc1 f; update 1, weights g", "fc1 x; update 1, weights y"): "translation, skew-Jensen, update 1, output of fc1",
    ("images, mlp", "unknown"): "images, mlp, initial weights",
}


@pytest.fixture
def portable(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "benchmarks")
    import portable

    return portable


@pytest.mark.parametrize(("change", "where"), PLANTED.items(), ids=PLANTED.values())
def test_the_first_difference_is_named_with_both_types(portable, change, where):
    theirs = json.loads(json.dumps(OURS).replace(*change))
    told = f"portable trainings: differs first at {where}, between AMD (here) and Intel"
    assert portable.sentence("AMD", OURS, "Intel", theirs) == f"{told}."
    theirs["made_with"]["code"] = "c0"
    doubt = "that need not be the processor's doing: code c0 there and c1 here"
    assert portable.sentence("AMD", OURS, "Intel", theirs) == f"{told}; {doubt}."


def test_equal_digests_are_equal_whatever_made_them(portable):
    told, theirs = "portable trainings: equal to the bit in all 2 kinds on", {**OURS, "made_with": {}}
    assert portable.sentence("AMD", OURS, "Intel", theirs) == f"{told} AMD (here) and Intel."
    assert portable.sentence("AMD", OURS, "AMD", theirs) == f"{told} AMD, here and as committed."


def test_committed_digests_are_of_these_settings(portable):
    committed = json.loads(portable.COMMITTED.read_text(encoding="utf-8"))
    assert committed["settings"] == portable.PORTABLE
    for one in committed["processors"].values():
        assert len(one["digests"]) == 5 and all("; update 30, weights " in trace for trace in one["digests"].values())
