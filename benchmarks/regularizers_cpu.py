"""Times the regularizers on this CPU: forward + backward, as a ratio to `F.cross_entropy` in the same process.

    python benchmarks/regularizers_cpu.py [--csv results.csv] [--rounds 9] [--full] [--compile] [--quick]

One thread, CPU time (`time.thread_time`), medians over rounds in which every variant has its turn. Each shape runs in a
process of its own, once with the default allocator and once with a warm heap (memory is never given back, so that the
first touch of new pages, most of what F.cross_entropy costs by default, costs nothing). glibc keeps arrays of up to
32 MiB, as at 1,024 x 4,000 and 1,024 x 1,500, once something has run: there the default, too, is warm, more or less.
Making the logits is not timed. A table takes at least MIN_ROUNDS rounds and then at most SECONDS, and the fused
projection is left out of the warm heap; --full takes all of it. Other work on the machine slows what lives in its
caches: ours.
"""

import argparse
import csv
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from cpu_memory import scratch
from cpu_requirements import table as requirements_table
from cpu_variants import Timed, linear_table, loss_table, statistics_table

from entropyreg import regularizers
from entropyreg.regularizers.linear import ROWS

SHAPES = [(4096, 4000), (1024, 10_000), (1024, 32_000)]  # rows, classes: arrays that glibc gives back at once
SMALL = [(1024, 4000), (1024, 1500)]  # arrays that it keeps
HEAPS = {"default": {}, "warm": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "10000000000"}}
FIELDS = ["table", "heap", "rows", "classes", "variant", "value", "ratio"]
LOSS, LINEAR, STATISTICS, MEMORY = "loss (ms)", "fused linear (ms)", "token_statistics (ms)", "memory (MiB)"
MIN_ROUNDS, SECONDS = 3, 1.5
LIGER = "Liger-Kernel: not run: its kernels need a GPU"


def medians(variants: dict[str, Timed], rounds: int, seconds: float = float("inf")) -> dict[str, float]:
    """Milliseconds of each variant, after one unmeasured turn, all variants taking turns."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    gc.disable()
    started = time.thread_time()
    for number in range(rounds + 1):
        if number > MIN_ROUNDS and time.thread_time() - started > seconds:
            break
        for name, run in variants.items():
            value = run()
            if number:
                found[name].append(value)
    gc.enable()
    return {name: 1e3 * statistics.median(values) for name, values in found.items()}


def measure(rows: int, classes: int, heap: str, rounds: int, seconds: float, compiled: bool) -> None:
    """All tables of one shape, in this process, each printed as a line of JSON as soon as it is there."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tables = {STATISTICS: lambda: statistics_table(rows, classes), LOSS: lambda: loss_table(rows, classes, compiled)}
    if heap == "default" or seconds == float("inf"):
        tables[LINEAR] = lambda: linear_table(rows, classes)  # last: the small arrays that it frees warm the heap
    for name, make in tables.items():
        _tell(name, heap, rows, classes, medians(make(), rounds, seconds))
    if heap == "default":
        found = scratch(rows, classes)
        _tell(MEMORY, heap, rows, classes, {key: value for key, value in found.items() if value is not None})


def _tell(table: str, heap: str, rows: int, classes: int, found: dict[str, float]) -> None:
    """Print the values and their ratios to the first, which for memory is given in MiB again."""
    base = next(iter(found.values()), 1.0)
    records = [
        dict(zip(FIELDS, (table, heap, rows, classes, name, round(value, 3), round(value / base, 4)), strict=True))
        for name, value in found.items()
    ]
    print(json.dumps(records), flush=True)


def in_a_fresh_process(rows: int, classes: int, heap: str, options: argparse.Namespace) -> Iterator[list[dict]]:
    """The tables of a shape, one after another."""
    seconds = "float('inf')" if options.full else SECONDS
    call = f"measure({rows}, {classes}, {heap!r}, {options.rounds}, {seconds}, {options.compile})"
    environment = {**os.environ, **HEAPS[heap], "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", f"from regularizers_cpu import measure; {call}"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("["):
                yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"{call} failed with exit code {process.returncode}")


