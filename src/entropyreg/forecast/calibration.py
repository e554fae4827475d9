"""Times a few small-batch steps of each model of a scale on this machine's CPU: FLOP/s by model and kind of work.

    rate = counted operations / seconds        of an update, a forward pass, a search (texts) of random data

The shortest of a few repetitions counts, after one to warm up. A model that would need more than half of the free
memory, or more than `LARGEST` operations a step, is left out and said so; the forecast then takes the declared peak.
Its rates stand for this machine's CPU, never for a GPU.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from entropyreg.experiments import Experiments
from entropyreg.forecast.image_networks import image_network
from entropyreg.forecast.image_work import seen_shape
from entropyreg.forecast.machine import this_machine
from entropyreg.forecast.sizes import ImageSize, TextSize
from entropyreg.forecast.text_networks import TRAINING, quiet, random_model, text_network
from entropyreg.forecast.text_work import Cost
from entropyreg.io.errors import UserError

LARGEST = 4e11  # maximum operations of a timed step: seconds on one core
MOST_TOKENS, MOST_IMAGES = 1000, 128  # of a batch
REPETITIONS = 3


def calibrate(
    config: Mapping[str, Any],
    experiments: Experiments,
    texts: Mapping[str, TextSize | None],
    images: Mapping[str, ImageSize],
    costs: Mapping[str, Cost | None],
) -> dict[str, Any]:
    """Rates of every model that fits: machine, threads, rates {model: {kind: FLOP/s}}, left_out {model: why}."""
    threads = config["threads"]["train"]
    torch.set_num_threads(threads)
    rates: dict[str, dict[str, float]] = {}
    left_out: dict[str, str] = {}
    for run in [*experiments.runs.values(), *experiments.image_runs.values()]:
        cost = costs[run.id]
        if run.model in rates or run.model in left_out or cost is None:
            continue
        try:
            check_fits(cost.parameters)
            with quiet():
                if run.id in experiments.runs:
                    rates[run.model] = text_rates(config, run, texts[run.task])
                else:
                    rates[run.model] = image_rates(config, run, images[run.task])
            shown = ", ".join(f"{kind} {rate / 1e9:.3g} GFLOP/s" for kind, rate in rates[run.model].items())
            print(f"  {run.model}: {shown}", file=sys.stderr, flush=True)
        except UserError as error:
            left_out[run.model] = str(error)
            print(f"  {run.model} is left out: {error}", file=sys.stderr, flush=True)
    return {"machine": this_machine(), "threads": threads, "rates": rates, "left_out": left_out}


def check_fits(parameters: int) -> None:
    """Check that weights, gradients and two moments fit into half of the free memory."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 16 * parameters > free / 2:
        raise UserError(f"it needs {16 * parameters / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.")


def rate_of(step: Callable[[], None], operations: float) -> float:
    """FLOP/s of the fastest of a few repetitions of `step`, which has `operations` operations."""
    if operations > LARGEST:
        raise UserError(f"its smallest step has {operations:.2g} operations; timed are at most {LARGEST:.2g}.")
    step()
    seconds = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return operations / min(seconds)


def text_rates(config: Mapping[str, Any], run: Any, size: TextSize) -> dict[str, float]:
    """Training, teacher-forced prediction and search of one model of text."""
    from entropyreg.config.settings import decoding_settings
    from entropyreg.translation.beam import build_generator, search

    settings = config["models"][run.model]
    task, model = random_model(settings, config["tasks"][run.task]["languages"], size.vocabularies)
    network = text_network(settings, *size.vocabularies)
    source, target = round(size.source["train"]), round(size.target["train"])
    pairs = max(min(settings["max_tokens"], MOST_TOKENS) // max(source, target), 1)
    numbers = torch.Generator().manual_seed(1)
    sources = torch.randint(4, size.vocabularies[0], (pairs, source), generator=numbers)
    targets = torch.randint(4, size.vocabularies[1], (pairs, target), generator=numbers)
    lengths = torch.full((pairs,), source)
    operations = pairs * network.forward(source, target)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-9)

    def update() -> None:
        model.train()
        optimizer.zero_grad()
        logits = model(sources, lengths, targets)[0]
        nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    @torch.no_grad()
    def predict() -> None:
        model.eval()
        model(sources, lengths, targets)[0].log_softmax(-1)

    rates = {"training": rate_of(update, TRAINING * operations), "prediction": rate_of(predict, operations)}
    beam = decoding_settings(config, run)["beam_validation"]
    options = {"beam": beam, "length_penalty": 1.0, "max_length_factor": 0}
    model.eval()
    generator = build_generator(task, model, options | {"max_length_offset": target - 1, "min_length": target - 1})
    batch = {"id": torch.arange(pairs), "net_input": {"src_tokens": sources, "src_lengths": lengths}}
    searched = pairs * network.search(source, target, beam)
    rates["decoding"] = rate_of(lambda: list(search(task, model, generator, [batch])) and None, searched)
    return rates


def image_rates(config: Mapping[str, Any], run: Any, size: ImageSize) -> dict[str, float]:
    """Training and prediction of one network of images, all its seeds together."""
    from entropyreg.images.models import build_model
    from entropyreg.images.models.groups import Group

    settings, seeds = config["image_models"][run.model], len(run.seeds)
    shape = seen_shape(settings, size)
    network = image_network(settings["model"], shape, size.classes)
    numbers = torch.Generator().manual_seed(1)
    largest = int(LARGEST // (seeds * network.training)) or 1
    batch = min(settings["batch"], MOST_IMAGES, largest)
    group = Group([build_model(settings["model"], shape, size.classes, numbers) for _ in range(seeds)])
    images = torch.randn(seeds, batch, *shape, generator=numbers)
    labels = torch.randint(size.classes, (seeds * batch,), generator=numbers)
    optimizer = torch.optim.SGD(group.parameters(), lr=1e-9, momentum=0.9)

    def update() -> None:
        group.train()
        optimizer.zero_grad()
        logits = group(images, [numbers] * seeds)
        nn.functional.cross_entropy(torch.cat(logits), labels).backward()
        optimizer.step()

    @torch.no_grad()
    def predict() -> None:
        group.eval()
        group(images)

    operations = seeds * batch
    return {
        "training": rate_of(update, operations * network.training),
        "prediction": rate_of(predict, operations * network.forward),
    }
