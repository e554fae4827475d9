"""The README's files and targets exist; tests/workflow/test_documentation.py runs its commands."""

import re
import subprocess

import pytest


@pytest.mark.parametrize(
    "path", ["docs/data.md", "docs/operating_point.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE"]
)
def test_linked_files_exist(root, path):
    assert path in (root / "README.md").read_text() or path == "LICENSE"
    assert (root / path).read_text().strip()


def test_every_target_of_make_is_reported_by_help(root):
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=root, check=True
    )
    for target in ("demo", "test", "lint", "clean"):
        assert re.search(rf"^{target}\s+\S", done.stdout, re.MULTILINE)


def test_no_placeholder_is_left(root):
    assert not re.search(r"\b[A-Z]{3,}_[A-Z]{3,}\b", re.sub(r"`[^`]*`|```.*?```", "", (root / "README.md").read_text()))