def ratios_of(records: list[dict], rows: int, classes: int, heap: str) -> dict[str, float]:
    """The figures for `cpu_requirements`, of one shape and heap: ratios, and MiB beyond the allowance of each case."""
    chosen = [r for r in records if (r["rows"], r["classes"], r["heap"]) == (rows, classes, heap)]
    found = {r["variant"]: r["ratio"] for r in chosen if r["table"] != MEMORY}
    memory = {r["variant"]: r["value"] for r in chosen if r["table"] == MEMORY}
    for path in ("native", "torch"):
        linear, own = memory.get(f"fused linear, {path}, skew 0.5"), memory.get(f"overwriting, {path}, skew 0.5")
        if linear is not None:
            found[f"MiB linear, {path}"] = max(linear - ROWS * classes * 4 / 2**20, 0.0)
        if own is not None:
            found[f"MiB overwriting, {path}"] = max(own, 0.0)
    return found


def columns(records: list[dict], shapes: list[tuple[int, int]], heap: str) -> dict[str, dict[str, float]]:
    return {f"{rows:,} x {classes:,}": ratios_of(records, rows, classes, heap) for rows, classes in shapes}


def peers_table(records: list[dict], shapes: list[tuple[int, int]]) -> str:
    """Every variant of the loss by shapes: the ratio with the default and, in brackets, with the warm heap."""
    lines = ["| ratio to F.cross_entropy | " + " | ".join(f"{r:,} x {c:,}" for r, c in shapes) + " |"]
    lines += ["|---" + "|---:" * len(shapes) + "|"]
    for variant in dict.fromkeys(r["variant"] for r in records if r["table"] == LOSS):
        cells = []
        for shape in shapes:
            default, warm = (ratios_of(records, *shape, heap).get(variant) for heap in HEAPS)
            cells.append(f"{default:.2f}" + ("" if warm is None else f" ({warm:.2f})"))
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, f"| {LIGER} |" + " |" * len(shapes)])


def machine() -> str:
    try:
        model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
        name = model.split(":")[1].strip()
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, one thread used; torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path, help="write every measurement to this file")
    parser.add_argument("--rounds", type=int, default=9, help="measured turns of every variant, at most")
    parser.add_argument("--full", action="store_true", help="take all the rounds, however long it takes")
    parser.add_argument("--compile", action="store_true", help="torch.compile of the naive form, too: a minute a shape")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, once, to see that the script runs")
    options = parser.parse_args()
    shapes, small, heaps = SHAPES, SMALL, list(HEAPS)
    if options.quick:
        shapes, small, heaps, options.rounds = [(64, 500)], [], ["default"], 1
    in_use = regularizers.kernel_in_use()
    print(f"Machine: {machine()}\nKernel: {in_use.path} {in_use.version} ({in_use.reason})", flush=True)
    records: list[dict] = []
    for rows, classes in shapes + small:
        for heap in heaps:
            for found in in_a_fresh_process(rows, classes, heap, options):
                records += found
                for r in found:
                    print(
                        f"{rows:,} x {classes:,}, {heap:7} {r['variant']:62} {r['value']:10.3f} {r['ratio']:7.3f}",
                        flush=True,
                    )
    print("\nDefault allocator\n\n" + requirements_table(columns(records, shapes, "default")))
    for heap in heaps[1:]:
        print(f"\n{heap.capitalize()} heap\n\n" + requirements_table(columns(records, shapes + small, heap)))
    if small:
        print("\nSmall arrays, default allocator\n\n" + requirements_table(columns(records, small, "default")))
    print("\n" + peers_table(records, shapes + small))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(records)


if __name__ == "__main__":
    main()
