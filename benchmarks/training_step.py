"""Whole training steps of the demo's Transformer in fairseq: this project's criterion against fairseq's own.

Both train the same model on the same batches, in alternating blocks of one process on one thread; the figure is CPU
time a step (forward, loss, backward, Adam). Writes training_step.csv to --out and prints a table, and which parts of
a step the time goes to.

    python benchmarks/training_step.py --out benchmarks/results
"""

import argparse
import csv
import logging
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from entropyreg.config.loading import load_config
from entropyreg.config.settings import preparation_settings, training_settings
from entropyreg.data.preparation import prepare_corpus
from entropyreg.data.subwords import segment_corpus
from entropyreg.experiments import Regularizer, Run
from entropyreg.translation.binarization import binarize
from entropyreg.translation.command import training_arguments

ROOT = Path(__file__).resolve().parents[1]
FAIRSEQ = "fairseq label_smoothed_cross_entropy"
VARIANTS = {
    FAIRSEQ: None,
    "no regularizer": Regularizer(),
    "skew 0, strength .76": Regularizer(0.0, 0.76),
    "skew .5, strength 1": Regularizer(0.5, 1.0),
    "skew 1, strength .1111": Regularizer(1.0, 0.1 / 0.9),
}


def arguments_of(config: dict, regularizer: Regularizer | None, binary_dir: Path, folder: Path) -> list[str]:
    """fairseq's arguments of the demo run; None stands for fairseq's own criterion."""
    run = Run("demo_de_en", "transformer", regularizer or Regularizer(), seed=1)
    arguments = training_arguments(training_settings(config, run), binary_dir, folder)
    if regularizer is None:
        first, last = arguments.index("--criterion"), arguments.index("--regularizer")
        arguments[first : last + 2] = ["--criterion", "label_smoothed_cross_entropy", "--label-smoothing", "0.1"]
    return arguments


def trainer_of(arguments: list[str]) -> tuple[Trainer, list]:
    """A trainer and the batches of its first epoch."""
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(config.common)
    utils.set_torch_seed(1)
    task = tasks.setup_task(config.task)
    trainer = Trainer(config, task, task.build_model(config.model), task.build_criterion(config.criterion))
    batches = list(trainer.get_train_iterator(epoch=1).next_epoch_itr(shuffle=True))
    trainer.begin_epoch(1)
    return trainer, batches


def shares(trainer: Trainer, batches: list, steps: int) -> dict[str, float]:
    """{part of a step: its share of the CPU time}.

    The loss is the criterion less the model that it calls; with ours its gradient is computed there, too, while
    fairseq's leaves it to backward.
    """
    seconds = dict.fromkeys(("model", "criterion", "backward", "clipping", "optimizer", "step"), 0.0)

    def timed(part: str, function: Callable) -> Callable:
        def call(*args, **kwargs):
            started = time.process_time()
            result = function(*args, **kwargs)
            seconds[part] += time.process_time() - started
            return result

        return call

    owners = {
        "model": (trainer.model, "forward"),
        "criterion": (trainer.criterion, "forward"),
        "backward": (trainer.optimizer, "backward"),
        "clipping": (trainer, "clip_grad_norm"),
        "optimizer": (trainer.optimizer, "step"),
        "step": (trainer, "train_step"),
    }
    for part, (owner, name) in owners.items():
        setattr(owner, name, timed(part, getattr(owner, name)))
    for number in range(steps):
        trainer.train_step([batches[number % len(batches)]])
    for owner, name in owners.values():
        delattr(owner, name)  # the class has its own
    whole = seconds.pop("step")
    criterion = seconds.pop("criterion")
    found = {"model, forward": seconds.pop("model")}
    found |= {"loss": criterion - found["model, forward"], **seconds}
    return {part: value / whole for part, value in (found | {"all else": whole - sum(found.values())}).items()}


def measure(binary_dir: Path, blocks: int, steps: int) -> tuple[dict[str, list[float]], dict[str, dict[str, float]]]:
    """{variant: CPU seconds a step, one value a block} without the first, which warms up; {variant: `shares`}."""
    config = load_config(ROOT / "workflow", {"scale": "demo"})
    with tempfile.TemporaryDirectory() as folder:
        made = {name: trainer_of(arguments_of(config, one, binary_dir, Path(folder))) for name, one in VARIANTS.items()}
        seconds: dict[str, list[float]] = {name: [] for name in made}
        for block in range(blocks + 1):
            for name, (trainer, batches) in made.items():
                started = time.process_time()
                for step in range(steps):
                    trainer.train_step([batches[(block * steps + step) % len(batches)]])
                if block:
                    seconds[name].append((time.process_time() - started) / steps)
        return seconds, {name: shares(*pair, blocks * steps // 2) for name, pair in made.items()}


def main() -> None:
    """Prepare the demo's data in a temporary folder, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--steps", type=int, default=15)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    settings = preparation_settings(load_config(ROOT / "workflow", {"scale": "demo"}), "demo_de_en")
    with tempfile.TemporaryDirectory() as folder:
        text, binary = Path(folder) / "text", Path(folder) / "binary"
        prepare_corpus(settings, text)
        segment_corpus(settings, text)
        binarize(settings, text / "subwords", binary)
        seconds, parts = measure(binary, args.blocks, args.steps)
    args.out.mkdir(parents=True, exist_ok=True)
    reference = seconds[FAIRSEQ]
    print(
        f"CPU time a training step, one thread, {platform.processor() or platform.machine()}, torch {torch.__version__}"
    )
    print("| variant | ms a step (median) | throughput against fairseq's criterion |\n|---|---:|---:|")
    with (args.out / "training_step.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["variant", "milliseconds_a_step", "throughput_ratio"])
        for name, values in seconds.items():
            ratio = statistics.median(other / own for own, other in zip(values, reference, strict=True))
            milliseconds = 1000 * statistics.median(values)
            writer.writerow([name, f"{milliseconds:.2f}", f"{ratio:.3f}"])
            print(f"| {name} | {milliseconds:.1f} | {ratio:.2f} |")
    print("\n| share of the step | " + " | ".join(parts[FAIRSEQ]) + " |\n|---" + "|---:" * len(parts[FAIRSEQ]) + "|")
    for name, found in parts.items():
        print(f"| {name} | " + " | ".join(f"{100 * value:.1f} %" for value in found.values()) + " |")


if __name__ == "__main__":
    main()
