"""Peak memory and CPU time of the stages that read a corpus, on synthetic parallel text of growing size.

    peak memory(pairs) should be flat, CPU seconds(pairs) a line

Each stage runs as the workflow runs it, a process of its own (`python -m entropyreg STAGE`); the system counts its peak
resident memory and CPU time. `prepare`, `segment` and `binarize` get all pairs as training text; `predict` and
`measure` get them as validation text, with a tiny model that was trained for a few updates on 2,000 pairs. Where
`--predicted` is less than the largest `--pairs`, `measure` reads the largest predictions repeated (text and all).

    nice python benchmarks/data_scale.py --work /some/empty/folder
"""

import argparse
import csv
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

from entropyreg.config.loading import load_config
from entropyreg.config.settings import measuring_settings, prediction_settings, preparation_settings, training_settings
from entropyreg.experiments import Regularizer, Run
from entropyreg.io.files import sha256_of, write_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks"  # committed, as docs/speed.md shows them
COLUMNS = ("stage", "pairs", "peak_mib", "cpu_seconds")
STAGES = ("prepare", "segment", "binarize", "predict", "measure")
N_WORDS, SMALL, TRAINED_ON = 3000, 200, 2000
CLAIMS = ROOT / "workflow" / "experiments" / "claims.yaml"


def write_corpus(folder: Path, sizes: dict[str, int]) -> None:
    """`folder/{split}.{de,en}`: sentences of 3 to 9 made-up words by a law of Zipf, translated word by word."""
    generator = random.Random(1)
    letters = "abcdefghiklmnoprstuvwxyz"
    english = ["".join(generator.choices(letters, k=generator.randint(2, 8))) for _ in range(N_WORDS)]
    german = [word[::-1].capitalize() + generator.choice(("", "en", "ung")) for word in english]
    weights = list(accumulate(1 / rank for rank in range(1, N_WORDS + 1)))
    folder.mkdir(parents=True)
    for split, size in sizes.items():
        with (folder / f"{split}.de").open("w") as source, (folder / f"{split}.en").open("w") as target:
            for _ in range(size):
                chosen = generator.choices(range(N_WORDS), cum_weights=weights, k=generator.randint(3, 9))
                source.write(" ".join(german[one] for one in chosen) + ".\n")
                target.write(" ".join(english[one] for one in chosen) + ".\n")


def configuration(work: Path) -> dict:
    """The smoke scale with two tasks on the corpora of `work`: `train` of all pairs and `valid` of all pairs."""
    task = load_config(ROOT / "workflow", {"scale": "smoke"})["tasks"]["smoke_de_en"]
    for key in ("split", "train_pairs", "valid_pairs", "test_pairs"):
        task.pop(key)
    task |= {"length": {"min": 1, "max": 60}, "subwords": 500}
    decoding = {"beam_validation": 2, "max_length_factor": 1, "max_length_offset": 2}
    tasks = {name: {**task, "source": {"kind": "parallel", "folder": name}} for name in ("train", "valid")}
    return load_config(
        ROOT / "workflow", {"scale": "smoke", "tasks": tasks, "data_dir": str(work), "decoding": decoding}
    )


def run_stage(stage: str, *arguments: str | Path, settings: dict | None = None) -> tuple[float, float]:
    """Peak memory in MiB and CPU seconds of one stage."""
    command = [sys.executable, "-m", "entropyreg", stage, *map(str, arguments)]
    command += ["--settings", json.dumps(settings)] if settings is not None else []
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)[:300]} failed.")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


class Bench:
    """The stages of corpora of one size, in a folder of their own; figures of those `wanted` are added to `path`."""

    def __init__(self, work: Path, pairs: int, wanted: list[str], path: Path | None = None) -> None:
        self.work, self.pairs, self.wanted, self.path = work / str(pairs), pairs, wanted, path
        self.config = configuration(self.work)
        self.run = Run(task="valid", model="transformer", regularizer=Regularizer(), seed=1)

    def stage(self, stage: str, *arguments: str | Path, settings: dict, count: bool) -> None:
        if not count or stage in self.wanted:
            peak, seconds = run_stage(stage, *arguments, settings=settings)
            if count:
                row = {"stage": stage, "pairs": self.pairs, "peak_mib": round(peak), "cpu_seconds": round(seconds, 1)}
                print(*row.values(), flush=True)
                write_csv(self.path, row)

    def encode(self, task: str, sizes: dict[str, int], count: bool) -> None:
        """Write a corpus; prepare, segment and binarize it."""
        write_corpus(self.work / task, sizes)
        settings = preparation_settings(self.config, task)
        if not count:  # words are what spaces separate: what is not measured may be quick
            settings = {**settings, "tokenizer": "none"}
        text = self.work / f"{task}-text"
        folders = ["--data-dir", self.work, "--download-dir", self.work / "none"]
        self.stage("prepare", "--out", text, *folders, settings=settings, count=count)
        self.stage("segment", "--text", text, settings=settings, count=count)
        arguments = ["--subwords", text / "subwords", "--out", self.work / f"{task}-binary"]
        self.stage("binarize", *arguments, settings=settings, count=count)

    def prepare(self) -> None:
        self.encode("train", {"train": self.pairs, "valid": SMALL, "test": SMALL}, count=True)

    def predict(self, trained: Path) -> None:
        self.encode("valid", {"train": TRAINED_ON, "valid": self.pairs, "test": SMALL}, count=False)
        shutil.copytree(trained, self.work / "run")
        folders = ["--binary", self.work / "valid-binary", "--run-dir", self.work / "run", "--split", "valid"]
        self.stage("predict", *folders, settings=prediction_settings(self.config, self.run, "valid"), count=True)

    def measure(self) -> None:
        folders = ["--run-dir", self.work / "run", "--text", self.work / "valid-text", "--claims", CLAIMS]
        self.stage("measure", *folders, settings=measuring_settings(self.config, self.run), count=True)


