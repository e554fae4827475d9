"""The regularizers on this CPU: time of forward + backward, as a ratio to `F.cross_entropy` in the same process.

    python benchmarks/regularizers_cpu.py [--csv results.csv] [--quick]

One thread, CPU time (`time.thread_time`), medians over rounds in which every variant has its turn. Each shape runs in a
process of its own, once with the default allocator and once with a warm heap (memory is never given back, so that the
first touch of new pages, most of what F.cross_entropy costs by default, costs nothing). Making the logits is not timed.
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
from pathlib import Path

import torch
from cpu_variants import Timed, linear_table, loss_table, statistics_table

from entropyreg import regularizers

SHAPES = [(1024, 1500), (1024, 4000), (4096, 4000), (1024, 10_000), (1024, 32_000)]  # rows, classes
HEAPS = {"default": {}, "warm": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "10000000000"}}
FIELDS = ["table", "heap", "rows", "classes", "variant", "milliseconds", "ratio"]


def medians(variants: dict[str, Timed], rounds: int) -> dict[str, float]:
    """Milliseconds of each variant, after one unmeasured turn, all variants taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    gc.disable()
    for number in range(rounds + 1):
        for name, run in variants.items():
            value = run()
            if number:
                seconds[name].append(value)
    return {name: 1e3 * statistics.median(values) for name, values in seconds.items()}


def measure(rows: int, classes: int, heap: str, rounds: int, compiled: bool) -> list[dict]:
    """All tables of one shape, in this process; the first variant of a table is what the others are compared with."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    records = []
    tables = {
        "forward + backward": lambda: loss_table(rows, classes, compiled),
        "fused linear, forward + backward": lambda: linear_table(rows, classes),
        "token_statistics": lambda: statistics_table(rows, classes),
    }
    for table, make in tables.items():
        found = medians(make(), rounds)
        base = next(iter(found.values()))
        for variant, milliseconds in found.items():
            values = (table, heap, rows, classes, variant, round(milliseconds, 3), round(milliseconds / base, 3))
            records.append(dict(zip(FIELDS, values, strict=True)))
    return records


def in_a_fresh_process(rows: int, classes: int, heap: str, options: argparse.Namespace) -> list[dict]:
    code = f"measure({rows}, {classes}, {heap!r}, {options.rounds}, {not options.no_compile})"
    command = [sys.executable, "-c", f"import json; from regularizers_cpu import measure; print(json.dumps({code}))"]
    environment = {**os.environ, **HEAPS[heap], "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def markdown(records: list[dict]) -> str:
    """A table for each of `table`: variants by shapes, each cell the ratio with the default and with the warm heap."""
    lines = []
    for table in dict.fromkeys(record["table"] for record in records):
        chosen = [record for record in records if record["table"] == table]
        shapes = list(dict.fromkeys((record["rows"], record["classes"]) for record in chosen))
        lines += ["", f"**{table}**: ratio to the first line with the default allocator (with a warm heap)", ""]
        lines += ["| | " + " | ".join(f"{rows:,} x {classes:,}" for rows, classes in shapes) + " |"]
        lines += ["|---" * (len(shapes) + 1) + "|"]
        for variant in dict.fromkeys(record["variant"] for record in chosen):
            cells = []
            for shape in shapes:
                ratio = {
                    r["heap"]: r["ratio"]
                    for r in chosen
                    if (r["rows"], r["classes"], r["variant"]) == (*shape, variant)
                }
                cells.append(f"{ratio['default']:.2f}" + (f" ({ratio['warm']:.2f})" if "warm" in ratio else ""))
            lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


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
    parser.add_argument("--rounds", type=int, default=9, help="measured turns of every variant")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out: it takes a minute a shape")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, once, to see that the script runs")
    options = parser.parse_args()
    shapes, heaps = SHAPES, list(HEAPS)
    if options.quick:
        shapes, heaps, options.rounds, options.no_compile = [(64, 500)], ["default"], 1, True
    records = []
    for rows, classes in shapes:
        for heap in heaps:
            records += in_a_fresh_process(rows, classes, heap, options)
    in_use = regularizers.kernel_in_use()
    print(f"Machine: {machine()}\nKernel: {in_use.path} {in_use.version} ({in_use.reason})")
    print(markdown(records))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(records)


if __name__ == "__main__":
    main()
