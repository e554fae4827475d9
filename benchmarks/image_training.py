"""Images a second of training on small images: this project's loop against the plainest correct loop and a DataLoader.

All train the same networks with the same schedule on the shipped Fashion-MNIST subset, in alternating blocks of one
process on one thread, each by its paper's pipeline: the MLP with shifts of up to 2 pixels, the AlexNet (8 channels)
with the TensorFlow tutorial's crops, flips, brightness, contrast and standardisation.

- ours: all seeds at once, augmentation of whole batches of tensors;
- ours, seed by seed: the same with one seed at a time;
- plain loop: one seed at a time, each image augmented by itself in Python;
- DataLoader: the same through torch's Dataset and DataLoader in this process;
- one call for all seeds: our batches, vmap over stacked weights, which makes convolutions grouped.

Writes image_training.csv to --out and prints a table.

    python benchmarks/image_training.py --out benchmarks/results
"""

import argparse
import copy
import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from entropyreg.images.data.preparation import Prepared, load_prepared, prepare_images
from entropyreg.images.engines import Plain
from entropyreg.images.models import build_model
from entropyreg.images.streams import stream
from entropyreg.images.training import Training

SPLIT = {"validation": 1000, "train": None, "test": None, "seed": 0}
BATCH, PAD, CROP = 100, 2, 24
OPTIMISER = {"lr": 0.1, "momentum": 0.9, "schedule": {"kind": "constant"}}
MLP = {"kind": "mlp", "init_std": 0.03}
ALEXNET = {"kind": "alexnet", "channels": 8, "dense": [64, 48]}


def shifted(image: Tensor) -> Tensor:
    """One image (1, 28, 28) uint8, shifted by up to two pixels, as numbers in [0, 1]."""
    row, column = torch.randint(2 * PAD + 1, (2,)).tolist()
    padded = F.pad(image.float() / 255.0, [PAD] * 4)
    return padded[:, row : row + 28, column : column + 28]


def distorted(image: Tensor) -> Tensor:
    """One image as in the tutorial: a crop of 24x24, flipped, with changed brightness and contrast, standardised."""
    row, column = torch.randint(28 - CROP + 1, (2,)).tolist()
    part = image[:, row : row + CROP, column : column + CROP].float()
    part = part.flip(-1) if torch.rand(()) < 0.5 else part
    part = part + 63 * (2 * torch.rand(()) - 1)
    mean = part.mean((1, 2), keepdim=True)
    part = (part - mean) * (0.2 + 1.6 * torch.rand(())) + mean
    deviation, mean = torch.std_mean(part, correction=0)
    return (part - mean) / deviation.clamp_min(part.numel() ** -0.5)


PIPELINES = {  # ours, and for one image
    "mlp": ({"augmentation": {"pad": PAD}, "normalisation": "unit"}, shifted),
    "alexnet": (
        {
            "augmentation": {"crop": CROP, "flip": True, "brightness": 63, "contrast": [0.2, 1.8]},
            "normalisation": "per_image",
        },
        distorted,
    ),
}


class Augmented(Dataset):
    """The training images, one by one."""

    def __init__(self, images: Tensor, labels: Tensor, augment: Callable[[Tensor], Tensor]) -> None:
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.augment(self.images[index]), self.labels[index]


