#!/usr/bin/env python
"""Starts Snakemake as the only one in this folder, after clearing up after a killed Snakemake.

    python tools/run_workflow.py ARGUMENTS OF SNAKEMAKE

A killed Snakemake (kill -9, out of memory, a power cut) leaves the folder locked and its jobs running. Here:
1. The folder is held by a lock of the system (flock), which passes to Snakemake: it is freed however that ends.
2. While another Snakemake works here, or jobs that one left behind and that this tool did not start, nothing is done.
3. Jobs that a Snakemake of this tool left behind are ended: theirs is a marked environment, and who could own them
   would hold the lock. What they wrote is whole (renamed into place), and trainings go on from their checkpoints.
4. Snakemake's own lock, which names no owner, is removed, and files that a clock dated ahead are dated now (Snakemake
   fails at what is older than its input). Then this process becomes Snakemake.
"""

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

HELD = Path(".snakemake", "run_workflow.lock")
SNAKEMAKES_LOCK = Path(".snakemake", "locks")  # of Snakemake 9.27: text files with the names of inputs and outputs
MARK = "ENTROPYREG_WORKFLOW_IN"  # in the environment of every job: the folder that it works in
DATED = ("results", "paper_figures", "src", "workflow")  # folders with the files that jobs read and write
PATIENCE = 10  # seconds from a polite end to kill -9


class Refused(Exception):
    """Snakemake is not started; the message is one sentence with the reason."""


def hold(path: Path) -> int:
    """Take the folder's lock without waiting; return its file descriptor, which Snakemake inherits."""
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise Refused(f"{Path.cwd() / path} cannot be written ({error.strerror}): mend that, then run again.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
        raise Refused(f"Snakemake already works in {Path.cwd()} ({owner}): wait for it, or stop it.") from None
    except OSError as error:  # a file system without locks: the checks below still see the processes of this machine
        print(f"{Path.cwd()} cannot be locked ({error.strerror}): start no second Snakemake here.", file=sys.stderr)
    with suppress(OSError):  # a full disk: the lock holds without its owner's name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    os.set_inheritable(descriptor, True)
    return descriptor


def others() -> Iterator[tuple[psutil.Process, list[str]]]:
    """Processes that may be looked into, with their arguments, but not this one and those that started it."""
    own = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            if process.pid not in own and process.status() != psutil.STATUS_ZOMBIE:
                yield process, process.cmdline()
        except (psutil.Error, OSError):
            continue


def works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def is_marked(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(folder)
    except (psutil.Error, OSError):
        return False


def is_snakemake(arguments: list[str]) -> bool:
    """'snakemake ...', 'python .../bin/snakemake ...' or 'python -m snakemake ...'."""
    return any(Path(one).name == "snakemake" for one in arguments[:3])


def is_stage(arguments: list[str]) -> bool:
    """A job of the workflow: 'python -m entropyreg STAGE ... --settings ...'."""
    return arguments[1:3] == ["-m", "entropyreg"] and "--settings" in arguments


def named(arguments: list[str]) -> str:
    """'train', and the run's folder where there is one."""
    place = arguments.index("--run-dir") + 1 if "--run-dir" in arguments else len(arguments)
    return " of ".join([arguments[3], *arguments[place : place + 1]])


def refuse_while_someone_works(folder: Path) -> None:
    """Raise `Refused` for a Snakemake in the folder, and for jobs of one that was not started by this tool."""
    found = [(process, arguments) for process, arguments in others() if works_in(process, folder)]
    for process, arguments in found:
        if is_snakemake(arguments):
            raise Refused(f"Snakemake already works in {folder} (process {process.pid}): wait for it, or stop it.")
    for process, arguments in found:
        if is_stage(arguments) and not is_marked(process, folder):
            raise Refused(
                f"'{named(arguments)}' still runs in {folder} (process {process.pid}), without a Snakemake: wait for "
                f"it, or end it (kill {process.pid}), then run again."
            )


def end_orphans(folder: Path) -> list[psutil.Process]:
    """End the jobs that a killed Snakemake of this tool left behind; the caller holds the folder's lock."""
    orphans = [(process, arguments) for process, arguments in others() if is_marked(process, folder)]
    for process, arguments in orphans:
        if is_stage(arguments):
            print(
                f"Ending '{named(arguments)}' (process {process.pid}), left behind by an earlier Snakemake.", flush=True
            )
    processes = [process for process, _ in orphans]
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            try:
                signal(process)
            except psutil.NoSuchProcess:
                continue
        _, processes = psutil.wait_procs(processes, timeout=PATIENCE)
    if processes:
        raise Refused(f"process {processes[0].pid}, left behind by a killed Snakemake, cannot be ended: kill it.")
    return [process for process, _ in orphans]


def unlock() -> None:
    """Remove Snakemake's lock as `snakemake --unlock` does, without building the whole graph first."""
    if SNAKEMAKES_LOCK.is_dir() and any(SNAKEMAKES_LOCK.iterdir()):
        print("Unlocking the folder: its last Snakemake was killed. Unfinished jobs are run again.", flush=True)
        try:
            shutil.rmtree(SNAKEMAKES_LOCK)
        except OSError as error:
            raise Refused(f"{Path.cwd() / SNAKEMAKES_LOCK} cannot be deleted ({error.strerror}): delete it.") from None


def date_back(folders: tuple[str, ...] = DATED) -> int:
    """Give files dated in the future the present time (their order is lost, no content); return their number."""
    now, count = time.time(), 0
    for folder in folders:
        for place, _, names in os.walk(folder):
            for path in (Path(place, name) for name in names):
                try:
                    if os.lstat(path).st_mtime > now + 1:
                        os.utime(path, (now, now), follow_symlinks=False)
                        count += 1
                except OSError:
                    continue
    if count:
        print(f"The clock was ahead: {count} files that were dated in the future are dated now.", flush=True)
    return count


def main(arguments: list[str]) -> int:
    folder = Path.cwd().resolve()
    try:
        if {"--directory", "-d"} & {one.partition("=")[0] for one in arguments}:
            raise Refused("--directory is not for this tool: start it in that folder, with --snakefile.")
        hold(HELD)
        refuse_while_someone_works(folder)
        end_orphans(folder)
        unlock()
        date_back()
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    os.environ[MARK] = str(folder)
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", "--rerun-incomplete", *arguments])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C before Snakemake was started.", file=sys.stderr)
        sys.exit(130)
