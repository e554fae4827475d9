"""The weights of a finished run, checked before anything is predicted with them.

    sha256 over names, types, shapes and bytes of the tensors in model.pt  =  `weights_sha256` of training.json

torch does not compare the checksums of a file's parts, so a changed byte would go unnoticed. Nothing but tensors is
loaded: a pickle that asks for other objects is refused. `training.json` names its run, so both files of another run are
noticed too, although they fit each other.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import MALFORMED, UserError, blaming
from entropyreg.io.files import one_line, read_json
from entropyreg.io.run_folder import is_whole, weights_digest


def read_training(run_dir: Path, run: str) -> Mapping[str, Any]:
    """`training.json` of a run of text or images. Raises `UserError` where it is that of another run than `run`."""
    path = run_dir / "training.json"
    training = read_json(path)
    with blaming(path):
        found = training["run"] if "run" in training else training["settings"]["run"]
    if found != run:
        raise UserError(f"{path} is of the run {found!r}, not of {run!r}: delete it and run again.")
    return training


def verify_weights(run_dir: Path, run: str) -> None:
    """Raise `UserError` unless `training.json` is of `run` (of text or images) and `model.pt` is what it describes."""
    path, outcome = run_dir / "model.pt", run_dir / "training.json"
    wanted, remedy = read_training(run_dir, run), f"delete it and {outcome.name} beside it, and run again"
    if not isinstance(wanted.get("weights_sha256"), str):
        raise UserError(f"{outcome} has no weights_sha256: delete it and run again.")
    if not is_whole(path):
        raise UserError(f"{path} is missing or damaged: {remedy}.")
    try:
        found = digest_of(tensors_of(path))
    except (pickle.UnpicklingError, RuntimeError, OSError, *MALFORMED) as error:
        raise UserError(f"{path} holds something else than weights ({one_line(error)[:200]}): {remedy}.") from None
    if found != wanted["weights_sha256"]:
        raise UserError(f"{path} does not hold the weights that {outcome.name} describes: {remedy}.")


def tensors_of(path: Path) -> Mapping[str, Any]:
    """What a file of tensors holds; their bytes stay on the disk until they are read."""
    import torch

    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)


def digest_of(weights: Mapping[str, Any]) -> str:
    """As the trainings write it: {name: tensor} of text, {"seed1": {name: tensor}, ...} of images."""
    import torch

    if all(isinstance(value, torch.Tensor) for value in weights.values()):
        return weights_digest(weights)
    return weights_digest(
        {f"{seed}.{name}": torch.atleast_1d(one) for seed, own in weights.items() for name, one in own.items()}
    )
