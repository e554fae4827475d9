"""Write the table of verdicts into README.md, between its two marks, from the committed ledger of the demo."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.rendering.report.ledger_lines import ledger_lines

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
LEDGER = ROOT / "results" / "reference" / "demo" / "ledger.json"
START, END = "<!-- verdicts: written by tools/make_verdict_table.py -->\n", "<!-- end of verdicts -->\n"


def content() -> str:
    """README.md with the table as it should be."""
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    return before + START + table(json.loads(LEDGER.read_text(encoding="utf-8"))) + END + after


def table(ledger: Mapping[str, Any]) -> str:
    """A line a claim: what is claimed, the verdict, estimates with intervals, and what lacks or would decide."""
    lines = [line(claim) for claim in ledger_lines(ledger)["claims"]]
    head = "| | claim | verdict at demo scale | estimates [95 %]; what lacks, or would decide |\n|---|---|---|---|\n"
    summary = f"<summary>All {len(lines)} claims with their verdicts</summary>"
    return f"<details>\n{summary}\n\n{head}{''.join(lines)}\n</details>\n"


def line(claim: Mapping[str, Any]) -> str:
    tests = claim["tests"] if claim["verdict"] != "descriptive" else []  # many quantities: the report has them
    told = [f"{test['place']}: {test['estimate']}" for test in tests if test["estimate"] != "n/a"]
    told += [text for text in (claim["reason"], claim["decide"]) if text]
    cells = (claim["id"], claim["statement"], claim["verdict"], "; ".join(told))
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    README.write_text(content(), encoding="utf-8")
