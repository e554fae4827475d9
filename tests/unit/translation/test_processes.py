"""Processes that share a training: who leads, what each is given. (Trainings: tests/workflow/test_distributed.py.)"""

import pytest

from entropyreg.io.errors import UserError
from entropyreg.translation import processes

SETTINGS = {"run": "a/b/c/seed1", "model": {"update_freq": 8, "lr": 0.1}, "device": "cpu"}
TORCHRUN = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}


@pytest.fixture
def launched(monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def alone(monkeypatch):
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)


def test_by_itself_a_process_leads_and_has_all_batches(alone):
    assert processes.count() == 1 and not processes.is_follower()
    assert processes.shared_settings(SETTINGS, 1) == SETTINGS


def test_slurm_s_own_variables_launch_nothing(alone, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert processes.count() == 1 and not processes.is_follower()


def test_the_first_process_leads_and_the_others_follow(launched, monkeypatch):
    assert processes.count() == 2 and processes.is_follower()
    monkeypatch.setenv("RANK", "0")
    assert not processes.is_follower()


@pytest.mark.parametrize(("number", "share"), [(2, 4), (8, 1)])
def test_an_update_keeps_its_batches(number, share):
    shared = processes.shared_settings(SETTINGS, number)
    assert shared["model"] == {"update_freq": share, "lr": 0.1}
    assert SETTINGS["model"]["update_freq"] == 8


@pytest.mark.parametrize(("model", "batches"), [({"update_freq": 8}, 8), ({}, 1)])
def test_batches_that_cannot_be_shared_are_told(model, batches):
    with pytest.raises(UserError, match=rf"update_freq is {batches}, which 3 processes cannot share"):
        processes.shared_settings({**SETTINGS, "model": model}, 3)


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "nccl")])
def test_fairseq_reads_this_process_s_place_among_all(launched, device, backend):
    from fairseq import options
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    arguments = ["data", "--distributed-world-size", "1", "--arch", "transformer", *(["--cpu"] * (device == "cpu"))]
    parser = options.get_training_parser()
    group = convert_namespace_to_omegaconf(
        options.parse_args_and_arch(parser, processes.shared_arguments(arguments))
    ).distributed_training
    assert (group.distributed_world_size, group.distributed_rank, group.device_id) == (2, 1, 1)
    assert group.distributed_no_spawn and group.distributed_init_method == "env://"
    assert (group.distributed_backend, group.ddp_backend) == (backend, "legacy_ddp")


def test_a_follower_computes_with_the_threads_of_the_first(monkeypatch):
    """The first may have found them in the recipe of a checkpoint."""
    import torch

    def broadcast(said, src):
        assert src == 0
        said[:] = [["data", "--cpu"], 2]

    monkeypatch.setattr(torch.distributed, "broadcast_object_list", broadcast)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert processes.tell(None) == ["data", "--cpu"]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
