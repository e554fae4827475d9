"""One line every few seconds from fairseq's log: update, loss, rate, time left; and the history of validations."""

import json
import logging
import sys
import time
from pathlib import Path
from typing import TextIO

from entropyreg.io.errors import MALFORMED, UserError
from entropyreg.io.files import one_line, write_atomically

SKIPPED = "attempting to recover from OOM"  # what fairseq says before it drops a batch that does not fit


class ProgressHandler(logging.Handler):
    """Reads fairseq's JSON log records (loggers `train_inner` and `valid`).

    Prints a line on `stream` at most every `seconds`, and keeps `history`, one entry a validation, on disk at
    `history_path`, so that a resumed run knows what the interrupted one saw.
    """

    def __init__(
        self, run: str, max_update: int | None, history_path: Path, stream: TextIO = sys.stderr, seconds: float = 10
    ):
        super().__init__()
        self.run, self.max_update, self.history_path = run, max_update, history_path
        self.stream, self.seconds = stream, seconds
        self.history: list[dict[str, float]] = []
        self.started: tuple[float, int] | None = None
        self.printed = 0.0
        self.last_update = 0

    def load_history(self, updates: int, due: int = 0, metric: str = "nll_bits") -> None:
        """Take up the history of an interrupted run up to the update that it resumes from (see `read_history`)."""
        self.last_update = updates
        if updates:
            self.history = read_history(self.history_path, updates, due, metric)
        self.save_history()

    def save_history(self) -> None:
        """One JSON object a line; rewritten whole, so that a kill leaves the old or the new file."""
        write_atomically(self.history_path, "".join(json.dumps(entry) + "\n" for entry in self.history))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "fairseq.trainer" and record.getMessage().startswith(SKIPPED):
            raise MemoryError("fairseq would leave a batch out and go on, training another run")
        if record.name not in ("train_inner", "valid"):
            return
        try:
            stats = json.loads(record.getMessage())
        except ValueError:
            return
        if record.name == "valid":
            self.add_validation(stats)
        else:
            self.add_training(stats)

    def add_validation(self, stats: dict[str, str]) -> None:
        names = {
            "valid_nll_loss": "nll_bits",
            "valid_loss": "loss_bits",
            "valid_divergence": "divergence",
            "valid_bleu": "bleu",
        }
        entry = {"updates": int(stats["valid_num_updates"])}
        entry |= {name: float(stats[key]) for key, name in names.items() if key in stats}
        self.last_update = max(self.last_update, entry["updates"])
        self.history = [old for old in self.history if old["updates"] < entry["updates"]] + [entry]
        self.save_history()
        self.say(f"update {entry['updates']}: validation NLL {entry.get('nll_bits', float('nan')):.3f} bits")

    def add_training(self, stats: dict[str, str]) -> None:
        now, update = time.monotonic(), int(stats["num_updates"])
        self.last_update = update
        if self.started is None:
            self.started = (now, update)
            return
        if now - self.printed < self.seconds:
            return
        rate = (update - self.started[1]) / (now - self.started[0])
        ends = f"/{self.max_update}" if self.max_update else f", epoch {stats.get('epoch', '?')}"
        left = f", {duration((self.max_update - update) / rate)} left" if self.max_update and rate else ""
        self.say(f"update {update}{ends}, loss {float(stats['loss']):.3f} bits, {rate:.1f} updates/s{left}")
        self.printed = now

    def say(self, text: str) -> None:
        print(f"  {self.run}: {text}", file=self.stream, flush=True)


def read_history(path: Path, updates: int, due: int, metric: str) -> list[dict[str, float]]:
    """The validations up to an update. Patience and the best value so far are counted from them.

    Raises `UserError` for a damaged file and for one with fewer than the `due` validations, each with its `metric`: a
    training that went on without them would end elsewhere.
    """
    if not due and not path.exists():
        return []
    try:
        known = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        places = [entry["updates"] for entry in known]
        if any(type(place) is not int for place in places) or places != sorted(set(places)):
            raise ValueError("its updates do not ascend")
        history = [entry for entry in known if entry["updates"] <= updates]
        if any(type(entry[metric]) not in (int, float) for entry in history):
            raise ValueError(f"{metric} is no number")
        if len(history) < due:
            raise ValueError(f"it has {len(history)} of {due}")
    except (FileNotFoundError, IsADirectoryError, RecursionError, *MALFORMED) as error:
        raise UserError(
            f"{path} does not hold the validations up to update {updates}, at which training would resume "
            f"({one_line(error)[:200]}): delete the folder {path.parent} and run again, which trains the run anew."
        ) from None
    return history


def duration(seconds: float) -> str:
    """'45 s', '3 min 20 s', '2 h 5 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
