"""Gives the statistics the rows of the collected tables, and the sums over blocks of sentences and images of runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.comparing.claims.declaration import SEARCHES, Filler
from entropyreg.comparing.claims.evidence import FIRST_PILOT_SEED, enters_verdict
from entropyreg.comparing.contrasts import generator_of, stacked
from entropyreg.comparing.scores import Scored, curve, scored
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json
from entropyreg.measuring.blocks import of_split, read_blocks
from entropyreg.measuring.record_files import ABOUT, read_about
from entropyreg.provenance.processors import types_of

Row = Mapping[str, Any]
WINNER = "-winner/"  # in the id of a run that was retrained with what a search chose
TUNING = ("random", "guided")
MOST_BYTES = 1 << 29  # bytes of arrays that are kept for the next claim


class NotTested(Exception):
    """A claim cannot be tested; the reason is a clause without a full stop."""


class Records:
    """Collected tables and statistics of one scale; remembers which runs were used, and which seeds were refused."""

    def __init__(self, tables_dir: Path, runs_dir: Path, n_replicates: int = 2000, alpha: float = 0.05) -> None:
        self.tables_dir, self.runs_dir, self.n_replicates, self.alpha = tables_dir, runs_dir, n_replicates, alpha
        self.used: set[str] = set()
        self.refused: set[int] = set()
        self._tables: dict[str, Mapping[str, Any] | None] = {}
        self._arrays: dict[str, dict[str, np.ndarray]] = {}
        self._records: dict[str, Mapping[str, Any]] = {}

    def table(self, artefact: str) -> Mapping[str, Any] | None:
        """A collected table; None where the scale has none."""
        if artefact not in self._tables:
            path = self.tables_dir / f"{artefact}.json"
            self._tables[artefact] = read_json(path) if path.exists() else None
        return self._tables[artefact]

    def rows(self, artefacts: Iterable[str], filler: Filler, model: str | None = None) -> list[Row]:
        """The finished rows of a role's task (and model) in the artefacts; a run that several show comes once a row.

        Seeds of pilots and searches are left out; seeds of runs other than trials are remembered as refused.
        """
        found: dict[tuple, Row] = {}
        for row in self.finished(artefacts, filler, model):
            if enters_verdict(row["seed"]):
                found.setdefault((row["row"], row["run"], row["seed"]), row)
            elif not row.get("trial"):
                self.refused.add(row["seed"])
        return list(found.values())

    def trials(self, artefacts: Iterable[str], filler: Filler) -> list[Row]:
        """The finished trials of searches on a role's task, whatever their seed: for choices, never for verdicts."""
        rows = self.finished(artefacts, filler)
        tuned = [row for row in rows if row["trial"] and row["trial"]["kind"] in TUNING]
        return list({(row["trial"]["series"], row["trial"]["number"]): row for row in tuned}.values())

    def finished(self, artefacts: Iterable[str], filler: Filler, model: str | None = None) -> Iterator[Row]:
        """Every finished row of a role's task (and model) in the artefacts."""
        for artefact in artefacts:
            for row in (self.table(artefact) or {"rows": []})["rows"]:
                if row["status"] != "done" or row["task"] != filler.task or not filler.shows(artefact, row["model"]):
                    continue
                if model is None or row["model"] == model:
                    yield row

    def missing_reason(self, artefacts: Sequence[str], filler: Filler, row: str | None = None) -> str:
        """The reason why there are no rows, from the missing ones."""
        reasons = []
        for artefact in artefacts:
            for one in (self.table(artefact) or {"rows": []})["rows"]:
                if one["task"] == filler.task and one["reason"] and (row is None or one["row"] == row):
                    reasons.append(one["reason"])
        what = f"'{row}' of {filler.task}" if row else filler.task
        if self.refused and not reasons:
            return f"{what}: only seeds from {FIRST_PILOT_SEED} on, which are pilots'"
        return f"{what}: {reasons[0]}" if reasons else f"no run of {what} in {' or '.join(artefacts)}"

    def tuning_seeds(self, task: str, model: str) -> set[int]:
        """Seeds that the trials of a search were trained with."""
        rows = (self.table(SEARCHES) or {"rows": []})["rows"]
        return {
            row["seed"] for row in rows
            if (row["task"], row["model"]) == (task, model) and row["trial"] and row["trial"]["kind"] in TUNING
        }  # fmt: skip

    def scored(self, rows: Sequence[Row], split: str, measure: str) -> Scored:
        """A measure of `comparing.scores` over blocks of sentences or images, (S, B, k): the seeds of `rows` in order.

        Raises `NotTested` where it was not measured.
        """
        parts = []
        for run in dict.fromkeys(row["run"] for row in rows):
            found = scored(self.arrays(run), split, measure)
            if found is None:
                raise NotTested(f"{run} has no {measure} on {split}")
            if found.sums.ndim == 3:  # of images: every seed of the run
                seeds = self.about(run)["seeds"]
                places = [seeds.index(row["seed"]) for row in rows if row["run"] == run]
                found = found._replace(sums=found.sums[places])
            parts.append(found)
        if len({part.sums.shape[-2:] for part in parts}) > 1:
            raise UserError(
                f"'{measure}' differs in shape between {rows[0]['run']} and its other seeds: measure again."
            )
        return stacked(parts)

    def curve(self, rows: Sequence[Row], split: str, quantity: str) -> Scored:
        """bleu, ece or nll at every temperature, one run a seed."""
        parts = [curve(of_split(self.arrays(row["run"]), split), quantity) for row in rows]
        return stacked(parts)

    def about(self, run: str) -> Mapping[str, Any]:
        """Facts in a record on the run itself: its seeds, if it has several, and the digest of its claims."""
        if run not in self._records:
            record = read_about(self.runs_dir / run)
            self._records[run] = {key: record.get(key) for key in ("seeds", "claims_sha256")}
        return self._records[run]

    def claims_of(self, run: str) -> str:
        """The digest of the claims that the run was measured under."""
        return self.about(run)["claims_sha256"]

    def arrays(self, run: str) -> dict[str, np.ndarray]:
        """The sums over blocks of a run, by '<split>.<name>'."""
        if run not in self._arrays:
            if sum(array.nbytes for arrays in self._arrays.values() for array in arrays.values()) > MOST_BYTES:
                self._arrays.clear()
            self._arrays[run] = read_blocks(self.runs_dir, run)
        self.use(run)
        return self._arrays[run]

    def use(self, *runs: str) -> None:
        """Remember that the records of `runs` entered a test."""
        self.used.update(runs)

    def check_processors(self) -> None:
        """Raise `NotTested` if runs of one seed that entered the test were trained on two types of processor."""
        seeds: dict[tuple[str, str], list[str]] = {}
        for run in sorted(self.used):
            seeds.setdefault((run.split("/")[0], run.rpartition("/seed")[2] if "/seed" in run else ""), []).append(run)
        for (task, _), runs in seeds.items():
            if len(types := types_of(self.runs_dir, runs)) > 1:
                raise NotTested(f"runs of one seed of {task} were trained on several processors ({'; '.join(types)})")

    def generator(self, *names: Any) -> np.random.Generator:
        """Seeded by what is tested, so that adding a claim changes no other."""
        return generator_of(*names)

    def first_made(self, runs: Iterable[str]) -> dict[str, str] | None:
        """The run whose record was made first, when (UTC), and how that is known.

        Provenance's `made` if it has one, else the date of the training's file; None without runs.
        """
        found = [(*self.made(run), run) for run in sorted(runs)]
        if not found:
            return None
        when, source, run = min(found)
        return {"run": run, "made": when, "source": source}

    def began(self, run: str) -> str:
        """When a run's training began, as far as is known (UTC): when it was made, less the seconds that it took."""
        made, provenance = self.made(run)[0], self.provenance(run)
        with blaming(self.runs_dir / run / "provenance.json"):
            took = timedelta(seconds=provenance.get("training", {}).get("seconds", 0))
            return (datetime.fromisoformat(made) - took).isoformat()

    def provenance(self, run: str) -> Mapping[str, Any]:
        path = self.runs_dir / run / "provenance.json"
        return read_json(path) if path.exists() else {}

    def made(self, run: str) -> tuple[str, str]:
        """When a run's record was made."""
        folder, content = self.runs_dir / run, self.provenance(run)
        with blaming(folder / "provenance.json"):
            for known in (content.get("training", {}).get("finished"), content.get("made")):
                if known:
                    return known, "provenance"
        dated = next(path for path in (folder / "training.json", folder / ABOUT) if path.exists())
        return datetime.fromtimestamp(int(dated.stat().st_mtime), UTC).isoformat(), f"date of {dated.name}"
