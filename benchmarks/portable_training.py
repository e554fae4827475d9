"""Trains 30 updates of each kind on one thread and writes digests of the numbers on the way; `portable.py` starts it.

The digests of a training are in the order in which it computes: the initial weights; of update 1 the batch, the output
of every module, the gradient at every module and of its weights, the loss, the weights; then the loss and the weights
after updates 2, 5, 10 and 30.
"""

import hashlib
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from image_training import ALEXNET, MLP, SPLIT, settings_of
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from training_step import ROOT, VARIANTS, arguments_of, trainer_of

from entropyreg.config.loading import load_config
from entropyreg.config.settings import preparation_settings
from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.subwords import segment_corpus
from entropyreg.images.data.preparation import load_prepared, prepare_images
from entropyreg.images.engines import Plain
from entropyreg.images.training import Training
from entropyreg.io.files import write_json
from entropyreg.provenance.code_identity import code_digest
from entropyreg.translation.binarization import binarize

UPDATES = (1, 2, 5, 10, 30)
TRANSLATION = {"label smoothing": "skew 1, strength .1111", "skew-Jensen": "skew .5, strength 1"}
IMAGES = {
    "mlp": MLP | {"hidden": [128, 128]},
    "alexnet": ALEXNET,
    "resnet": {"kind": "resnet", "layers": 8, "widths": [16, 32, 64]},
}
STAGES = ("prepare", "segment", "binarize", "train", "prepare-images", "train-images")


def use_exact_square_roots() -> None:
    """Take square roots by numpy, which rounds correctly, in place of MKL's.

    MKL's begins, whatever its settings, with the instruction rsqrtps, an approximation that every maker of processors
    has of its own, and rounds one number in six otherwise. Among others, Adam and the norm of AlexNet take roots.
    """
    torch.sqrt = torch.Tensor.sqrt = lambda x: torch.from_numpy(np.sqrt(x.numpy()))


def digest(values: object) -> str:
    """12 hexadecimal digits of the bits of all tensors among `values`."""
    found = hashlib.sha256()
    for tensor in tree_leaves(values):
        if isinstance(tensor, Tensor):
            found.update(tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]


def watch(network: nn.Module, trace: list[str]) -> list:
    """Add the batch, every module's output and every gradient to `trace`; returns the hooks."""

    def noting(where: str) -> Callable:
        return lambda *values: trace.append(f"update 1, {where} {digest(values)}")

    def noting_output(name: str) -> Callable:
        def note(_module: nn.Module, _inputs: object, output: object) -> None:
            noting(f"output of {name}")(output)
            for tensor in tree_leaves(output):
                if isinstance(tensor, Tensor) and tensor.requires_grad:
                    tensor.register_hook(noting(f"gradient at {name}"))

        return note

    hooks = [module.register_forward_hook(noting_output(name)) for name, module in network.named_modules() if name]
    hooks += [weights.register_hook(noting(f"gradient of {name}")) for name, weights in network.named_parameters()]
    return [*hooks, network.register_forward_pre_hook(noting("batch"), with_kwargs=True)]


def follow(network: nn.Module, losses: Iterable[object]) -> tuple[str, float]:
    """Draw the loss of update after update, which trains `network`; the digests, and CPU ms an update from 3 on."""
    trace = [f"initial weights {digest(list(network.parameters()))}"]
    hooks, started = watch(network, trace), 0.0
    for update, loss in enumerate(losses, 1):
        if update in UPDATES:
            trace.append(f"update {update}, loss {digest(loss)}")
            trace.append(f"update {update}, weights {digest(list(network.state_dict().values()))}")
        for hook in hooks if update == 1 else ():
            hook.remove()
        if update == 2:
            started = time.process_time()
    return "; ".join(trace), 1000 * (time.process_time() - started) / (UPDATES[-1] - 2)


def translations(config: dict, folder: Path) -> dict[str, tuple[str, float]]:
    settings = preparation_settings(config, "demo_de_en")
    text, binary = folder / "text", folder / "binary"
    prepare_corpus(settings, text)
    segment_corpus(settings, text)
    binarize(settings, text / "subwords", binary)
    found = {}
    for kind, variant in TRANSLATION.items():
        trainer, batches = trainer_of(arguments_of(config, VARIANTS[variant], binary, folder))
        found[f"translation, {kind}"] = follow(trainer.model, losses_of(trainer, batches))
    return found


def losses_of(trainer, batches: list) -> Iterable[Tensor]:
    last = []
    trainer.criterion.register_forward_hook(lambda _module, _inputs, output: last.append(output[0].detach().clone()))
    for update in range(UPDATES[-1]):
        trainer.train_step([batches[update % len(batches)]])
        yield last.pop()


def image_trainings(folder: Path) -> dict[str, tuple[str, float]]:
    prepare_images({"dataset": "fashion_mnist_6k", "split": SPLIT}, folder)
    found = {}
    for kind, model in IMAGES.items():
        base = settings_of(MLP if kind == "mlp" else ALEXNET) | {"model": model, "seeds": [1], "batch": 50}
        regularizer = {"kind": "label_smoothing", "smoothing": 0.1}
        training = Training(base | {"regularizer": regularizer}, load_prepared(folder), folder, Plain())
        batches = enumerate(training.batches(UPDATES[-1]))
        losses = (training.train_on(training.group, batch, number) for number, batch in batches)
        found[f"images, {kind}"] = follow(training.group, losses)
    return found


def made_with(config: dict) -> dict[str, str]:
    """What digests depend on besides processor and settings."""
    code = [code_digest(stage, {}) for stage in STAGES], config["tasks"]["demo_de_en"], config["models"]["transformer"]
    return {
        "code": hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:12],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "C library": " ".join(platform.libc_ver()),
    }


def main() -> None:
    """OUT, and `--portable` for exact square roots."""
    torch.set_num_threads(1)
    if "--portable" in sys.argv:
        use_exact_square_roots()
    config = load_config(ROOT / "workflow", {"scale": "demo"})
    with tempfile.TemporaryDirectory() as folder:
        found = translations(config, Path(folder)) | image_trainings(Path(folder) / "images")
    outcome = {
        "made_with": made_with(config),
        "digests": {kind: digests for kind, (digests, _) in found.items()},
        "milliseconds": {kind: milliseconds for kind, (_, milliseconds) in found.items()},
    }
    write_json(sys.argv[1], outcome)


if __name__ == "__main__":
    main()
