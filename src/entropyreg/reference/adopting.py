"""Decides, at the start of Snakemake, which committed records of a scale stand in for its runs, and says so.

The decision follows from the checkout, the configuration and the prepared data alone. Light modules, as for all that
the Snakefile loads.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.comparing.claims.amendments import link_of
from entropyreg.comparing.claims.declaration import load_claims
from entropyreg.comparing.claims.digest import claims_digest
from entropyreg.config.paths import Paths
from entropyreg.data.sources import all_sources
from entropyreg.experiments import Experiments
from entropyreg.forecast.blocks import needs_of
from entropyreg.io.errors import UserError, naming
from entropyreg.io.files import Sums, read_json
from entropyreg.io.processors import processor_type
from entropyreg.io.run_folder import shortened
from entropyreg.provenance.adopted import processor_of
from entropyreg.provenance.adoption import SUMS
from entropyreg.provenance.committed import Jobs, Planned, SumOf, Today, check_files, committed_origins
from entropyreg.provenance.origins import origins_in
from entropyreg.provenance.run_folders import ABOUT
from entropyreg.reference.folders import Reference


class Adoption(NamedTuple):
    """runs: the adopted ones.    scores: those of them whose scores are committed, which searches read.
    stale: why other committed records are not adopted.    trained: adopted runs whose weights runs that are not
    adopted need, with these.    processors: types that trained adopted runs, with the number of runs.
    """

    folder: Path
    runs: tuple[str, ...] = ()
    scores: frozenset[str] = frozenset()
    stale: Mapping[str, str] = {}
    trained: Mapping[str, list[str]] = {}
    processors: Mapping[str, int] = {}

    def sentences(self, declared: int) -> list[str]:
        """Tells a user at the start which runs are adopted, and why others are not."""
        made_on = ", ".join(f"{name} ({count} of them)" for name, count in self.processors.items())
        told = [f"{len(self.runs)} of {declared} runs are adopted from {self.folder}."]
        if set(self.processors) - {processor_type()}:
            told.append(
                f"Adopted runs were trained on {made_on}; this processor is {processor_type()}, so a run that is "
                "trained here differs from them as another seed would, and is not compared with them seed by seed."
            )
        told += stale_sentences(self.stale, "adopted")
        for run, students in self.trained.items():
            needed = shortened(students, 3, "runs")
            told.append(f"{run} is adopted; its weights are not committed, so it is trained for {needed}.")
        return told

    def tell(self, declared: int) -> None:
        for sentence in self.sentences(declared):
            print(f"entropyreg: {sentence}", file=sys.stderr)


NONE_ADOPTED = Adoption(Path())


def stale_sentences(stale: Mapping[str, str], done: str) -> list[str]:
    """A sentence a reason: '5 records are stale, and not adopted: other code of train: RUN, ... and 2 more runs.'"""
    found: dict[str, list[str]] = {}
    for run, reason in stale.items():
        found.setdefault(reason, []).append(run)
    return [
        f"{len(runs)} {'record is' if len(runs) == 1 else 'records are'} stale, and not {done}: {reason}: "
        f"{shortened(runs, 3, 'runs')}."
        for reason, runs in found.items()
    ]


def adoption_of(root: Path, config: Mapping[str, Any], experiments: Experiments, planned: Planned) -> Adoption:
    """Finds the runs that are adopted at the scale of a configuration.

    Raises `UserError` for a scale without committed records, for a record that is damaged, and for one of claims that
    `claims.yaml` does not know.
    """
    folder = Reference.of(config["scale"], root).results
    committed = {str(path.parent.relative_to(folder / "runs")) for path in folder.glob(f"runs/**/{ABOUT}")}
    if not committed:
        scales = sorted({path.parent.name for path in folder.parent.glob("*/runs")})
        raise UserError(
            f"adopt is true, but scale '{config['scale']}' has no committed record in {folder}; allowed: "
            f"{', '.join(scales) or 'no scale'}."
        )
    sums = Sums(SUMS)
    jobs = Jobs(committed_origins(folder), today_of(config, planned, sums))
    declared = [*experiments.runs, *experiments.image_runs]
    reasons = {run: reason_of(jobs, run) for run in declared if run in committed}
    reasons |= dict.fromkeys(sorted(committed - set(declared)), "no run of this name is declared")
    runs = tuple(run for run, reason in reasons.items() if reason is None)
    sums.keep()
    for run in runs:
        for name in (f"runs/{run}/{ABOUT}", scores_of(run)):
            if name in jobs.made_by:
                check_files(folder, jobs.made_by[name])
    check_claims(folder, runs, load_claims(root / "workflow" / "experiments" / "claims.yaml"))
    scored = frozenset(run for run in runs if scores_of(run) in jobs.made_by)
    trained = trained_for(experiments, set(runs), scored)
    processors = Counter(processor_of(jobs.own(run)) or "a type that was not noted" for run in runs)
    stale = {run: reason for run, reason in reasons.items() if reason is not None}
    return Adoption(folder, runs, scored, stale, trained, processors)


def scores_of(run: str) -> str:
    return f"runs/{run}/scores.json"


def reason_of(jobs: Jobs, run: str) -> str | None:
    """The reason why a run's record, or its scores where they are committed, would come out otherwise today."""
    found = jobs.stale(run)
    return jobs.reason(scores_of(run)) if found is None and scores_of(run) in jobs.made_by else found


