"""The history of validations of a resumed training: whole, or told; never taken for empty."""

import io
import json
import random

import pytest
import torch

from entropyreg.io.errors import UserError, sentence_of
from entropyreg.translation.checkpoints import LAST
from entropyreg.translation.progress import ProgressHandler, read_history
from entropyreg.translation.training import validations_due

HISTORY = [{"updates": 10 * number, "nll_bits": 5.0 - number / 10, "bleu": 1.0 * number} for number in (1, 2, 3)]
LINES = [json.dumps(entry) for entry in HISTORY]


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "checkpoints" / "validations.jsonl"
    found.parent.mkdir()
    found.write_text("".join(f"{line}\n" for line in LINES))
    return found


def handler(path):
    return ProgressHandler("run", 100, path, io.StringIO())


@pytest.mark.parametrize(("updates", "due", "kept"), [(30, 3, 3), (25, 2, 2), (10, 1, 1)])
def test_a_whole_history_is_taken_up_to_the_update_that_is_resumed_from(path, updates, due, kept):
    resumed = handler(path)
    resumed.load_history(updates, due)
    assert resumed.history == HISTORY[:kept]
    assert [json.loads(line) for line in path.read_text().splitlines()] == HISTORY[:kept]


DAMAGED = {
    **{"missing": None, "empty": "", "without its last line": "\n".join(LINES[:2]), "cut": "\n".join(LINES)[:-9]},
    **{"without its first line": "\n".join(LINES[1:]), "a list": "[]", "a number": "1", "a word": '"updates"'},
    **{"another map": '{"x": 1}', "null": "null", "twice": "\n".join([*LINES, LINES[2]]), "deep": "[" * 100_000},
    "updates as text": "\n".join(LINES).replace("30", '"30"'),
    "a value as text": "\n".join(LINES).replace("4.7", '"4.7"'),
    "without the metric": "\n".join(LINES).replace("nll_bits", "nll"),
    "bytes": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_history_is_told_and_stays_as_it_is(path, content):
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(UserError) as caught:
        handler(path).load_history(30, 3)
    told = sentence_of(caught.value)
    assert told.startswith(f"{path} does not hold the validations up to update 30, at which training would resume (")
    assert told.endswith(f": delete the folder {path.parent} and run again, which trains the run anew.")
    assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("number", range(60))
def test_a_cut_history_never_ends_in_another_patience(path, number):
    """Whatever byte it is cut at: the whole history, or a sentence."""
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(number).randrange(len(content))])
    try:
        assert read_history(path, 30, 3, "nll_bits") == HISTORY
    except UserError as error:
        assert str(path) in str(error)


def test_a_history_without_the_metric_of_the_selection_is_told(path):
    path.write_text(path.read_text().replace("bleu", "belu"))
    assert len(read_history(path, 30, 3, "nll_bits")) == 3
    with pytest.raises(UserError, match="'bleu'"):
        read_history(path, 30, 3, "bleu")


@pytest.mark.parametrize("content", [None, "", "[]", LINES[0]], ids=str)
def test_a_training_that_starts_anew_needs_no_history(path, content):
    path.unlink()
    if content is not None:
        path.write_text(content)
    started = handler(path)
    started.load_history(0)
    assert started.history == [] and path.read_text() == ""


def test_before_the_first_validation_there_is_none(path):
    path.unlink()
    assert read_history(path, 5, 0, "nll_bits") == []


@pytest.mark.parametrize(
    ("model", "updates", "due"),
    [
        *(({"validate_every_updates": 8}, updates, due) for updates, due in ((0, 0), (7, 0), (8, 1), (30, 3))),
        *(({}, 30, 4), ({"validate_every_epochs": 2}, 30, 2), ({"validate_every_epochs": 5}, 30, 0), ({}, 0, 0)),
    ],
)
def test_how_many_validations_are_due(tmp_path, model, updates, due):
    """By updates, or by the epochs that had ended at the last checkpoint, here four."""
    state = {"train_iterator": {"epoch": 5, "iterations_in_epoch": 2}}
    torch.save({"extra_state": state}, tmp_path / LAST)
    assert validations_due(model, updates, tmp_path) == due
