"""Computes the tables and the ledger of a reference again from its records and their sums over blocks.

Numbers may differ in their rounding, which depends on the processor. Dates of trainings are not committed, so
the ledger's statements on them (`DATED`) are left out.
"""

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.comparing.claims.ledger import judge
from entropyreg.comparing.joined_collect import collect_artefact
from entropyreg.config.loading import load_config
from entropyreg.config.settings import collecting_settings
from entropyreg.experiments import load_experiments
from entropyreg.io.files import read_json, write_json
from entropyreg.measuring.blocks import FILE
from entropyreg.measuring.record_files import record_folders
from entropyreg.reference.chains import incomplete, judging_settings
from entropyreg.reference.comparison import ABSENT, shown
from entropyreg.reference.folders import Reference
from entropyreg.reference.spread import Leaf, is_number, leaves

DATED = ("first_record", "declared_day", "post_hoc")
RELATIVE, ABSOLUTE = 1e-6, 1e-9  # differences that count as rounding
SHOWN = 3  # differences listed for a file


def has_blocks(reference: Reference) -> bool:
    """Whether every record of the reference has its sums; those that were committed before there were any have none."""
    folders = record_folders(reference.results / "runs")
    return bool(folders) and all((folder / FILE).is_file() for folder in folders)


def recompute(reference: Reference, workflow: Path, scale: str) -> tuple[int, list[str]]:
    """The number of tables and ledgers computed, and sentences on results that differ from the committed ones."""
    config = load_config(workflow, {"scale": scale})
    experiments, told = load_experiments(workflow, config), []
    runs, tables = reference.results / "runs", sorted((reference.results / "tables").glob("*.json"))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "tables")
        for path in tables:
            if path.stem not in experiments.artefacts:
                told.append(f"results/tables/{path.name} is of no artefact that is declared at scale '{scale}'")
                continue
            settings = collecting_settings(config, experiments, experiments.artefacts[path.stem])
            settings = json.loads(json.dumps(settings))  # as the command receives them
            write_json(made / path.name, collect_artefact(settings, runs))
            told += differences(f"results/tables/{path.name}", read_json(path), read_json(made / path.name))
        ledger = reference.results / "ledger.json"
        if not ledger.is_file():
            return len(tables), told
        there = {folder.relative_to(runs).as_posix() for folder in record_folders(runs)}
        about = judging_settings(config, incomplete(experiments, there))
        again = json.loads(json.dumps(judge(about, made, runs, workflow / "experiments" / "claims.yaml")))
        told += differences("results/ledger.json", undated(read_json(ledger)), undated(again))
    return len(tables) + 1, told


def undated(ledger: Mapping[str, Any]) -> dict[str, Any]:
    claims = [{key: value for key, value in claim.items() if key not in DATED} for claim in ledger["claims"]]
    return {**ledger, "claims": claims}


def differences(name: str, committed: Any, found: Any) -> list[str]:
    """Sentences on the leaves in which two files differ by more than rounding."""
    ours, theirs = dict(leaves(committed)), dict(leaves(found))
    differing = [path for path in dict.fromkeys([*ours, *theirs]) if not is_same(path, ours, theirs)]
    told = [
        f"{name} comes out otherwise from the records: {'.'.join(path)} is {shown(theirs.get(path, ABSENT))}, "
        f"committed {shown(ours.get(path, ABSENT))}"
        for path in differing[:SHOWN]
    ]
    return told + [f"{name}: {len(differing) - SHOWN} more differences"] * (len(differing) > SHOWN)


def is_same(path: Leaf, ours: Mapping[Leaf, Any], theirs: Mapping[Leaf, Any]) -> bool:
    first, second = ours.get(path, ABSENT), theirs.get(path, ABSENT)
    if is_number(first) and is_number(second):
        return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return first == second and isinstance(first, bool) == isinstance(second, bool)
