"""Every path that README, CONTRIBUTING and the other pages name is there, or is one that the code writes."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("results/reference/*/*.md")]
PAGES = sorted(page for page in PAGES if page.parent.name != "licenses")
ENDINGS = (
    "py yaml yml md toml lock in txt smk sh hpp cpp cu cuh json rst j2 bib cff npz tsv csv svg png pdf tex html log pt"
)
PATH = re.compile(rf"[\w<>{{}},.*/-]+/[\w<>{{}},.*/-]*|[\w<>.*-]+\.(?:{'|'.join(ENDINGS.split())})")
NO_PATH = re.compile(r"</\w+>|/.*|(?:<data_dir>|<download_dir>|folder|\.snakemake)/.*")  # a symbol; others' files
WRITTEN = (".origin/", "results/", "paper_figures/", "logs/", "predictions/", "subwords/")  # by the workflow


def files():
    skipped = {".git", ".venv", ".snakemake", "__pycache__"}
    return [path for path in ROOT.rglob("*") if not skipped & set(path.relative_to(ROOT).parts)]


@pytest.fixture(scope="module")
def names():
    return {path.name for path in files()}


@pytest.fixture(scope="module")
def code():
    """Program text and configuration: no test, no page, and no converter, which names files of before."""
    found = [path for folder in ("src", "workflow", "tools", "profiles") for path in (ROOT / folder).rglob("*")]
    found = [path for path in found if not path.name.startswith("convert_")]
    return "\n".join(path.read_text() for path in found if path.suffix in (".py", ".yaml", ".smk", ".sh"))


def named(page):
    """The paths in code marks, outside of fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [one for one in re.findall(r"`([^`\n]+)`", text) if PATH.fullmatch(one) and not NO_PATH.fullmatch(one)]


def alternatives(path):
    """'a/{b,c}' and 'a/<scale>' as the paths, or patterns, that they stand for."""
    parts = re.split(r"\{([^{}]*)\}", path)
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    return [re.sub(r"<\w+>|NAME", "*", "".join(one)) for one in product(*choices)]


def is_there(pattern, page):
    return any(any(folder.glob(pattern)) for folder in (ROOT, ROOT / "src/entropyreg", page.parent) if pattern != "*")


def problem(path, page, names, code):
    """Why a path leads nowhere, or None."""
    for one in alternatives(path):
        name = one.rstrip("/").rpartition("/")[2]
        if is_there(one, page) or ("/" not in one and name in names):
            continue
        if "/" in one and not one.startswith(WRITTEN):
            return f"{one} is not there"
        if "*" not in name and name not in code:
            return f"no code writes {name}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_is_there(page, names, code):
    found = {path: problem(path, page, names, code) for path in named(page)}
    assert not {path: why for path, why in found.items() if why}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_of_a_page_is_there(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("experiments.py", True),
        ("workflow/rules/ledger.smk", True),
        ("measures/NAME.py", False),
        ("workflow/config/<scale>.yaml", False),
        ("src/entropyreg/{data,images}/", False),
        ("src/entropyreg/{data,music}/", True),
        ("results/<scale>/ledger.json", False),
        ("results/<scale>/laser.json", True),
        ("training.json", False),
        ("results/<scale>/runs/<run>/record.json", True),  # the name before `run.json` and `measures.csv`
    ],
)
def test_broken_links_are_found(path, wrong, names, code):
    assert PATH.fullmatch(path)
    assert bool(problem(path, ROOT / "README.md", names, code)) == wrong
