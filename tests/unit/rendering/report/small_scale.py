"""The files of a small scale from which the report's tests make their page."""

import json
from pathlib import Path
from typing import Any

from made_records import save_record

from entropyreg.comparing.claims.ledger import judge
from entropyreg.io.files import write_json
from entropyreg.rendering import figures, tables

DATA = Path(__file__).parents[3] / "data"
ARTEFACTS = ("a_table_translation", "a_figure_entropy_bleu", "b_table_accuracy", "b_table_survey")
RUN = "demo_de_en/transformer/none/seed1"
CONFIGURATION = {  # of one task and model that the artefacts show, and of others
    "tasks": {"demo_de_en": {"subwords": 1500}, "other": {"subwords": 7}},
    "models": {"transformer": {"layers": 2}, "other": {"layers": 9}},
    "image_models": {"mlp": {"units": 128}},
}
RECORD = {
    **{"run": RUN, "task": "demo_de_en", "model": "transformer", "seed": 1, "updates": 750},
    "regularizer": {"skew": None, "strength": 0.0, "smoothing": None, "generator": None},
    "measures": {"valid": {"bleu": 12.3456, "nll": 2.5, "confidence_histogram": [1, 2]}, "test": {"bleu": 11.0}},
}


def write_scale(root: Path) -> tuple[dict[str, Any], Path, Path, Path]:
    """Four artefacts from checked-in collected tables, one record, a ledger; returns what `report.page.page` takes."""
    workflow = Path(__file__).parents[4] / "workflow"
    claims = workflow / "experiments" / "claims.yaml"
    for name in ARTEFACTS:
        source = DATA / f"collected_{name}.json"
        collected = json.loads(source.read_text(encoding="utf-8"))
        write_json(root / "results" / "tables" / f"{name}.json", collected)
        render = tables.render if "_table_" in name else figures.render
        render(name, source, root / "figures")
    save_record(root / "results" / "runs" / RUN, RECORD)
    write_json(root / "results" / "runs" / RUN / "provenance.json", {"training": {"torch": "2.13.0", "seconds": 90.0}})
    settings = {"scale": "demo", "scale_note": "demo scale: <small> & quick"}
    empty = root / "no_tables"
    empty.mkdir()
    write_json(root / "results" / "ledger.json", judge(settings, empty, root / "results" / "runs", claims))
    artefacts = [
        {"name": name, "title": f"Title of {name}", "kind": name.split("_")[1], "paper": name[0].upper()}
        for name in ARTEFACTS
    ]
    settings |= {"artefacts": artefacts, "runs": [RUN, "not/yet/run/seed1"], "configuration": CONFIGURATION}
    return settings, root / "results", root / "figures", workflow / "report"
