"""Train one run with fairseq: locked, resumable, ended by a selected checkpoint.

Outputs in the run's folder: `model.pt` (tensors of the selected checkpoint), `training.json` (deterministic) and
`training.provenance.json`. The folder `checkpoints/` is for resuming and is no output, so nothing deletes it.
"""

import logging
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entropyreg.experiments.resolution import resolve
from entropyreg.io.devices import check_device, is_launched, one_device
from entropyreg.io.errors import UserError, tell_of_memory
from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.io.run_folder import delete_checkpoints, is_whole, run_lock, say, set_other_recipes_aside
from entropyreg.provenance.code_identity import code_digest
from entropyreg.translation import processes
from entropyreg.translation.binarization import POSITIONS, left_out, verify_binary, vocabulary_size


def train(
    settings: Mapping[str, Any],
    binary_dir: Path,
    run_dir: Path,
    log_path: Path,
    threads: int,
    proposal_path: Path | None = None,
    pretrained_path: Path | None = None,
) -> None:
    """Train, or resume, the run that `settings` (see `settings.training_settings`) describe.

    `training.json` says which regularizer it was, with numbers for what `settings` leaves to the vocabulary or to
    the proposal in `proposal_path`, and which pairs were too long to be trained on, if any (`left_out`). A model
    with the key `pretrained` starts from the weights in `pretrained_path`.
    In processes of torchrun the first one does all this, and the others train beside it (`processes`).
    Raises `UserError` for a missing device, a folder in use, damaged data or checkpoints, and a loss that is not
    finite.
    """
    if processes.is_follower():
        return processes.follow(settings, threads)
    with run_lock(run_dir), nullcontext() if is_launched() else one_device(settings["device"]):
        import torch

        torch.set_num_threads(threads)
        check_device(settings["device"])
        verify_binary(binary_dir)
        size = vocabulary_size(binary_dir, settings["languages"]["target"])
        settings = {**settings, "regularizer": resolve(settings["regularizer"], size, proposal_path)}
        too_long = left_out(binary_dir, settings["languages"], settings["model"])
        if too_long:
            say(
                f"'{settings['run']}' is trained without {too_long['pairs']} of {too_long['of']} pairs, which have up "
                f"to {too_long['longest']} subwords; allowed by models.*.max_tokens (and by {POSITIONS} positions): "
                f"{too_long['limit']}. The first lines are {', '.join(map(str, too_long['lines']))} of the text."
            )
        from entropyreg.translation.checkpoints import BEST, LAST, export_weights, repair_best, repair_last
        from entropyreg.translation.command import training_arguments

        started = time.time()
        checkpoints = run_dir / "checkpoints"
        checkpoints.mkdir(exist_ok=True)
        selected = checkpoints / (LAST if settings["model"]["selection"] == "last" else BEST)
        recipe = {"settings": settings, "data": read_json(binary_dir / "binary.json"), "code": code_in_use(settings)}
        if settings["model"].get("pretrained"):
            if pretrained_path is None:
                raise UserError(
                    f"model.pretrained is '{settings['model']['pretrained']}', and no --pretrained was given."
                )
            recipe["pretrained"] = sha256_of(pretrained_path)
        if processes.count() > 1:
            recipe["processes"] = processes.count()
        threads = set_other_recipes_aside({**recipe, "threads": threads}, checkpoints)
        torch.set_num_threads(threads)
        resumed_from = repair_last(checkpoints)
        if resumed_from and selected.name == BEST and not repair_best(checkpoints):
            say(f"{selected} is damaged and cannot be had again: the training of '{settings['run']}' starts anew.")
            delete_checkpoints(checkpoints)
            set_other_recipes_aside({**recipe, "threads": threads}, checkpoints)
            resumed_from = 0
        shared = processes.shared_settings(settings, processes.count())
        arguments = training_arguments(shared, binary_dir, checkpoints, pretrained_path)
        history = run_fairseq(settings, arguments, checkpoints, resumed_from, log_path)
        if not is_whole(selected):
            raise UserError(f"{selected} is damaged: delete {checkpoints} and run again, which trains the run anew.")
        exported = export_weights(selected, run_dir / "model.pt")
        outcome = {
            "run": settings["run"],
            "regularizer": settings["regularizer"],
            "selection": settings["model"]["selection"],
            **exported,
            "validations": history,
            **({"left_out": too_long} if too_long else {}),
        }
        seconds = time.time() - started
        write_json(run_dir / "training.provenance.json", provenance(settings["device"], seconds, resumed_from, threads))
        write_json(run_dir / "training.json", outcome)


