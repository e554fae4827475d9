"""Times the loss under torch.compile on this CPU, beside `F.cross_entropy`: forward + backward, as ratios.

    python benchmarks/compiled.py [--csv results.csv] [--rounds 15] [--quick]

One thread, CPU time (`time.thread_time`), medians over rounds in which every variant has its turn, in one process a
shape; inductor, default allocator. Making the logits and compiling are not timed. The strength is a tensor and changes
from round to round: a graph that is compiled again for it would stop the script.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from cpu_variants import Timed, seconds_of
from regularizers_cpu import machine, medians

from entropyreg import regularizers

SHAPES = [(4096, 4000), (1024, 32_000)]
SKEWS = (0.0, 0.5, 1.0)
REFERENCE = "F.cross_entropy, compiled"


def variants(rows: int, classes: int) -> dict[str, Timed]:
    """Every variant as a function that runs once and returns its seconds; the compiled ones are compiled here."""
    generator = torch.Generator().manual_seed(0)
    leaf = (3.0 * torch.randn(rows, classes, generator=generator)).requires_grad_()
    targets = torch.randint(0, classes, (rows,), generator=generator)
    strength = torch.tensor(0.5)

    def timed(loss: Callable) -> Timed:
        def run() -> float:
            logits = leaf + 0.0
            strength.mul_(1.01)
            return seconds_of(lambda: torch.autograd.grad(loss(logits, targets, strength), logits))

        return run

    def ours(skew: float) -> Callable:
        return lambda z, y, s: regularizers.entropy_regularized_cross_entropy(z, y, skew=skew, strength=s)

    losses = {"F.cross_entropy": lambda z, y, s: F.cross_entropy(z, y)}
    losses |= {f"ours, skew {skew:g}": ours(skew) for skew in SKEWS}
    found = {}
    for name, loss in losses.items():
        found[f"{name}, compiled"] = timed(torch.compile(loss, fullgraph=True, dynamic=False))
        found[f"{name}, eager"] = timed(loss)
    return found


def measure(rows: int, classes: int, rounds: int) -> None:
    """Milliseconds of one shape as a line of JSON."""
    torch.set_num_threads(1)
    chosen = variants(rows, classes)
    for run in chosen.values():
        run()
    torch._dynamo.config.error_on_recompile = True
    print(json.dumps(medians(chosen, rounds)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path, help="write every measurement to this file")
    parser.add_argument("--rounds", type=int, default=15, help="measured turns of every variant")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, once, to see that the script runs")
    options = parser.parse_args()
    shapes, rounds = ([(64, 500)], 1) if options.quick else (SHAPES, options.rounds)
    print(f"Machine: {machine()}\nKernel: {regularizers.kernel_in_use().path}", flush=True)
    records = []
    for rows, classes in shapes:
        call = f"import torch._dynamo; from compiled import measure; measure({rows}, {classes}, {rounds})"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": python_path()}
        done = subprocess.run(
            [sys.executable, "-c", call], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        for name, milliseconds in found.items():
            records.append(
                {
                    "rows": rows,
                    "classes": classes,
                    "variant": name,
                    "ms": round(milliseconds, 3),
                    "ratio": round(milliseconds / found[REFERENCE], 4),
                }
            )
    print(table(records, shapes))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)


def python_path() -> str:
    """This folder, and the package's source where it is not installed."""
    return os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


def table(records: list[dict], shapes: list[tuple[int, int]]) -> str:
    """Variants by shapes: ratios to the compiled `F.cross_entropy`, milliseconds in brackets."""
    lines = [f"| ratio to {REFERENCE} (ms) | " + " | ".join(f"{r:,} x {c:,}" for r, c in shapes) + " |"]
    lines += ["|---" + "|---:" * len(shapes) + "|"]
    for variant in dict.fromkeys(record["variant"] for record in records):
        cells = [
            f"{record['ratio']:.2f} ({record['ms']:.0f})"
            for shape in shapes
            for record in records
            if record["variant"] == variant and (record["rows"], record["classes"]) == shape
        ]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
