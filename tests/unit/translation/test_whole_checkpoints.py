"""fairseq's checkpoints are written whole and synced, with the bytes that fairseq gives them; the best one is kept."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import fairseq.trainer
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import CheckpointConfig

from entropyreg.io.run_folder import is_whole
from entropyreg.translation.checkpoints import BEST, LAST, epochs_of, repair_best, repair_last, updates_of, values_of
from entropyreg.translation.repairs import write_whole_checkpoints


class Trainer:
    """What of a trainer `checkpoint_utils.save_checkpoint` needs; it saves as fairseq's own does."""

    data_parallel_rank, checkpoint_suffix, task = 0, "", object()
    should_save_checkpoint_on_current_rank = True

    def __init__(self, updates):
        self.updates = updates

    def consolidate_optimizer(self):
        pass

    def get_num_updates(self):
        return self.updates

    def save_checkpoint(self, filename, extra_state):
        weights = {"layer": torch.full((3000,), float(self.updates))}
        state = {"model": weights, "optimizer_history": [{"num_updates": self.updates}], "extra_state": extra_state}
        checkpoint_utils.torch_persistent_save(state, filename, async_write=False)
        return filename


@pytest.fixture(autouse=True)
def own_fairseq(monkeypatch):
    """What a test changes of fairseq is put back."""
    monkeypatch.setattr(checkpoint_utils, "torch_persistent_save", checkpoint_utils.torch_persistent_save)
    monkeypatch.setattr(checkpoint_utils, "PathManager", checkpoint_utils.PathManager)
    vars(checkpoint_utils.save_checkpoint).pop("best", None)  # where fairseq keeps the best value so far
    yield
    vars(checkpoint_utils.save_checkpoint).pop("best", None)


def save(folder, updates, value):
    """A validation with `value` and a checkpoint after `updates`; two checkpoints of intervals stay."""
    config = CheckpointConfig(save_dir=str(folder), save_interval_updates=8, keep_interval_updates=2)
    state = {"epoch": 2, "iterations_in_epoch": updates}
    iterator = SimpleNamespace(epoch=2, end_of_epoch=lambda: False, state_dict=lambda: state)
    checkpoint_utils.save_checkpoint(config, Trainer(updates), iterator, value)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_bytes_are_those_of_fairseq(tmp_path):
    for name in ("plain", "whole"):
        if name == "whole":
            write_whole_checkpoints()
            del checkpoint_utils.save_checkpoint.best
        for updates, value in ((8, 3.0), (16, 2.0), (24, 2.5)):
            save(tmp_path / name, updates, value)
    assert contents(tmp_path / "plain") == contents(tmp_path / "whole")
    assert set(contents(tmp_path / "whole")) == {"checkpoint_2_16.pt", "checkpoint_2_24.pt", BEST, LAST}


def test_fairseq_s_trainer_has_no_other_way_to_write(tmp_path):
    write_whole_checkpoints()
    module = fairseq.trainer
    assert module.checkpoint_utils is checkpoint_utils and not hasattr(module, "torch_persistent_save")


def test_every_checkpoint_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    synced, own = [], os.fsync

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        own(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_whole_checkpoints()
    save(tmp_path, 8, 3.0)
    files = [name for name in synced if name.endswith(".tmp")]
    assert [name[1 : name.index(".pt") + 3] for name in files] == ["checkpoint_2_8.pt", BEST, LAST]


@pytest.mark.parametrize("lost", [BEST, LAST])
def test_a_copy_that_is_interrupted_leaves_the_old_one(tmp_path, monkeypatch, lost):
    write_whole_checkpoints()
    save(tmp_path, 8, 3.0)
    own = shutil.copyfile

    def cut(source, target):
        own(source, target)
        if lost in str(target):
            os.truncate(target, 1000)
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", cut)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 16, 2.0)
    assert is_whole(tmp_path / lost) and updates_of(tmp_path / lost) == 8


def test_a_save_that_fails_leaves_nothing(tmp_path):
    write_whole_checkpoints()
    with pytest.raises(AttributeError):  # cannot be pickled
        checkpoint_utils.torch_persistent_save({"x": lambda: None}, str(tmp_path / LAST))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def checkpoints(tmp_path):
    """The best of four validations is the third, of which an interval checkpoint is there still."""
    for updates, value in ((8, 3.0), (16, 2.5), (24, 2.0), (32, 2.2)):
        save(tmp_path, updates, value)
    return tmp_path


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_damaged_best_checkpoint_is_copied_again(checkpoints, damage):
    whole = (checkpoints / BEST).read_bytes()
    if damage == "missing":
        (checkpoints / BEST).unlink()
    else:
        (checkpoints / BEST).write_bytes(b"" if damage == "empty" else whole[:-50])
    assert repair_last(checkpoints) == 32 and repair_best(checkpoints)
    assert (checkpoints / BEST).read_bytes() == whole and updates_of(checkpoints / BEST) == 24


def test_of_equally_good_checkpoints_the_last_was_the_best(checkpoints):
    save(checkpoints, 40, 2.0)
    assert updates_of(checkpoints / BEST) == 40
    (checkpoints / BEST).unlink()
    assert repair_best(checkpoints) and updates_of(checkpoints / BEST) == 40


def test_a_best_checkpoint_of_which_no_other_copy_is_left_is_lost(checkpoints):
    for updates in (40, 48):
        save(checkpoints, updates, 2.1)
    assert repair_best(checkpoints) and updates_of(checkpoints / BEST) == 24  # it is whole: nothing to be done
    (checkpoints / BEST).write_bytes(b"")
    assert not repair_best(checkpoints) and not (checkpoints / BEST).exists()


def test_a_better_checkpoint_that_the_training_has_yet_to_reach_again_is_not_taken(checkpoints):
    shutil.copyfile(checkpoints / "checkpoint_2_24.pt", checkpoints / LAST)
    save(checkpoints, 40, 1.0)
    shutil.copyfile(checkpoints / "checkpoint_2_32.pt", checkpoints / LAST)
    (checkpoints / BEST).unlink()
    assert not repair_best(checkpoints)


def test_killed_before_the_first_copies_a_training_has_both(tmp_path):
    save(tmp_path, 8, 3.0)
    for name in (BEST, LAST):
        (tmp_path / name).unlink()
    assert repair_last(tmp_path) == 8 and repair_best(tmp_path)
    assert (tmp_path / BEST).read_bytes() == (tmp_path / "checkpoint_2_8.pt").read_bytes()


def test_without_a_validation_there_is_no_best_checkpoint(tmp_path):
    save(tmp_path, 8, None)
    assert values_of(tmp_path / LAST) == (None, None) and epochs_of(tmp_path / LAST) == 1
    assert repair_best(tmp_path) and not (tmp_path / BEST).exists()


def test_an_equally_good_checkpoint_that_is_yet_to_be_reached_again_is_not_taken(tmp_path):
    for updates in (8, 16):
        save(tmp_path, updates, 3.0)
    shutil.copyfile(tmp_path / "checkpoint_2_8.pt", tmp_path / LAST)
    (tmp_path / BEST).unlink()
    assert repair_best(tmp_path) and updates_of(tmp_path / BEST) == 8


def test_the_last_checkpoint_may_be_the_only_copy_of_the_best(tmp_path):
    """At the end of an epoch fairseq writes no interval checkpoint."""
    save(tmp_path, 8, 3.0)
    for name in ("checkpoint_2_8.pt", BEST):
        (tmp_path / name).unlink()
    assert repair_best(tmp_path) and (tmp_path / BEST).read_bytes() == (tmp_path / LAST).read_bytes()
