"""Ctrl-C and SIGTERM end a command in one line, with the exit status of a shell: 128 + the signal's number (130, 143).

Nothing that is finished is lost: files are renamed into place when they are whole, and trainings have checkpoints. The
signals are raised as exceptions, so that locks are freed and half-written files go. Snakemake passes them on to its
stages, waits for these, and says nothing of their failures.
"""

import atexit
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
PATIENCE = 3.0  # seconds in which another Ctrl-C is the first one, passed on by torchrun
POLL = 0.2  # seconds between two checks of which stages an ending Snakemake still runs
LOGGER = "snakemake.logging"
received: list[int] = []  # the signals that came to this process, in order


class Stopped(KeyboardInterrupt):
    """A command that a signal ended; its text names the signal."""


def program() -> NoReturn:
    """Run the command line as a process of its own; Ctrl-C again, after `PATIENCE`, kills it."""
    late = math.inf

    def stop(number: int, frame: Any) -> None:
        nonlocal late
        received.append(number)
        if late == math.inf:
            late = time.monotonic() + PATIENCE
            raise KeyboardInterrupt
        if number == signal.SIGINT and time.monotonic() > late:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    watch(stop)
    try:
        from entropyreg.cli.main import main  # takes a second

        status = main()
    except BaseException as error:
        if not received:
            raise
        tell(f"entropyreg {error}" if isinstance(error, Stopped) else "entropyreg")
        os._exit(status_of_stop())  # fairseq's threads may crash while the interpreter is taken down
    sys.exit(status)


def watch(stop: Callable[[int, Any], None]) -> None:
    """Set a handler of both signals; a signal that is ignored (as in a script's background command) stays ignored."""
    for number in NAMES:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def tell(what: str, rest: str = "") -> None:
    with suppress(OSError, ValueError):  # the process that reads the pipe was stopped, too
        sys.stdout.flush()
        print(f"{what} was stopped by {NAMES[received[0]]}{rest}.", file=sys.stderr, flush=True)


def status_of_stop() -> int:
    return 128 + received[0]


def stop_snakemake_in_one_line() -> None:
    """Let the signals end this Snakemake as they end a stage; called by the Snakefile.

    By itself it would wait for its jobs after SIGTERM, report each job that Ctrl-C ended as failed, and end with status
    1.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler

    schedule = JobScheduler.schedule

    def stop(number: int, frame: Any) -> None:
        received.append(number)
        sys.exit(status_of_stop())

    def schedule_until_stopped(scheduler: JobScheduler) -> bool:
        watch(stop)  # set again, because the scheduler has set a handler of its own
        done = schedule(scheduler)
        if received:
            sys.exit(status_of_stop())
        return done

    watch(stop)
    JobScheduler.schedule = schedule_until_stopped
    logging.getLogger(LOGGER).addFilter(lambda record: not received)
    rest = "; nothing that is finished is lost, and the same command goes on from there"
    atexit.register(lambda: received and tell("Snakemake", rest))
    threading.Thread(target=end_stages, daemon=True).start()


def end_stages() -> NoReturn:
    """Once a signal has come, send SIGTERM to each stage that this Snakemake runs here, or was about to start."""
    told = set()
    while True:
        time.sleep(POLL)
        if received:
            import psutil

            for process in set(psutil.Process().children(recursive=True)) - told:
                with suppress(psutil.Error):
                    if process.cmdline()[1:3] == ["-m", "entropyreg"]:
                        told.add(process)
                        process.terminate()
