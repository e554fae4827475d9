"""What the README tells a user to run, runs."""

import re
import subprocess
import sys

import pytest
import torch


def blocks(root, language):
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def test_the_training_loop_lowers_the_loss(root):
    (code,) = blocks(root, "python")
    torch.manual_seed(0)
    values = {}
    exec(code, values)
    assert torch.isfinite(values["loss"]) and float(values["loss"].detach()) > 0


def test_the_question_for_a_strength_is_answered(root):
    command = next(block for block in blocks(root, "sh") if "equilibrium" in block).split()
    done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, check=True)
    answer = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert float(answer["normalised entropy"]) == pytest.approx(0.4, abs=1e-4)
    assert 0 < float(answer["strength"]) < 2


@pytest.mark.parametrize(
    "path", ["docs/data.md", "docs/operating_point.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE"]
)
def test_linked_files_exist(root, path):
    assert path in (root / "README.md").read_text() or path == "LICENSE"
    assert (root / path).read_text().strip()


def test_pictures_and_links_lead_somewhere(root):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (root / "README.md").read_text()):
        assert (root / target).exists(), target


def test_every_target_of_make_is_told_by_help(root):
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=root, check=True
    )
    for target in ("demo", "test", "lint", "clean"):
        assert re.search(rf"^{target}\s+\S", done.stdout, re.MULTILINE)


def test_no_placeholder_is_left(root):
    assert not re.search(r"\b[A-Z]{3,}_[A-Z]{3,}\b", re.sub(r"`[^`]*`|```.*?```", "", (root / "README.md").read_text()))
