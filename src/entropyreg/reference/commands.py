"""Runs `entropyreg reference ACTION`, which `make figures`, `verify`, `verify-cell`, `reference` and `export` call."""

import subprocess
import sys
from pathlib import Path

from entropyreg.forecast.machine import this_machine
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json
from entropyreg.measuring.record_files import ABOUT, record_folders
from entropyreg.provenance.run_folders import RunFolders
from entropyreg.reference.cells import runs_of_cell
from entropyreg.reference.comparison import FAIL, OTHER, SAME, Compared, Rules, compare_records, count, read_records
from entropyreg.reference.folders import Reference
from entropyreg.reference.spread import Spread
from entropyreg.reference.verdicts import Verdicts, compare_verdicts

REMARKS_SHOWN = 5


def act(action: str, scale: str, root: Path, cell: str | None = None, out: Path | None = None) -> int:
    """Do one action on the reference of a scale; print the findings and return the exit status."""
    reference, results = Reference.of(scale, root), root / "results" / scale
    if action == "draw":
        from entropyreg.reference.drawing import draw_all

        folder = out or root / "paper_figures" / "drawn" / scale
        print(f"{len(draw_all(reference.results / 'tables', folder))} files drawn from the reference: {folder}")
        return 0
    if action == "verify":
        from entropyreg.reference.drawing import verify
        from entropyreg.reference.recomputing import has_blocks, recompute

        number, told = verify(reference)
        if has_blocks(reference):
            computed, differing = recompute(reference, root / "workflow", scale)
            from_records = f"{computed} tables and ledgers computed again from the records"
        else:
            differing, from_records = [], "its records have no sums over blocks, so tables were not computed again"
        done = f"OK: {number} files drawn again, every byte as committed; {from_records}"
        print("\n".join(told + differing) if told or differing else done)
        return 1 if told or differing else 0
    if action == "save":
        from entropyreg.reference.saving import save

        print("\n".join(save(scale, root)))
        return 0
    if action == "export":
        from entropyreg.reference.export import export

        target = out or root / f"entropyreg-{scale}.tar"
        print(f"{export(results, target)} files in {target}")
        return 0
    if action == "compare":
        runs = [str(one.relative_to(reference.results / "runs")) for one in records_of(reference)]
        folders = RunFolders.in_results(results)
        adopted = [run for run in runs if folders.source(run) and not (folders.own / run / ABOUT).exists()]
        for run in adopted:
            print(f"adopted: {run}, from {folders.source(run)}")
        verdicts = compare_verdicts(reference.results / "ledger.json", results / "ledger.json")
        compared = compare_runs([run for run in runs if run not in adopted], reference, results, root)
        return tell(*compared, verdicts, len(adopted))
    return verify_cell(reference, scale, root, cell)


def records_of(reference: Reference) -> list[Path]:
    found = record_folders(reference.results / "runs")
    if not found:
        raise UserError(f"{reference.results} has no record: this scale has no reference.")
    return found


def verify_cell(reference: Reference, scale: str, root: Path, cell: str | None) -> int:
    """Retrain the runs of one cell, in separate folders, and compare their records with the reference."""
    parts = (cell or "").split("/")
    tables = reference.results / "tables"
    if len(parts) != 3 or not (tables / f"{parts[0]}.json").is_file():
        known = ", ".join(path.stem for path in sorted(tables.glob("*.json")))
        raise UserError(f"the cell is '{cell}'; allowed: ARTEFACT/ROW/COLUMN, ARTEFACT one of {known}.")
    runs = runs_of_cell(read_json(tables / f"{parts[0]}.json"), parts[1], parts[2])
    apart = root / "results" / "verify"
    records = [f"results/verify/{scale}/runs/{run}/{ABOUT}" for run in runs]
    config = [f"scale={scale}", "results_dir=results/verify", "figures_dir=results/verify/figures"]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *records, "--config", *config]
    subprocess.run(command, cwd=root, check=True)
    return tell(*compare_runs(runs, reference, apart / scale, root), None)


def compare_runs(runs: list[str], reference: Reference, found: Path, root: Path) -> tuple[dict[str, Compared], bool]:
    """Compare each run's record; also returns whether the reference is of this type of processor."""
    same_type = read_json(reference.results / "machine.json")["processor"] == this_machine()["processor"]
    records = {run: read_records(run, reference.results, found) for run in runs}
    rules = Rules(None)
    if not same_type:
        spread = Spread.of(root)
        rules = Rules(spread, max(1, count([ours for ours, _ in records.values()], spread)))
    return {run: compare_records(*pair, rules) for run, pair in records.items()}, same_type


def tell(compared: dict[str, Compared], same_type: bool, verdicts: Verdicts | None, adopted: int = 0) -> int:
    """Print a line per run, its failures below, and one sentence on all runs; 1 if a number or a verdict differs."""
    for run, found in compared.items():
        near = "" if found.outcome in (SAME, FAIL, OTHER) else f", at most {found.farthest:.2f} of what is allowed"
        print(f"{found.outcome}: {run}, {found.n_measures} measures{near}")
        remarks = found.remarks if found.outcome in (FAIL, OTHER) else []
        for remark in remarks[:REMARKS_SHOWN]:
            print(f"  {remark}")
        if len(remarks) > REMARKS_SHOWN:
            print(f"  and {len(remarks) - REMARKS_SHOWN} more")
    for sentence in verdicts.differing if verdicts else []:
        print(sentence)
    print(summary([found.outcome for found in compared.values()], same_type, verdicts, adopted))
    failed = any(found.outcome == FAIL for found in compared.values())
    return 1 if failed or (verdicts and verdicts.differing) else 0


def summary(outcomes: list[str], same_type: bool, verdicts: Verdicts | None, adopted: int = 0) -> str:
    """The sentence at the end: 'other processor: 47 of 47 within the spread of seeds; all 43 verdicts the same'."""
    counts = {outcome: outcomes.count(outcome) for outcome in (SAME, OTHER, FAIL)}
    compared = len(outcomes) - counts[OTHER]
    if same_type:
        told = f"same processor: {counts[SAME]} of {compared} the same to the last bit"
    else:
        told = f"other processor: {compared - counts[FAIL]} of {compared} within the spread of seeds"
        told += f" ({counts[SAME]} of them the same to the last bit)" if counts[SAME] else ""
        told += f", {counts[FAIL]} outside" if counts[FAIL] else ""
        told += f", {counts[OTHER]} not compared, as a search proposed other settings" if counts[OTHER] else ""
    told += f"; {adopted} adopted, so not compared" if adopted else ""
    return f"{told}; {verdicts.told}" if verdicts else told
