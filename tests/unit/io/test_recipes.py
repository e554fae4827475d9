"""Which checkpoints may be resumed from: those of the same recipe, of other threads alone; others are kept aside."""

import json

import pytest

from entropyreg.io.run_folder import ASIDE, changed_keys, recorded_threads, set_other_recipes_aside

RECIPE = {"settings": {"model": {"lr": 0.1}, "seed": 1}, "code": {"torch": "2.9"}, "threads": 8}


@pytest.fixture
def checkpoints(tmp_path):
    """The folder of a training that was interrupted after its first checkpoint."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    assert set_other_recipes_aside(RECIPE, folder) == 8
    (folder / "last.pt").write_text("first")
    return folder


def test_with_other_threads_a_training_goes_on_with_those_of_its_checkpoints(checkpoints, capsys):
    before = (checkpoints / "recipe.json").read_bytes()
    for threads in (2, 16):
        assert set_other_recipes_aside({**RECIPE, "threads": threads}, checkpoints) == 8
        said = capsys.readouterr().err
        assert said.endswith(f"made with 8 threads: training goes on with 8, not with {threads}.\n")
        assert said.count("\n") == 1 and str(checkpoints) in said
    assert (checkpoints / "last.pt").read_text() == "first" and recorded_threads(checkpoints) == 8
    assert (checkpoints / "recipe.json").read_bytes() == before


def test_the_same_recipe_goes_on_without_a_word(checkpoints, capsys):
    assert set_other_recipes_aside(RECIPE, checkpoints) == 8
    assert (checkpoints / "last.pt").exists() and capsys.readouterr().err == ""


def test_without_a_checkpoint_the_given_threads_are_taken(checkpoints, capsys):
    (checkpoints / "last.pt").unlink()
    assert set_other_recipes_aside({**RECIPE, "threads": 2}, checkpoints) == 2
    assert recorded_threads(checkpoints) == 2 and capsys.readouterr().err == ""


def test_checkpoints_of_another_recipe_are_kept_aside_in_place_of_older_ones(checkpoints, capsys):
    aside = checkpoints.with_name("checkpoints" + ASIDE)
    changed = {**RECIPE, "settings": {"model": {"lr": 0.2}, "seed": 1}, "threads": 2}
    assert set_other_recipes_aside(changed, checkpoints) == 2
    said = capsys.readouterr().err
    assert "another recipe (settings.model.lr, threads changed): it is kept as checkpoints.of-another-recipe" in said
    assert [path.name for path in checkpoints.iterdir()] == ["recipe.json"]
    assert (aside / "last.pt").read_text() == "first" and json.loads((aside / "recipe.json").read_text()) == RECIPE
    (checkpoints / "last.pt").write_text("second")
    set_other_recipes_aside(RECIPE, checkpoints)
    assert (aside / "last.pt").read_text() == "second" and recorded_threads(checkpoints) == 8


@pytest.mark.parametrize("threads", [None, 0, -1, True, 1.0, "8", 10**30, [8]], ids=str)
def test_a_number_of_threads_that_is_none_is_not_taken(checkpoints, threads):
    (checkpoints / "recipe.json").write_text(json.dumps({**RECIPE, "threads": threads}))
    assert set_other_recipes_aside(RECIPE, checkpoints) == 8
    assert not (checkpoints / "last.pt").exists()


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000], ids=lambda one: str(one)[:9]
)
def test_checkpoints_of_which_nothing_tells_the_recipe_are_kept_aside(checkpoints, capsys, content):
    if content is None:
        (checkpoints / "recipe.json").unlink()
    else:
        (checkpoints / "recipe.json").write_bytes(content)
    assert set_other_recipes_aside(RECIPE, checkpoints) == 8
    assert "recipe.json is missing or damaged" in capsys.readouterr().err
    assert (checkpoints.with_name("checkpoints" + ASIDE) / "last.pt").exists()


def test_changed_keys_are_named_by_their_place():
    new = {"settings": {"model": {"lr": 0.1, "dropout": 0}, "seed": True}, "code": "x", "threads": 8}
    assert changed_keys(RECIPE, new) == ["code", "settings.model.dropout", "settings.seed"]
    assert changed_keys(RECIPE, json.loads(json.dumps(RECIPE))) == []
