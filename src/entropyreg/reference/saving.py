"""Commits what a scale has finished: records, with what made them, and all that is computed from them.

Chains are saved whole (`chains`): with those that were finished here stay the committed ones that are still current
(`provenance.committed`). Tables, figures and the ledger are made anew from the saved records, so nothing shows another
state; an artefact that lacks runs is left out.
"""

import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from entropyreg.comparing.claims.ledger import judge
from entropyreg.comparing.joined_collect import collect_artefact
from entropyreg.config.loading import load_config
from entropyreg.config.stages import declarations_of, plan_of
from entropyreg.experiments import Experiments, load_experiments
from entropyreg.io.errors import UserError
from entropyreg.io.files import Sums, atomic_path, read_json, sha256_of, write_json
from entropyreg.io.processors import processor_type
from entropyreg.measuring.record_files import ABOUT
from entropyreg.provenance.adopted import PROVENANCE, processor_of
from entropyreg.provenance.adoption import found_origins
from entropyreg.provenance.committed import FILE, Jobs, Today, committed_origins, portable
from entropyreg.provenance.origins import Origin
from entropyreg.reference.adopting import stale_sentences, today_of
from entropyreg.reference.chains import chains_of, incomplete, judging_settings
from entropyreg.reference.drawing import draw_all
from entropyreg.reference.folders import SUMS, Reference

MOST_BYTES = 150_000  # of a record, compressed as git keeps it
MACHINE, LEDGER = "machine.json", "ledger.json"
MADE = ("runs", "tables", LEDGER, MACHINE, FILE, SUMS)  # all else in a reference's folder was put there by hand
OF_THE_MACHINE = ("host_platform",)  # facts of a record's provenance that are not committed


class Source(NamedTuple):
    """Records in one place, the jobs that made them, and the runs whose records are current."""

    folder: Path
    jobs: Jobs
    current: set[str]
    stale: Mapping[str, str]


def save(scale: str, root: Path) -> list[str]:
    """Save the whole chains of a scale as its reference; returns what was saved and what was not, in sentences.

    Raises `UserError` where no chain is whole, and for a record that is too large.
    """
    workflow, reference = root / "workflow", Reference.of(scale, root)
    config = load_config(workflow, {"scale": scale, "results_dir": str(root / "results")})
    experiments = load_experiments(workflow, config)
    declarations = declarations_of(config, experiments)
    today = today_of(config, lambda stage, of: plan_of(declarations, stage, of), Sums())
    own = finished_here(root / "results" / scale, root, experiments, today)
    committed = still_current(reference.results, experiments, today)
    chosen, told = choose(experiments, own, committed)
    if not chosen:
        raise UserError(f"no chain of scale '{scale}' is whole: run Snakemake first. {' '.join(told)}".rstrip())
    with tempfile.TemporaryDirectory(dir=root) as folder:
        made = Reference(Path(folder, "results"), Path(folder, "figures"))
        made.figures.mkdir()
        save_records(chosen, made.results)
        partial = incomplete(experiments, chosen)
        make_artefacts(config, experiments, workflow, made, partial)
        copy_all(reference.results, made.results, without=MADE)
        made.write_sums()
        for target, source in zip(reference, made, strict=True):
            shutil.rmtree(target, ignore_errors=True)
            copy_all(source, target)
    declared = len(experiments.runs) + len(experiments.image_runs)
    kept = sum(source is committed for source in chosen.values())
    first = f"{len(chosen)} of {declared} runs are saved in {reference.results}, {kept} of them as they were committed."
    left = [f"{name} is left out: {count} have a record." for name, count in partial.items()]
    return [first, *told, *left]


def finished_here(results: Path, root: Path, experiments: Experiments, today: Today) -> Source:
    """The records that were made here."""
    places = (str(results), str(results))
    jobs = Jobs([portable(origin, results, root) for _, origin in found_origins(places)], today)
    return source_of(results, jobs, experiments)


def still_current(folder: Path, experiments: Experiments, today: Today) -> Source:
    """The records that were committed before."""
    return source_of(folder, Jobs(committed_origins(folder), today), experiments)


def source_of(folder: Path, jobs: Jobs, experiments: Experiments) -> Source:
    declared = [*experiments.runs, *experiments.image_runs]
    found = {run: why_not(folder, jobs, run) for run in declared if (folder / "runs" / run / ABOUT).is_file()}
    stale = {run: reason for run, reason in found.items() if reason is not None}
    return Source(folder, jobs, set(found) - set(stale), stale)


def why_not(folder: Path, jobs: Jobs, run: str) -> str | None:
    """The reason why a record is not saved; None if it is current and its files are whole."""
    if (reason := jobs.stale(run)) is not None:
        return reason
    wanted = jobs.of_run(run).outputs
    changed = [name for name in record_names(jobs, run) if not is_same(folder / name, wanted.get(name))]
    return f"{changed[0]} is not what was measured" if changed else None


