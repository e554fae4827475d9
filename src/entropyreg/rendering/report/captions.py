"""Captions are reStructuredText, as Snakemake's own report wants them; docutils makes them HTML."""

from pathlib import Path

from docutils.core import publish_parts

SETTINGS = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 2, "halt_level": 2}


def caption_html(path: Path) -> str:
    """The body of a caption; raises docutils' SystemMessage for text that is no proper reStructuredText."""
    text = path.read_text(encoding="utf-8")
    return publish_parts(text, writer="html5", settings_overrides=SETTINGS)["body"].strip()
