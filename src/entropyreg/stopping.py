"""Ctrl-C and SIGTERM end a command in one line, with the exit status of a shell: 128 + the signal's number (130, 143).

Nothing that is finished is lost: files are renamed into place when they are whole, and trainings have checkpoints. In a
stage the signal is raised as an exception, so that locks are freed and half-written files go. Snakemake passes it on to
its stages, waits for them, and says nothing of their failures.
"""

import atexit
import logging
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

AGAIN = "ENTROPYREG_AGAIN"  # the environment's name for the command that goes on, as its user typed it
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
STATUSES = {128 + number for number in NAMES}
LOGGER = "snakemake.logging"


class Stopped(KeyboardInterrupt):
    """Raised where one of the signals arrives: what lets Ctrl-C pass lets this pass."""


class Watch:
    """Which of the signals came, if any."""

    received: int | None = None

    def tell(self, what: str, again: str | None) -> int:
        """Print the line, and return the exit status; without `again` Snakemake tells how to go on."""
        rest = f"; nothing that is finished is lost, and {again} goes on from there" if again else ""
        with suppress(OSError):  # the reader of a pipe was stopped, too
            print(f"{what} was stopped by {NAMES[self.received]}{rest}.", file=sys.stderr, flush=True)
        return 128 + self.received


@contextmanager
def watched() -> Iterator[Watch]:
    """The first of the signals raises `Stopped` within it; a second Ctrl-C kills. An ignored signal stays ignored."""
    watch = Watch()

    def stop(number, frame):
        watch.received = number
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, lambda *_: None)  # Snakemake's, after that of the terminal
        raise Stopped

    before = {number: signal.getsignal(number) for number in NAMES}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, stop)
    except ValueError:  # only the main thread may
        before = {}
    try:
        yield watch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_snakemake_in_one_line() -> None:
    """Called by the Snakefile: the signals end this Snakemake as they end a stage.

    It would wait for its jobs after SIGTERM, report each job that Ctrl-C ended as failed, and end with status 1.
    """
    from snakemake.scheduling.job_scheduler import JobScheduler

    os.environ.setdefault(AGAIN, shlex.join(["snakemake", *sys.argv[1:]]))
    watch, show = Watch(), sys.excepthook

    def stop(number, frame):
        watch.received = watch.received or number
        end_stages()
        raise Stopped

    def end():
        if watch.received:
            leave(watch.tell("Snakemake", f"`{os.environ[AGAIN]}`"))

    with suppress(ValueError):  # only the main thread may
        for number in NAMES:
            signal.signal(number, stop)
    JobScheduler.exit_gracefully = lambda self, number, frame: stop(number, frame)  # its own handler of SIGTERM
    logging.getLogger(LOGGER).addFilter(lambda record: watch.received is None)
    sys.excepthook = lambda *error: None if watch.received else show(*error)
    atexit.register(end)


def leave(status: int) -> NoReturn:
    """End the process now: threads of libraries (fairseq's loader) may crash while the interpreter is taken down."""
    with suppress(OSError):
        logging.shutdown()
        sys.stdout.flush()
    os._exit(status)


def end_stages() -> None:
    """Send SIGTERM to the stages that this Snakemake started, on this machine."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[1:3] == ["-m", "entropyreg"]:
                process.terminate()
