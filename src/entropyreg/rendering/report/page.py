"""Fills the page's template from a scale's files. The page is one file and fetches nothing."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from entropyreg.io.errors import blaming
from entropyreg.io.files import read_json, write_atomically
from entropyreg.measuring.record_files import ABOUT
from entropyreg.measuring.tidy_records import columns_of, lines_of, short_number
from entropyreg.provenance.run_folders import RunFolders
from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.report.captions import caption_html
from entropyreg.rendering.report.html_tables import to_html
from entropyreg.rendering.report.inline_svg import inline_svg
from entropyreg.rendering.report.ledger_lines import ledger_lines
from entropyreg.rendering.report.provenance import provenance_lines
from entropyreg.rendering.tables.collected import read_collected
from entropyreg.rendering.tables.formats import csv_text

SHOWN = (  # columns of the table of records, where any record has them; the csv has all
    *("run", "kind", "skew", "strength", "smoothing", "seed", "split", "updates", "bleu", "rouge_l", "accuracy"),
    *("nll", "entropy_normalized", "ece", "reference_rank", "adopted"),
)
SOURCES = {"A": "paper A", "B": "paper B", "ReScience": "replication"}  # columns of published numbers
PAPERS = {
    "A": "Paper A: Meister, Salesky, Cotterell 2020",
    "B": "Paper B: Müller, Kornblith, Hinton 2019",
}
Settings = Mapping[str, Any]


def write_report(
    settings: Settings, results: Path, figures: Path, captions: Path, out: Path, runs: RunFolders | None = None
) -> None:
    """Write the page of a scale; `settings` is `entropyreg.config.settings.report_settings`.

    `results` is the scale's folder of collected tables and ledger, `figures` that of its tables and figures, `captions`
    the folder of captions, `runs` the folders of records (by default those in `results`). Raises `UserError` for a file
    that is missing or damaged.
    """
    write_atomically(out, page(settings, results, figures, captions, runs))


def page(settings: Settings, results: Path, figures: Path, captions: Path, runs: RunFolders | None = None) -> str:
    """The page as text."""
    runs = runs or RunFolders(results / "runs")
    environment = Environment(
        loader=PackageLoader("entropyreg.rendering.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.trim_blocks = environment.lstrip_blocks = True
    published = published_numbers()
    done = [run for run in settings["runs"] if (runs / run / ABOUT).exists()]
    lines = [line for run in done for line in lines_of(runs / run, runs.source(run))]
    artefacts = [
        artefact_part(one, settings, results, figures, captions, published, runs) for one in settings["artefacts"]
    ]
    return environment.get_template("report.html.j2").render(
        scale=settings["scale"],
        scale_line=scale_line(settings["scale"], settings["scale_note"]),
        style=Markup(asset("style.css")),
        script=Markup(asset("page.js")),
        ledger=read_ledger(results / "ledger.json"),
        papers=[
            {"key": key, "title": title, "artefacts": own}
            for key, title in PAPERS.items()
            if (own := [one for one in artefacts if one["paper"] == key])
        ],
        records=records_part(lines),
        n_runs=len(settings["runs"]),
        n_done=len(done),
        adopted=Counter(filter(None, map(runs.source, done))),
        provenance=provenance_lines(runs, settings["runs"]),
        configuration=as_yaml(settings["configuration"]),
    )


def read_ledger(path: Path) -> dict[str, Any] | None:
    """The ledger in the form of the page; None if none was written."""
    if not path.exists():
        return None
    with blaming(path):
        return ledger_lines(read_json(path))


def scale_line(scale: str, note: str) -> str:
    """'demo scale: small models ...'; a note may name its scale itself."""
    named = f"{scale} scale"
    return note if note.startswith(named) else f"{named}: {note}" if note else named


def asset(name: str) -> str:
    return (files("entropyreg.rendering.report") / "templates" / name).read_text(encoding="utf-8")


def artefact_part(
    artefact: Mapping[str, Any],
    settings: Settings,
    results: Path,
    figures: Path,
    captions: Path,
    published: Published,
    runs: RunFolders,
) -> dict[str, Any]:
    """The page's part on one table or figure."""
    name, kind = artefact["name"], artefact["kind"]
    path = results / "tables" / f"{name}.json"
    with blaming(path):
        collected = read_collected(path, name)
        states = run_states(collected["rows"])
    if kind == "table":
        with blaming(path):
            shown = to_html(import_module(f"entropyreg.rendering.tables.{name}").build(collected))
        beside = []  # a table contains its published numbers
    else:
        svg = (figures / f"{name}.svg").read_text(encoding="utf-8")
        shown, beside = inline_svg(svg, name, artefact["title"]), published_of(name, published)
    return {
        "name": name,
        "kind": kind,
        "paper": artefact["paper"],
        "title": artefact["title"],
        "shown": Markup(shown),
        "caption": Markup(caption_html(captions / f"{name}.rst")),
        "csv": Markup(data_link((figures / f"{name}.csv").read_text(encoding="utf-8"), "text/csv")),
        "published": beside,
        "command": f"snakemake --cores all --config scale={settings['scale']} -- {name}",
        "runs": [{**one, "adopted": runs.source(one["run"])} for one in states],
        "provenance": provenance_lines(runs, [one["run"] for one in states]),
        "configuration": configuration_of(states, settings["configuration"]),
    }


def configuration_of(states: Sequence[Mapping[str, Any]], configuration: Mapping[str, Any]) -> str:
    """The tasks and models of an artefact's runs, as YAML; a run's id begins with both."""
    names = [one["run"].split("/")[:2] for one in states]
    wanted = {"tasks": {task for task, _ in names}, "models": {model for _, model in names}}
    wanted |= {f"image_{kind}": own for kind, own in wanted.items()}
    found = {
        kind: {name: one for name, one in configuration.get(kind, {}).items() if name in own}
        for kind, own in wanted.items()
    }
    return as_yaml({kind: own for kind, own in found.items() if own})


def as_yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100) if content else ""


def run_states(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The runs of a collected table, each once, with its number of finished seeds and the reasons for missing ones."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.get("run"):
            state = found.setdefault(row["run"], {"run": row["run"], "done": set(), "reasons": set()})
            if row["status"] == "done":
                state["done"].add(row["seed"])
            else:
                state["reasons"].add(row["reason"])
    return [
        {"run": one["run"], "n_seeds": len(one["done"]), "reasons": sorted(filter(None, one["reasons"]))}
        for one in found.values()
    ]


def published_of(name: str, published: Published) -> list[dict[str, str]]:
    """The published numbers of an artefact, for a figure, which shows them as markers at most."""
    return [
        {
            "row": one.row,
            "column": published.data_sets[one.column],
            "metric": one.metric,
            "value": one.printed if one.value is not None else "n/a",
            "by": SOURCES[one.paper],
        }
        for one in published.numbers.values()
        if one.artefact == name
    ]


def records_part(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The table of all records: the columns that are shown, their cells as text, and all of it as csv."""
    lines = list(lines)
    everything = columns_of(lines)
    shown = [name for name in SHOWN if any(line.get(name) is not None for line in lines)]
    return {
        "columns": shown,
        "rows": [[short_number(line.get(name)) for name in shown] for line in lines],
        "csv": Markup(data_link(csv_text(everything, [[line.get(name) for name in everything] for line in lines]))),
    }


def data_link(text: str, kind: str = "text/csv") -> str:
    """A link to a file embedded in the page."""
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
