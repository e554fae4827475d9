#!/usr/bin/env python
"""Proves that a change of code left every bit as it was, and says so where recipes and records look for it.

    python tools/prove_equal_bits.py --old OTHER_CHECKOUT

Runs the smoke scale, a run of each kind with at least 30 updates, in both checkouts on this machine, and compares what
every job wrote. Where the digest of a job's code differs and all jobs of this pair of digests wrote the same bits, the
pair is added to `src/entropyreg/provenance/equal_digests.json`: checkpoints, outputs and committed records of the old
code then remain current. Where any bit differs nothing is added, and the exit status is 1. Code that only runs of
larger scales need is named, not proved. Takes as long as the smoke scale twice.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entropyreg.config.loading import SCALES, load_config
from entropyreg.config.stages import declarations_of, plan_of
from entropyreg.experiments import load_experiments
from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.io.processors import processor_type
from entropyreg.provenance.adoption import found_origins
from entropyreg.provenance.code_identity import EQUAL, equal_digests
from entropyreg.provenance.origins import Origin

ROOT, SCALE, UPDATES = Path(__file__).resolve().parents[1], "smoke", 30
LISTED = """
import json
from pathlib import Path
from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments
found = load_experiments(Path("workflow"), load_config(Path("workflow"), {"scale": "smoke"}))
print(json.dumps([*found.runs, *found.image_runs]))
"""
Job = tuple[str, str]  # stage, wildcards as JSON


def longer() -> dict[str, Any]:
    """The configuration of the smoke scale with at least `UPDATES` updates of every training."""
    config = load_config(ROOT / "workflow", {"scale": SCALE})
    text = {
        name: {"max_update": UPDATES} for name, one in config["models"].items() if one.get("max_update", 0) < UPDATES
    }
    return {"scale": SCALE, "models": text}


def run(tree: Path, folder: Path, targets: Iterable[str], config: Path) -> None:
    """Make the records of runs in `folder` with the code of `tree`."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    command = ["-m", "snakemake", "--snakefile", str(tree / "Snakefile"), "--directory", str(folder), "--cores", "all"]
    records = [f"results/{SCALE}/runs/{run}/run.json" for run in targets]
    subprocess.run(
        [sys.executable, *command, "--configfile", str(config), "--", *records], check=True, env=environment, cwd=tree
    )


def runs_of(tree: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    listed = subprocess.run(
        [sys.executable, "-c", LISTED], cwd=tree, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(listed.stdout)


def jobs_in(folder: Path) -> dict[Job, tuple[Origin, dict[str, str]]]:
    """Every job that ran, with the sums of what it wrote: times and the digest of the claims aside."""
    results = folder / "results" / SCALE
    found = {}
    for _, origin in found_origins((str(results), str(results))):
        written = {name: sum_of(results / name) for name in origin.outputs if not name.endswith("provenance.json")}
        found[origin.stage, json.dumps(origin.of, sort_keys=True)] = origin, written
    return found


def sum_of(path: Path) -> str:
    if path.name != "run.json":
        return sha256_of(path)
    about = {key: value for key, value in read_json(path).items() if key != "claims_sha256"}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def compared(old: Mapping, new: Mapping) -> tuple[dict[tuple[str, str, str], list[str]], list[str]]:
    """{(stage, old digest, new digest): its jobs} of what wrote equal bits everywhere, and sentences on the rest."""
    equal, told = defaultdict(list), []
    differing = set()
    for job in sorted(old.keys() & new.keys()):
        (before, was), (after, found) = old[job], new[job]
        pair = (job[0], before.code, after.code)
        if before.declared != after.declared:
            told.append(f"{' '.join(job)} is declared otherwise in the two checkouts: not compared.")
        elif was != found:
            names = ", ".join(name for name in {*was, *found} if was.get(name) != found.get(name))
            told.append(f"{' '.join(job)} wrote other bits: {names}.")
            differing.add(pair)
        elif before.code != after.code:
            equal[pair].append(" ".join(job))
    return {pair: jobs for pair, jobs in equal.items() if pair not in differing}, told


def not_proved(proved: Iterable[tuple[str, str, str]], jobs: Mapping[Job, Any]) -> list[str]:
    """Sentences on code that runs of other scales need and that no smoke run needs."""
    known = {(origin.stage, origin.code) for origin, _ in jobs.values()} | {(stage, new) for stage, _, new in proved}
    found: dict[str, list[str]] = defaultdict(list)
    for scale in SCALES:
        config = load_config(ROOT / "workflow", {"scale": scale})
        experiments = load_experiments(ROOT / "workflow", config)
        declarations = declarations_of(config, experiments)
        trained = [("train", {"run": run}) for run in experiments.runs]
        trained += [("train-images", {"image_run": run}) for run in experiments.image_runs]
        for stage, of in trained:
            if (stage, plan_of(declarations, stage, of)[1]) not in known:
                found[scale].append(next(iter(of.values())))
    return [
        f"{len(runs)} trainings of scale {scale} need code that no smoke run needs, for example {runs[0]}: not proved."
        for scale, runs in found.items()
    ]


def commit_of(tree: Path) -> str:
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty", "--abbrev=40", "--match=-"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def entries(equal: Mapping, new: Mapping, commits: tuple[str, str]) -> list[dict[str, Any]]:
    """New entries of the file: digests of a stage, and the compared jobs, with date and processor."""
    about = {"date": datetime.now(UTC).date().isoformat(), "processor": processor_type(), "commits": list(commits)}
    found = []
    for (stage, before, after), jobs in sorted(equal.items()):
        written = [sums for job, (_, sums) in sorted(new.items()) if " ".join(job) in jobs]
        digest = hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()
        proof = {**about, "jobs": len(jobs), "updates": UPDATES, "outputs_sha256": digest}
        found.append({"stage": stage, "old": before, "new": after, "proof": proof})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the code before the change")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the two runs; with those of an earlier start it goes on"
    )
    parser.add_argument(
        "--runs", nargs="+", metavar="RUN", help="these runs of the smoke scale alone, for a quick look"
    )
    args = parser.parse_args()
    old = args.old.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.keep or Path(temporary)).resolve()
        both = [run for run in args.runs or runs_of(ROOT) if run in set(runs_of(old))]
        config = folder / "config.json"
        folder.mkdir(parents=True, exist_ok=True)
        write_json(config, longer())
        for tree, own in ((old, folder / "old"), (ROOT, folder / "new")):
            own.mkdir(exist_ok=True)
            run(tree, own, both, config)
        before, after = jobs_in(folder / "old"), jobs_in(folder / "new")
    equal, told = compared(before, after)
    print("\n".join([*told, *not_proved(equal, after)]))
    if any("other bits" in one for one in told):
        print("Nothing is added: the change is not one of equal bits.")
        return 1
    added = entries(equal, after, (commit_of(old), commit_of(ROOT)))
    write_json(EQUAL, [*read_json(EQUAL), *added])
    equal_digests.cache_clear()
    equal_digests(EQUAL)  # refuses what contradicts earlier entries
    print(f"{len(added)} pairs of digests of equal bits added to {EQUAL.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