def is_same(path: Path, wanted: str | None) -> bool:
    return path.is_file() and (wanted is None or sha256_of(path) == wanted)


def record_names(jobs: Jobs, run: str) -> list[str]:
    """The files of a record: what measuring wrote, without its provenance, and the scores that searches read."""
    names = [name for name in jobs.of_run(run).outputs if Path(name).name != PROVENANCE]
    scores = f"runs/{run}/scores.json"
    return names + ([scores] if scores in jobs.made_by else [])


def choose(experiments: Experiments, own: Source, committed: Source) -> tuple[dict[str, Source], list[str]]:
    """The runs of whole chains, each with where its record is, and sentences on the others."""
    chosen: dict[str, Source] = {}
    told = []
    for chain in chains_of(experiments):
        there = [run for run in chain if run in own.current | committed.current]
        if len(there) == len(chain):
            source = [own, committed] if own.current.issuperset(chain) else [committed, own]
            chosen |= {run: source[0] if run in source[0].current else source[1] for run in chain}
        elif there:
            told.append(f"The chain of {chain[0]} is not whole, and not saved: {len(there)} of {len(chain)} runs.")
    stale = {run: why for run, why in {**committed.stale, **own.stale}.items() if run not in chosen}
    return chosen, told + stale_sentences(stale, "saved")


def save_records(chosen: Mapping[str, Source], target: Path) -> None:
    """Write the records with their origins, those of the jobs of no run at the top, and the types of processor."""
    others: dict[str, Origin] = {}
    processors = set()
    for run, (folder, jobs, _, _) in chosen.items():
        names = record_names(jobs, run)
        needed = [one for name in names if name in jobs.made_by for one in jobs.closure(name)]
        own = list({id(one): one for one in needed if run in one.of.values()}.values())
        for name in names:
            copy(folder / name, target / name)
        write_json(target / "runs" / run / PROVENANCE, committed_provenance(folder / "runs" / run / PROVENANCE))
        write_json(target / "runs" / run / FILE, [without(one, f"runs/{run}/{PROVENANCE}") for one in own])
        check_size(run, [target / name for name in names])
        others |= {first_output(one): one for one in needed if not is_of_a_run(one)}
        processors.add(processor_of(own) or processor_type())
    write_json(target / FILE, [without(one) for _, one in sorted(others.items())])
    write_json(target / MACHINE, {"processor": "; ".join(sorted(processors))})


def first_output(origin: Origin) -> str:
    return min(origin.outputs)


def is_of_a_run(origin: Origin) -> bool:
    return first_output(origin).startswith("runs/")


def without(origin: Origin, name: str | None = None) -> dict[str, Any]:
    """The content of an origin, but for one of its outputs."""
    return origin._asdict() | {"outputs": {key: sum for key, sum in origin.outputs.items() if key != name}}


def committed_provenance(path: Path) -> dict[str, Any]:
    known = dict(read_json(path)) if path.is_file() else {}
    if "training" in known:
        known["training"] = {key: value for key, value in known["training"].items() if key not in OF_THE_MACHINE}
    return known


def check_size(run: str, paths: Iterable[Path]) -> None:
    """Raise `UserError` for a record that would make the repository grow too much."""
    sizes = {path.name: len(zlib.compress(path.read_bytes())) for path in paths}
    if sum(sizes.values()) > MOST_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise UserError(
            f"the record of run '{run}' has {sum(sizes.values()):,} bytes when compressed, {sizes[largest]:,} of them "
            f"in {largest}; allowed: {MOST_BYTES:,}. Measure it at fewer places (points of a curve, examples of a "
            "projection, seeds)."
        )


def make_artefacts(
    config: Mapping[str, Any],
    experiments: Experiments,
    workflow: Path,
    made: Reference,
    partial: Mapping[str, str],
) -> None:
    """Collect, judge and draw what is complete from the records in `made`."""
    tables = made.results / "tables"
    declarations = declarations_of(config, experiments)
    for name in experiments.artefacts.keys() - partial.keys():
        declared, _ = plan_of(declarations, "collect", {"artefact": name})
        write_json(tables / f"{name}.json", collect_artefact(json.loads(json.dumps(declared)), made.results / "runs"))
    settings, claims = judging_settings(config, partial), workflow / "experiments" / "claims.yaml"
    write_json(made.results / LEDGER, judge(settings, tables, made.results / "runs", claims))
    draw_all(tables, made.figures)


def copy_all(source: Path, target: Path, without: Iterable[str] = ()) -> None:
    """Copy a folder's files, but for what is named at its top."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.relative_to(source).parts[0] not in without:
            copy(path, target / path.relative_to(source))


def copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
