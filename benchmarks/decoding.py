"""Sentences a second of fairseq's beam search and of CTranslate2 on a trained run's validation, and their agreement.

Both decode the same batches with the same options, in alternating blocks of one process on one thread; the figure is
CPU time. Needs requirements/ctranslate.lock. Prints a table; --csv writes it, too.

    python benchmarks/decoding.py RUN_DIR BINARY_DIR --csv benchmarks/results/decoding.csv
"""

import argparse
import csv
import logging
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from entropyreg.experiments import Regularizer
from entropyreg.io.errors import UserError
from entropyreg.measuring.record_files import read_about
from entropyreg.translation.beam import Hypothesis, build_generator, search
from entropyreg.translation.ctranslate import agreement, converted, decode, library, usable
from entropyreg.translation.prediction import iterate_batches, load_model

FAIRSEQ, CTRANSLATE = "fairseq", "CTranslate2"


def settings_of(record: dict) -> dict:
    """The settings from which the run's model is rebuilt, on the CPU; the regularizer has no effect on decoding."""
    return {**record["training"], "regularizer": asdict(Regularizer()), "device": "cpu"}


def timed(decoder: Callable[[], list[Hypothesis]]) -> tuple[float, list[Hypothesis]]:
    """CPU seconds of one pass, and its hypotheses."""
    started = time.process_time()
    found = decoder()
    return time.process_time() - started, found


def measure(
    run_dir: Path, binary_dir: Path, beam: int, sentences: int, blocks: int
) -> tuple[dict[str, list[float]], float, int]:
    """{decoder: sentences a second, one value a block} without the first, which warms up; agreement; sentences."""
    record = read_about(run_dir)
    settings = settings_of(record)
    decoding = {**record["decoding"]["valid"], "beam": beam}
    task, model = load_model(settings, binary_dir, run_dir / "model.pt")
    batches = list(iterate_batches(task, "valid", decoding["max_tokens"], sentences))
    generator = build_generator(task, model, decoding)
    speeds: dict[str, list[float]] = {FAIRSEQ: [], CTRANSLATE: []}
    with converted(settings, binary_dir, model, threads=1) as translator:
        decoders = {
            FAIRSEQ: lambda: list(search(task, model, generator, batches)),
            CTRANSLATE: lambda: list(decode(translator, task, generator, batches)),
        }
        for block in range(blocks + 1):
            found = {}
            for name, decoder in decoders.items():
                seconds, found[name] = timed(decoder)
                if block:
                    speeds[name].append(len(found[name]) / seconds)
    return speeds, agreement(found[FAIRSEQ], found[CTRANSLATE]), len(found[FAIRSEQ])


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, help="folder with model.pt and run.json")
    parser.add_argument("binary_dir", type=Path, help="folder with the task's binary data")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=200, help="the first so many of validation")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    warnings.filterwarnings("ignore", module="hydra")
    torch.set_num_threads(1)
    version = library().__version__
    speeds, rate, count = measure(args.run_dir, args.binary_dir, args.beam, args.sentences, args.blocks)
    print(
        f"Validation, {count} sentences, beam {args.beam}, float32, CPU time, one thread, "
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, CTranslate2 {version}"
    )
    print("| decoder | sentences/s (median) | against fairseq |\n|---|---:|---:|")
    rows = []
    for name, values in speeds.items():
        ratio = statistics.median(own / other for own, other in zip(values, speeds[FAIRSEQ], strict=True))
        rows.append([name, f"{statistics.median(values):.1f}", f"{ratio:.2f}"])
        print("| " + " | ".join(rows[-1]) + " |")
    verdict = "usable" if usable(rate) else "not usable"
    print(f"Equal best hypotheses: {100 * rate:.1f} %: {verdict} in a sweep on validation.")
    if args.csv:
        args.csv.parent.mkdir(parents=True, exist_ok=True)
        with args.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["decoder", "sentences_a_second", "ratio", "agreement", "beam", "sentences"])
            writer.writerows([*row, f"{rate:.4f}", args.beam, count] for row in rows)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