def plain_batches(images: Tensor, labels: Tensor, augment: Callable, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    for rows in torch.randperm(len(labels))[: count * BATCH].split(BATCH):
        yield torch.stack([augment(images[row]) for row in rows]), labels[rows]


def loader_batches(images: Tensor, labels: Tensor, augment: Callable, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    loader = DataLoader(Augmented(images, labels, augment), batch_size=BATCH, shuffle=True, drop_last=True)
    for _, batch in zip(range(count), loader, strict=False):
        yield batch


def usual_loop(model: dict, prepared: Prepared, batches: Callable, seeds: int, updates: int) -> Callable[[], None]:
    """Seed after seed, torch's modules and optimiser."""
    images, labels = (torch.from_numpy(array) for array in prepared.parts["train"])
    augment = PIPELINES[model["kind"]][1]
    networks = [build_model(model, augment(images[0]).shape, 10, stream("initial", seed)) for seed in range(seeds)]
    optimisers = [torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9) for network in networks]

    def run() -> None:
        for network, optimiser in zip(networks, optimisers, strict=True):
            for x, y in batches(images, labels, augment, updates):
                optimiser.zero_grad()
                F.cross_entropy(network(x), y).backward()
                optimiser.step()

    return run


def settings_of(model: dict) -> dict:
    """Our settings of the same training."""
    return {
        "model": model,
        **PIPELINES[model["kind"]][0],
        "regularizer": {"kind": "none"},
        "optimiser": OPTIMISER,
        "batch": BATCH,
        "epochs": 1000,
    }


def our_loop(model: dict, prepared: Prepared, groups: list[list[int]], updates: int) -> Callable[[], None]:
    """The loop of `images/training.py`, without validation and checkpoints."""
    settings = settings_of(model)
    trainings = [Training(settings | {"seeds": group}, prepared, Path(), Plain()) for group in groups]

    def run() -> None:
        for training in trainings:
            for number, batch in enumerate(training.batches(updates)):
                training.train_on(training.group, batch, number)

    return run


def grouped_convolutions(model: dict, prepared: Prepared, seeds: int, updates: int) -> Callable[[], None]:
    """Our batches, with one call of the network for all seeds by vmap."""
    training = Training(settings_of(model) | {"seeds": list(range(seeds))}, prepared, Path(), Plain())
    members = list(training.group.members)
    parameters, buffers = torch.func.stack_module_state(members)
    template = copy.deepcopy(members[0]).to("meta")
    template.norm = SlowNorm()
    optimiser = torch.optim.SGD(parameters.values(), lr=0.1, momentum=0.9)

    def call(parameters: dict, buffers: dict, x: Tensor) -> Tensor:
        return torch.func.functional_call(template, (parameters, {}), (x,))

    def run() -> None:
        for batch in training.batches(updates):
            logits = torch.vmap(call, in_dims=(0, 0, 0))(parameters, buffers, batch.images)
            optimiser.zero_grad()
            (F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten()) * seeds).backward()
            optimiser.step()

    return run


class SlowNorm(nn.Module):
    """The response norm by operations that vmap supports."""

    def forward(self, x: Tensor) -> Tensor:
        near = F.pad(x.square(), (0, 0, 0, 0, 4, 4)).unfold(1, 9, 1).sum(-1)
        return x * (1.0 + 0.001 / 9 * near) ** -0.75


def measure(variants: dict[str, Callable[[], None]], n_images: int, blocks: int) -> list[dict]:
    """Median images a second of CPU time over alternating blocks, after one to warm up."""
    times = {name: [] for name in variants}
    for _ in range(blocks + 1):
        for name, run in variants.items():
            started = time.process_time()
            run()
            times[name].append(time.process_time() - started)
    rates = {name: n_images / statistics.median(seconds[1:]) for name, seconds in times.items()}
    return [{"variant": name, "images_per_second": round(rate)} for name, rate in rates.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for image_training.csv")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=5, help="a block, of each seed")
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--hidden", type=int, nargs="+", default=[256, 256], help="units of the MLP's layers")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        prepare_images({"dataset": "fashion_mnist_6k", "split": SPLIT}, folder)
        prepared = load_prepared(folder)
    together, apart = [list(range(args.seeds))], [[seed] for seed in range(args.seeds)]
    rows = []
    for name, model in (("mlp", MLP | {"hidden": args.hidden}), ("alexnet", ALEXNET)):
        variants = {
            "plain loop": usual_loop(model, prepared, plain_batches, args.seeds, args.updates),
            "DataLoader": usual_loop(model, prepared, loader_batches, args.seeds, args.updates),
            "ours, seed by seed": our_loop(model, prepared, apart, args.updates),
            "ours": our_loop(model, prepared, together, args.updates),
        }
        if name == "alexnet":
            variants["one call for all seeds"] = grouped_convolutions(model, prepared, args.seeds, args.updates)
        rows += [{"model": name} | row for row in measure(variants, args.seeds * args.updates * BATCH, args.blocks)]
    print("| model | variant | images/s | x plain loop |\n|---|---|---|---|")
    plain = {row["model"]: row["images_per_second"] for row in rows if row["variant"] == "plain loop"}
    for row in rows:
        rate = row["images_per_second"]
        print(f"| {row['model']} | {row['variant']} | {rate:,} | {rate / plain[row['model']]:.1f} |")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        with (args.out / "image_training.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["model", "variant", "images_per_second"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