def today_of(config: Mapping[str, Any], planned: Planned, sums: Sums) -> Today:
    """Describes the jobs that a configuration would start today, from the data that are here."""
    results = Path(Paths.of(config).results)

    @cache
    def plan(stage: str, of: frozenset[tuple[str, str]]) -> tuple[Mapping[str, Any], str]:
        return planned(stage, dict(of))

    def prepared(name: str) -> str | None:
        path = results / name
        if not name.startswith("data/") or not path.is_file():
            return None
        for origin in origins_in(path.parent):
            if name in origin.outputs and origin.code == plan(origin.stage, frozenset(origin.of.items()))[1]:
                return sums.of(path)
        return None

    return Today(lambda stage, of: plan(stage, frozenset(of.items())), sum_of_data(config, results, sums), prepared)


def sum_of_data(config: Mapping[str, Any], results: Path, sums: Sums) -> SumOf:
    """A function: the sum of folder/file in the user's folder, else of the download, else the one that is declared."""

    def find(name: str) -> str | None:
        folders = [Path(config["data_dir"])] if config["data_dir"] is not None else []
        for path in (folder / name for folder in (*folders, results / "sources")):
            if path.is_file():
                return sums.of(path)
        declared, packed = all_sources().get(name), all_sources().get(f"{name}.gz")
        return declared.sha256 if declared else packed.content_sha256 if packed else None

    return find


def trained_for(experiments: Experiments, adopted: set[str], scored: Iterable[str]) -> dict[str, list[str]]:
    """The adopted runs that are trained all the same, with the runs that need them; of trials the scores are enough."""
    needs, enough, found = needs_of(experiments), set(scored), {}
    waiting = [run for run in needs if run not in adopted]
    while waiting:
        run = waiting.pop(0)
        for needed in needs[run]:
            if needed in adopted and needed not in enough:
                if needed not in found:
                    waiting.append(needed)
                found.setdefault(needed, []).append(run)
    return dict(sorted(found.items()))


def check_claims(folder: Path, runs: Iterable[str], claims: Mapping[str, Any]) -> None:
    """Raise `UserError` for a record of claims that are neither those in force nor such as were amended."""
    in_force = claims_digest(claims)
    for run in runs:
        path = folder / "runs" / run / ABOUT
        with naming(path):
            link_of(read_json(path)["claims_sha256"], run, claims["amendments"], in_force)
