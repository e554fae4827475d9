"""Several processes train one run together: the batches of every update are shared out among them.

    gradient of an update = sum over its `update_freq` batches / their target tokens

is the same sum whoever computes its terms: each of P processes takes update_freq / P of the batches, and fairseq adds
up their gradients. Only dropout draws otherwise. torchrun starts the processes; the first leads: it alone holds the
run's lock, reads and writes the run's folder, and tells the others the arguments of fairseq.

Source: fairseq's `LegacyDistributedDataParallel`, the one of its wrappers that also works on CPUs.
"""

import os
from collections.abc import Mapping
from typing import Any

from entropyreg.io.devices import is_launched
from entropyreg.io.errors import UserError


def count() -> int:
    """Processes that train this run."""
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def is_follower() -> bool:
    """True in every process but the one that leads."""
    return is_launched() and int(os.environ["RANK"]) > 0


def shared_settings(settings: Mapping[str, Any], processes: int) -> dict[str, Any]:
    """The settings of one of several processes: with its share of the batches of an update."""
    if processes == 1:
        return dict(settings)
    batches = settings["model"].get("update_freq", 1)
    if batches % processes:
        raise UserError(
            f"run '{settings['run']}': models.*.update_freq is {batches}, which {processes} processes cannot share; "
            f"allowed: a multiple of {processes} (with max_tokens divided by as much, an update stays as large)."
        )
    return {**settings, "model": {**settings["model"], "update_freq": batches // processes}}


def shared_arguments(arguments: list[str]) -> list[str]:
    """fairseq's arguments for this process of several: the last of two equal options counts."""
    backend = "gloo" if "--cpu" in arguments else "nccl"
    group = ["--distributed-world-size", os.environ["WORLD_SIZE"], "--distributed-rank", os.environ["RANK"]]
    group += ["--distributed-init-method", "env://", "--distributed-no-spawn", "--distributed-backend", backend]
    return [*arguments, *group, "--device-id", os.environ["LOCAL_RANK"], "--ddp-backend", "legacy_ddp"]


def join(device: str) -> None:
    """Wait until all processes are here, and let them talk to each other."""
    import torch

    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo", init_method="env://")


def tell(arguments: list[str] | None) -> list[str] | None:
    """What the first process says, fairseq's arguments or None if there is nothing left to train: every one gets it.

    All compute with the threads of the first, which may have found them in the recipe of a checkpoint.
    """
    import torch

    said = [arguments, torch.get_num_threads()]
    torch.distributed.broadcast_object_list(said, src=0)
    torch.set_num_threads(said[1])
    return said[0]


def follow(settings: Mapping[str, Any], threads: int) -> None:
    """Train beside the first process, as one that writes and says nothing."""
    import logging
    import sys

    import torch

    torch.set_num_threads(threads)
    join(settings["device"])
    arguments = tell(None)
    if arguments is None:
        return
    logging.basicConfig(level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    from fairseq_cli import train as fairseq_train

    sys.argv = ["fairseq-train", *shared_arguments(arguments)]
    try:
        fairseq_train.cli_main()
    except (FloatingPointError, StopIteration):
        return  # every process meets the same sum of gradients: the first one tells