def train(work: Path) -> Path:
    """Folder of a run of the tiny model, trained on the training text that every corpus begins with."""
    bench = Bench(work, SMALL, [])
    bench.encode("valid", {"train": TRAINED_ON, "valid": SMALL, "test": SMALL}, count=False)
    folders = ["--binary", bench.work / "valid-binary", "--run-dir", bench.work / "run", "--log", work / "train.log"]
    run_stage("train", *folders, settings=training_settings(bench.config, bench.run))
    return bench.work / "run"


def repeat(bench: Bench, smaller: Bench) -> None:
    """Make the predictions and the text of `bench` from those of `smaller`, repeated."""
    import numpy as np

    from entropyreg.io.files import read_npz

    times, n_smaller = bench.pairs // smaller.pairs, smaller.pairs
    text, predictions = (Path(name) for name in ("valid-text", "run/predictions"))
    for folder in (text, predictions):
        (bench.work / folder).mkdir(parents=True)
    names = ("valid.reference", "valid.en")
    for name in names:
        content = (smaller.work / text / name).read_bytes()
        (bench.work / text / name).write_bytes(content * times)
    sums = {name: sha256_of(bench.work / text / name) for name in names}
    write_json(bench.work / text / "summary.json", {"splits": {}, "outputs_sha256": sums})
    rows = (smaller.work / predictions / "valid.hypotheses.tsv").read_text().splitlines()
    with (bench.work / predictions / "valid.hypotheses.tsv").open("w") as file:
        for time in range(times):
            for row in rows:
                number, rest = row.split("\t", 1)
                file.write(f"{int(number) + time * n_smaller}\t{rest}\n")
    for part in ("tokens", "own"):
        columns = dict(read_npz(smaller.work / predictions / f"valid.{part}.npz"))
        n_tokens = len(columns["sentence"])
        for name, values in columns.items():
            if values.shape[:1] == (n_tokens,):
                columns[name] = np.concatenate([values] * times)
        columns["sentence"] += np.repeat(np.arange(times, dtype=np.int32) * n_smaller, n_tokens)
        np.savez_compressed(bench.work / predictions / f"valid.{part}.npz", **columns)
    for name in ("training.json", "training.provenance.json"):
        shutil.copy2(smaller.work / "run" / name, bench.work / "run" / name)


def plot(rows: list[dict], path: Path) -> None:
    """Peak memory and CPU time against pairs, the same bytes for the same figures."""
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "data_scale", "font.size": 9, "axes.spines.top": False}
    matplotlib.rcParams |= {"axes.spines.right": False}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
    for stage, marker in zip(STAGES, "osD^v", strict=True):
        points = sorted((row["pairs"], row["peak_mib"], row["cpu_seconds"]) for row in rows if row["stage"] == stage)
        for axis, column in zip(axes, (1, 2), strict=True):
            axis.plot([one[0] for one in points], [one[column] for one in points], marker=marker, label=stage)
    for axis, label in zip(axes, ("peak resident memory (MiB)", "CPU time (s)"), strict=True):
        axis.set(xscale="log", xlabel="pairs", ylabel=label)
    axes[0].set(ylim=(0, None))
    axes[1].set(yscale="log")
    axes[1].legend(frameon=False, loc="lower right")  # where no line is
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="an empty folder for corpora (some GiB)")
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--predicted", type=int, help="predict at most so many pairs")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--csv", type=Path, default=RESULTS / "data_scale.csv")
    parser.add_argument("--svg", type=Path, default=RESULTS / "data_scale.svg")
    options = parser.parse_args()
    benches = [Bench(options.work, pairs, options.stages, options.csv) for pairs in sorted(options.pairs)]
    if {"predict", "measure"} & set(options.stages):
        trained, last = train(options.work), None
        for bench in benches:
            if bench.pairs > (options.predicted or bench.pairs) and last is not None:
                # in a process of its own: a stage's peak memory is never counted as less than that of its parent
                process = multiprocessing.get_context("spawn").Process(target=repeat, args=(bench, last))
                process.start()
                process.join()
                if process.exitcode:
                    raise SystemExit(f"repeating {last.work} failed.")
            else:
                bench.predict(trained)
                last = bench
            bench.measure()
    for bench in benches:
        if {"prepare", "segment", "binarize"} & set(options.stages):
            bench.prepare()
    plot(read_csv(options.csv), options.svg)


def write_csv(path: Path, row: dict) -> None:
    """Put the figures of one stage and size into the file, in place of those that it had of them."""
    known = {(one["stage"], one["pairs"]): one for one in (read_csv(path) if path.exists() else [])}
    known[row["stage"], row["pairs"]] = row
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(known.values(), key=lambda one: (STAGES.index(one["stage"]), one["pairs"])))


def read_csv(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        row | {"pairs": int(row["pairs"]), "peak_mib": int(row["peak_mib"]), "cpu_seconds": float(row["cpu_seconds"])}
        for row in rows
    ]


if __name__ == "__main__":
    main()
