"""The code in docs/tutorial.md, by the heading that it stands under."""

import re
from pathlib import Path

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"


def snippet(section: int, language: str) -> str:
    """The only block of a language under a numbered heading."""
    text = TUTORIAL.read_text(encoding="utf-8")
    own = re.search(rf"^## {section}\..*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", own, re.DOTALL | re.MULTILINE)
    return found
