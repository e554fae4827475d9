"""Write docs/verdicts.md: every claim with its verdict, from the committed ledger of the demo."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.rendering.report.ledger_lines import ledger_lines

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "verdicts.md"
LEDGER = ROOT / "results" / "reference" / "demo" / "ledger.json"
TEXT = """# All claims and their verdicts at demo scale

Written by `python tools/make_verdict_table.py` from `results/reference/demo/ledger.json`.

{n} claims were declared in `workflow/experiments/claims.yaml` before any run. Their verdicts at demo scale:
{counts}.

What "not supported" and "inconclusive" mean is in the [questions](faq.md). Which runs decide a claim, and at which
scale, is in [claims](claims.md). The models are small and trained on 4,000 pairs or images: the verdicts give reasons
to look at the larger scales and say nothing final about the papers. Intervals are those of the declared rules; where
a table pairs the seeds of two rows and a rule does not, as for B16, the two differ.

| | claim | verdict at demo scale | estimates [95 %]; what is missing, or would settle it |
|---|---|---|---|
"""


def content() -> str:
    """The page: a line a claim, with the verdict, estimates with intervals, and what lacks or would decide."""
    ledger = json.loads(LEDGER.read_text(encoding="utf-8"))
    lines = [line(claim) for claim in ledger_lines(ledger)["claims"]]
    found = sorted(ledger["counts"].items(), key=lambda one: -one[1])
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found if count)
    return TEXT.format(n=len(lines), counts=counts) + "".join(lines)


def line(claim: Mapping[str, Any]) -> str:
    tests = claim["tests"] if claim["verdict"] != "descriptive" else []  # too many quantities: the report lists them
    told = [f"{test['place']}: {test['estimate']}" for test in tests if test["estimate"] != "n/a"]
    told += [text for text in (claim["reason"], claim["decide"]) if text]
    cells = (claim["id"], claim["statement"], claim["verdict"], "; ".join(told))
    return "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(content(), encoding="utf-8")
