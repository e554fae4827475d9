"""Kill a running workflow with SIGKILL at aimed and at random moments, and start it again with the same command.

A plan is a list of kills, each of a victim at a moment. Whichever moment of the plan is seen first is struck; when the
workflow ends before all were, outputs are deleted so that the missing moments come again.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments

ROOT = Path(__file__).resolve().parents[2]
VICTIMS = ("snakemake", "worker", "group")
STAGES = {  # moment: the stages it is in
    "training": ("train", "train-images"),
    "checkpoint": ("train", "train-images"),
    "decoding": ("predict", "predict-beams", "predict-images"),
    "measuring": ("measure", "measure-images"),
    "collecting": ("collect",),
    "drawing": ("render",),
}
ANY = "any"
LONGEST = {"training": 4.0, "checkpoint": 0.0, "decoding": 5.0, "measuring": 1.5, "collecting": 1.5, "drawing": 1.5}
LOST = {  # to see a moment again, outputs from there on are deleted
    "training": ("runs", "tables"),
    "checkpoint": ("runs", "tables"),
    "decoding": ("runs/**/predictions*", "runs/**/run.json", "tables"),
    "measuring": ("runs/**/run.json", "tables"),
    "collecting": ("tables",),
    "drawing": (),
    ANY: ("runs", "tables"),
}
COMPARED = (
    "*/runs/**/run.json",
    "*/runs/**/measures.csv",
    "*/runs/**/training.json",
    "*/runs/**/*.npz",
    "*/runs/**/*.tsv",
    "*/tables/*.json",
)


class Kill(NamedTuple):
    """Whom to kill, and when: a key of STAGES or ANY."""

    victim: str
    moment: str


class Job(NamedTuple):
    """A stage that runs: the Python process, its stage, its arguments."""

    process: psutil.Process
    stage: str
    arguments: list[str]


@dataclass
class Chaos:
    """Runs `command` in `folder` and kills by `plan`; `done` has the kills that hit, `said` what was printed."""

    folder: Path
    command: Sequence[str]
    plan: list[Kill]
    seed: int = 0
    scale: str = "smoke"
    done: list[Kill] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    starts: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.open = list(self.plan)
        self.delays: dict[tuple[int, str], float] = {}  # (process, moment): the time to strike

    def run(self) -> None:
        """Until every kill of the plan has hit, and the workflow has ended well."""
        while self.open:
            assert self.starts < 5 * len(self.plan) + 10, (self.done, self.open, self.said[-1][-2000:])
            if self.started_once() == 0 and self.open:
                self.lose(min((kill.moment for kill in self.open), key=list(LOST).index))
        assert self.started_once() == 0, self.said[-1][-3000:]

    def started_once(self) -> int:
        """One start of the command, to its end or to the kill of its Snakemake; its exit status."""
        self.starts += 1
        output = self.folder / "output.txt"
        with output.open("wb") as file:
            running = subprocess.Popen(
                self.command, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
            begun, patience = time.monotonic(), self.random.uniform(3, 25)
            while running.poll() is None and self.open:
                jobs = jobs_of(running.pid)
                kill, job = self.due(jobs, time.monotonic() - begun > patience)
                if kill and self.strike(kill, job, running):
                    self.open.remove(kill)
                    self.done.append(kill)
                    begun = time.monotonic()
                trains = any(kill.moment == "checkpoint" for kill in self.open) and any(
                    job.stage in STAGES["checkpoint"] for job in jobs
                )
                time.sleep(0.005 if trains else 0.05)
            status = running.wait(timeout=1800)
        self.said.append(output.read_text(encoding="utf-8", errors="replace"))
        return status

    def due(self, jobs: Sequence[Job], late: bool) -> tuple[Kill | None, Job | None]:
        """The first kill of the plan whose moment has come, and the job that shows it."""
        for kill in self.open:
            if kill.moment == ANY and late and jobs:
                return kill, self.random.choice(jobs)
            for job in jobs:
                if kill.moment != ANY and job.stage in STAGES[kill.moment] and self.has_come(kill.moment, job):
                    return kill, job
        return None, None

    def has_come(self, moment: str, job: Job) -> bool:
        """A random time after the job was first seen in it; for checkpoints: as soon as one is being written."""
        if moment == "checkpoint":
            return is_writing(checkpoints_of(job))
        if moment == "training" and not (checkpoints_of(job).parent / ".lock.holder").exists():
            return False  # still loading modules
        key = (job.process.pid, moment)
        if key not in self.delays:
            self.delays[key] = time.monotonic() + self.random.uniform(0, LONGEST[moment])
        return time.monotonic() >= self.delays[key]

    def strike(self, kill: Kill, job: Job, running: subprocess.Popen) -> bool:
        """SIGKILL; whether the victim still lived and the job, too."""
        try:
            if job.process.status() == psutil.STATUS_ZOMBIE or running.poll() is not None:
                return False
            if kill.victim == "snakemake":
                os.kill(running.pid, signal.SIGKILL)
            elif kill.victim == "group":
                os.killpg(running.pid, signal.SIGKILL)
            else:
                shell = job.process.parent()  # the shell that Snakemake waits for, or Python in it
                victim = shell if shell and shell.name() == "bash" and self.random.random() < 0.3 else job.process
                victim.kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        if kill.victim != "worker":
            assert running.wait(timeout=60) == -signal.SIGKILL
        return True

    def lose(self, moment: str) -> None:
        results = self.folder / "results" / self.scale
        for pattern in LOST[moment]:
            for path in list(results.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.folder / "paper_figures")

    def counts(self) -> Counter:
        return Counter(self.done)


def jobs_of(snakemake: int) -> list[Job]:
    """The stages that are running below a Snakemake."""
    jobs = []
    try:
        for process in psutil.Process(snakemake).children(recursive=True):
            try:
                arguments = process.cmdline()
            except psutil.Error:
                continue
            if arguments[1:3] == ["-m", "entropyreg"] and len(arguments) > 3:
                jobs.append(Job(process, arguments[3], arguments))
    except psutil.NoSuchProcess:
        return []
    return jobs


def checkpoints_of(job: Job) -> Path:
    folder = Path(job.arguments[job.arguments.index("--run-dir") + 1])
    return Path(job.process.cwd(), folder) / "checkpoints" if not folder.is_absolute() else folder / "checkpoints"


def is_writing(folder: Path) -> bool:
    """A temporary file, or a checkpoint younger than a tenth of a second, lies in the folder of checkpoints."""
    now = time.time()
    try:
        for entry in os.scandir(folder):
            if ".pt" in entry.name and (entry.name.endswith(".tmp") or now - entry.stat().st_mtime < 0.1):
                return True
    except OSError:
        pass
    return False


def command(targets: Sequence[str], scale: str = "smoke", cores: int = 2) -> list[str]:
    """The command of `make demo`, for some targets, with the working directory as the folder of results."""
    start = [sys.executable, str(ROOT / "tools" / "run_workflow.py"), "--snakefile", str(ROOT / "Snakefile")]
    return [*start, "--cores", str(cores), "--config", f"scale={scale}", "--", *targets]


def contents(folder: Path, figures: Sequence[str], scale: str = "smoke") -> dict[str, bytes]:
    """Records, outcomes of training, predictions, collected tables and the figures of a folder, byte for byte."""
    found = {path for pattern in COMPARED for path in (folder / "results").glob(pattern)}
    found = {path for path in found if "checkpoints" not in path.parts}
    found |= {path for name in figures for path in (folder / "paper_figures" / scale).glob(f"{name}.*")}
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def of_targets(whole: Mapping[str, bytes], targets: Sequence[str], scale: str = "smoke") -> dict[str, bytes]:
    """The part of a whole scale's `contents` that the targets alone make: their declared runs, tables and figures."""
    workflow = ROOT / "workflow"
    artefacts = load_experiments(workflow, load_config(workflow, {"scale": scale})).artefacts
    runs = {cell.run for target in targets for cell in artefacts[target].cells if cell.run}
    places = [f"results/{scale}/runs/{run}/" for run in sorted(runs)]
    places += [
        f"{place}{target}." for target in targets for place in (f"results/{scale}/tables/", f"paper_figures/{scale}/")
    ]
    for place in places:
        assert any(name.startswith(place) for name in whole), f"nothing is there to compare: {place}"
    return {name: content for name, content in whole.items() if name.startswith(tuple(places))}
