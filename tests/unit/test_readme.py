"""Short checks of what a user meets first; tests/workflow/test_documentation.py runs the commands of every page."""

import re
import subprocess


def test_the_index_of_the_documentation_lists_every_page(root):
    """A link to a page that is not there is found by test_named_paths.py."""
    index = (root / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (root / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == pages


def test_every_target_of_make_is_reported_by_help(root):
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=root, check=True
    )
    for target in ("demo", "test", "lint", "clean"):
        assert re.search(rf"^{target}\s+\S", done.stdout, re.MULTILINE)