def code_in_use(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What determines a training's bits besides settings, data and threads: our code, the kernel, torch, fairseq."""
    import fairseq
    import torch

    from entropyreg.regularizers import kernel_in_use

    kernel = kernel_in_use(settings["device"])
    return {
        "digest": code_digest("train", settings),
        "kernel": f"{kernel.path} {kernel.version}",
        "torch": torch.__version__,
        "fairseq": fairseq.__version__,
    }


def run_fairseq(
    settings: Mapping[str, Any], arguments: list[str], checkpoints: Path, updates: int, log_path: Path
) -> list[dict]:
    """Run `fairseq-train` in this process from `updates` on, unless it already ended; return the validations."""
    from entropyreg.translation.progress import ProgressHandler
    from entropyreg.translation.repairs import write_whole_checkpoints

    model = settings["model"]
    progress = ProgressHandler(settings["run"], model.get("max_update"), checkpoints / "validations.jsonl")
    progress.load_history(updates, validations_due(model, updates, checkpoints), metric_of(model))
    ended = updates and has_ended(updates, model, progress.history)
    if is_launched():
        processes.join(settings["device"])
        processes.tell(None if ended else arguments)
    if ended:
        return progress.history
    log_path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(log_path, mode="a", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, progress], force=True)
    logging.captureWarnings(True)
    from fairseq_cli import train as fairseq_train

    write_whole_checkpoints()
    restore_patience(fairseq_train.should_stop_early, model, progress.history)
    progress.say(f"resuming at update {updates}" if updates else "starting")
    sys.argv = ["fairseq-train", *(processes.shared_arguments(arguments) if is_launched() else arguments)]
    try:
        fairseq_train.cli_main()
    except (FloatingPointError, StopIteration) as error:
        # fairseq's search for the module that made the NaN may itself end in a StopIteration
        if not isinstance(error, FloatingPointError) and not isinstance(error.__context__, FloatingPointError):
            raise
        raise UserError(
            f"run '{settings['run']}' diverged after update {progress.last_update}: the loss or a gradient is not "
            f"finite; lower models.*.lr or the strength. The log is {log_path}."
        ) from None
    except (MemoryError, RuntimeError, OSError) as error:
        tell_of_memory(error, settings["run"], progress.last_update)
        raise
    finally:
        logging.getLogger().removeHandler(progress)
    return progress.history


def has_ended(updates: int, model: Mapping[str, Any], history: list[dict]) -> bool:
    """True if training is over: fairseq, started again, would make one update more."""
    return updates >= model.get("max_update", float("inf")) or validations_without_gain(model, history) >= model.get(
        "patience", float("inf")
    )


def validations_due(model: Mapping[str, Any], updates: int, checkpoints: Path) -> int:
    """How many validations a run has had at least that resumes at `updates` (`command.schedule_of_validation`)."""
    if updates == 0:
        return 0
    if "validate_every_updates" in model:
        return updates // model["validate_every_updates"]
    from entropyreg.translation.checkpoints import LAST, epochs_of

    return epochs_of(checkpoints / LAST) // model.get("validate_every_epochs", 1)


def metric_of(model: Mapping[str, Any]) -> str:
    """The entry of a validation that the selection rule goes by."""
    return "bleu" if model["selection"] == "best_validation_bleu" else "nll_bits"


def validations_without_gain(model: Mapping[str, Any], history: list[dict]) -> int:
    """Validations since the best one, by the metric of the selection rule."""
    return replay(model, history)[1]


def replay(model: Mapping[str, Any], history: list[dict]) -> tuple[float | None, int]:
    """Best value of the selection metric so far, and the validations since."""
    key = metric_of(model)
    sign = -1.0 if key == "bleu" else 1.0
    best, waited = None, 0
    for entry in history:
        if best is None or sign * entry[key] < sign * best:
            best, waited = entry[key], 0
        else:
            waited += 1
    return best, waited


def restore_patience(should_stop_early: Any, model: Mapping[str, Any], history: list[dict]) -> None:
    """fairseq keeps its patience in function attributes, which no checkpoint holds: replay the history into them."""
    best, waited = replay(model, history)
    if best is not None:
        should_stop_early.best, should_stop_early.num_runs = best, waited


def provenance(device: str, seconds: float, resumed_from: int, threads: int) -> dict[str, Any]:
    """What the outcome must not depend on, but a reader may want to know."""
    import fairseq
    import torch

    from entropyreg.regularizers import kernel_in_use

    name = torch.cuda.get_device_name(0) if device == "cuda" else platform.processor() or platform.machine()
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "resumed_from_update": resumed_from,
        "threads": threads,
        "device": name,
        "kernel": list(kernel_in_use(device)),
        "host_platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fairseq": fairseq.__version__,
    }
