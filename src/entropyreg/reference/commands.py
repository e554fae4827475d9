"""`entropyreg reference ACTION`: what `make figures`, `verify`, `verify-cell`, `reference` and `export` call."""

import subprocess
import sys
from pathlib import Path

from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.reference.cells import runs_of_cell
from entropyreg.reference.comparison import Compared, compare_run
from entropyreg.reference.folders import Reference

REMARKS_SHOWN = 5


def act(action: str, scale: str, root: Path, cell: str | None = None, out: Path | None = None) -> int:
    """Do one action on the reference of a scale; print what was found and return the exit status."""
    reference, results = Reference.of(scale, root), root / "results" / scale
    if action == "draw":
        from entropyreg.reference.drawing import draw_all

        folder = out or root / "paper_figures" / "drawn" / scale
        print(f"{len(draw_all(reference.results / 'tables', folder))} files drawn from the reference: {folder}")
        return 0
    if action == "verify":
        from entropyreg.reference.drawing import verify

        number, told = verify(reference)
        print("\n".join(told) if told else f"OK: {number} files drawn again, every byte as committed")
        return 1 if told else 0
    if action == "save":
        from entropyreg.reference.saving import save_reference

        print(f"{save_reference(results, root / 'paper_figures' / scale, reference)} files in {reference.results}")
        return 0
    if action == "export":
        from entropyreg.reference.export import export

        target = out or root / f"entropyreg-{scale}.tar"
        print(f"{export(results, target)} files in {target}")
        return 0
    if action == "compare":
        runs = [str(one.parent.relative_to(reference.results / "runs")) for one in records_of(reference)]
        return tell({run: compare_run(run, reference.results, results) for run in runs})
    return verify_cell(reference, scale, root, cell)


def records_of(reference: Reference) -> list[Path]:
    found = sorted((reference.results / "runs").glob("**/record.json"))
    if not found:
        raise UserError(f"{reference.results} has no record: this scale has no reference.")
    return found


def verify_cell(reference: Reference, scale: str, root: Path, cell: str | None) -> int:
    """Train what one cell needs anew, in folders of its own, and compare its records with the reference."""
    parts = (cell or "").split("/")
    tables = reference.results / "tables"
    if len(parts) != 3 or not (tables / f"{parts[0]}.json").is_file():
        known = ", ".join(path.stem for path in sorted(tables.glob("*.json")))
        raise UserError(f"the cell is '{cell}'; allowed: ARTEFACT/ROW/COLUMN, ARTEFACT one of {known}.")
    runs = runs_of_cell(read_json(tables / f"{parts[0]}.json"), parts[1], parts[2])
    apart = root / "results" / "verify"
    records = [f"results/verify/{scale}/runs/{run}/record.json" for run in runs]
    config = [f"scale={scale}", "results_dir=results/verify", "figures_dir=results/verify/figures"]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *records, "--config", *config]
    subprocess.run(command, cwd=root, check=True)
    return tell({run: compare_run(run, reference.results, apart / scale) for run in runs})


def tell(compared: dict[str, Compared]) -> int:
    """One line a run, the worst differences under it; 1 if any failed."""
    for run, found in compared.items():
        print(f"{found.outcome}: {run}, {found.n_measures} measures")
        for remark in found.remarks[:REMARKS_SHOWN]:
            print(f"  {remark}")
        if len(found.remarks) > REMARKS_SHOWN:
            print(f"  and {len(found.remarks) - REMARKS_SHOWN} more")
    return 1 if any(found.outcome == "FAIL" for found in compared.values()) else 0
