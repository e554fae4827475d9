"""Every fenced block of README.md, CONTRIBUTING.md and docs/ runs to its end, or is listed here with a reason.

Commands that only read run in a copy of the checkout that has the committed reference of the demo as its results, in
the environment that users have: what `requirements/test.lock` alone pins cannot be imported. The tutorial is followed
from its first command to its last in a copy of the smoke scale; commands that would train for hours are planned (`-n`).
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

from entropyreg.cli.main import parser
from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
PARTS = ("Snakefile", "Makefile", "README.md", "pyproject.toml", "docs", "envs", "profiles", "requirements", "src")
PARTS += ("tools", "workflow", "results/reference/demo", "paper_figures/reference/demo")
TUTORIAL = "docs/tutorial.md"
FOLLOWED = {
    "docs/own_regularizer.md": "tests/workflow/test_regularizer_page.py"
}  # a page whose blocks its own test runs


class Reads(NamedTuple):
    """Runs in the copy with the demo's reference; `prints` is a pattern of its output, `for_` fills placeholders."""

    prints: str
    for_: tuple[str, str] = ("", "")


class Plans(NamedTuple):
    """Would train for hours: planned in the slow tier, where `rule` must be among the jobs."""

    rule: str


class Tutorial(NamedTuple):
    """A step of the tutorial, or one that is the same as a step: runs there, in the slow tier."""

    prints: str


class Elsewhere(NamedTuple):
    """Run by another test or by the project's check: the file, and the text in it that runs it."""

    file: str
    text: str


class NotRun(NamedTuple):
    """Not run: it needs resources that no test has."""

    reason: str


SMOKE = "snakemake --cores all --config scale=smoke"
ADDED = "smoke_de_en/transformer/jensen-skew0.30-strength0.90/seed1"
TWO_RUNS = "demo_de_en/transformer/none/seed1 demo_de_en/transformer/jensen-skew0.50-strength1.00/seed1"
DOCKER = NotRun("docker or Apptainer, and an image; tests/unit/test_environments.py holds the Containerfile")
COMMANDS = {
    "make demo": Elsewhere(".ci/run", "\nmake demo\n"),
    "make test": Elsewhere(".ci/run", "\nmake test\n"),
    'NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4"': Elsewhere("tests/workflow/test_older_processors.py", "variables()"),
    "make venv && source .venv/bin/activate": Elsewhere(".ci/run", "\nmake venv\n"),
    "make verify": Elsewhere(".ci/run", "\nmake verify\n"),
    "make figures": Reads(r"\d{3} files drawn from the reference: .*paper_figures/drawn/demo"),
    "make forecast SCALE=paper": Reads(r"money: no price"),
    "snakemake --cores all": Elsewhere("Makefile", "tools/run_workflow.py --cores all"),
    "snakemake --cores all --use-conda": Elsewhere("tests/workflow/test_conda.py", '"--use-conda"'),
    "snakemake a_figure_entropy_bleu": Elsewhere(".ci/run", '/bin/snakemake" a_figure_entropy_bleu'),
    "snakemake --cores all paper_a": Plans("train_translation"),
    SMOKE: Tutorial("Nothing to be done"),
    "snakemake --cores all --config partial=true": Plans("a_figure_divergences"),
    "snakemake -n a_figure_entropy_bleu --config scale=smoke": Reads(r"a_figure_entropy_bleu +1\n"),
    "snakemake -n --config scale=paper": Reads(r"train_translation +\d{3}\n"),
    "snakemake --profile profiles/slurm --config scale=paper": Plans("train_translation"),
    "snakemake --profile profiles/gpus --config scale=workstation device=cuda": Plans("train_translation"),
    "snakemake --cores all --config scale=workstation device=cuda": Plans("train_translation"),
    "python -m entropyreg status --scale demo": Reads(r"done: has a record"),
    "python -m entropyreg records task=demo_de_en split=test": Reads(r"/none/seed1,none,,0.0,1,test,"),
    "python -m entropyreg records --results-dir results/reference task=demo_de_en split=test": Reads(
        r"/none/seed1,none,,0.0,1,test,"
    ),
    "python -m entropyreg compare RUN RUN": Reads(r"\nentropy_normalized +\.?\d", ("RUN RUN", TWO_RUNS)),
    "python -m entropyreg equilibrium --skew 0.5 --entropy 0.4 --vocabulary 10000": Reads(r"normalised entropy 0\.4\n"),
    "python -m entropyreg status --scale smoke": Tutorial(r"done: has a record"),
    f"python -m entropyreg compare --scale smoke smoke_de_en/transformer/none/seed1 {ADDED}": Tutorial(r"strength"),
    "xdg-open paper_figures/smoke/report.html": Tutorial(""),
    "python tools/build_embedded.py --commands > commands.sh": Reads(""),
    "python tools/build_embedded.py --downloads FOLDER --out OTHER_FOLDER": NotRun("the archives of a package index"),
    "python -m entropyreg download iwslt14/de-en.tgz mttt/multitarget-ted.tgz --download-dir FOLDER": NotRun("network"),
    "docker build -f Containerfile -t entropyreg .": DOCKER,
    'docker run --rm --user "$(id -u):$(id -g)" -v "$PWD":/entropyreg entropyreg': DOCKER,
    'docker run --rm --user "$(id -u):$(id -g)" -v "$PWD":/entropyreg entropyreg make figures': DOCKER,
    "docker save": DOCKER,
    "apptainer exec": DOCKER,
    "torchrun --standalone --nproc-per-node 2 -m entropyreg -- train --settings ... --run-dir ...": Elsewhere(
        "tests/workflow/test_distributed.py", "torchrun"
    ),
    "fairseq-train BINARY": Elsewhere("tests/unit/regularizers/test_fairseq_example.py", "fairseq-train BINARY"),
    "snakemake -n --config adopt=true": Reads(  # elsewhere: it would put aside what others read
        r"\d+ of \d+ runs are adopted from results/reference/demo\.", ("adopt=true", "adopt=true results_dir=new")
    ),
}
YAML = {  # page: scale, the line that a block is put behind, and a run that it declares
    "docs/experiments.md": ("demo", "\nblocks:\n", "demo_de_en/transformer/jensen-skew0.30-entropy0.45/seed1"),
    TUTORIAL: ("smoke", "    arms: &smoke_arms\n", ADDED),
}
TEXT = {  # how a block that is no command begins: where it comes from
    "entropyreg: 47 of 48 runs are adopted": Elsewhere(
        "tests/unit/reference/test_adopting.py", "runs are adopted from"
    ),
    "entropyreg: 5 records are stale": Elsewhere(
        "tests/unit/reference/test_adopting.py", "records are stale, and not adopted: "
    ),
    "seconds = max(": NotRun("a formula"),
    "block                            kind         runs  shared  trainings  done  missing   GPU h": Elsewhere(
        "tests/workflow/test_documentation.py", "def test_the_forecast_of_the_paper_scale_is_the_one_that_is_printed"
    ),
    "block                            kind         runs  shared  trainings  done  missing  CPU job h": NotRun(
        "hours that one machine took"
    ),
}
PYTHON_THAT_NEEDS_A_MODEL = "from pathlib import Path\n\nfrom subword_nmt"  # runs as the tutorial's last step


ABSENT = """
from importlib.machinery import PathFinder

found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] in NAMES else found(name, *rest)
"""


class Block(NamedTuple):
    page: str
    language: str
    text: str


def blocks(*languages, pages=tuple(page for page in PAGES if page not in FOLLOWED)):
    """The fenced blocks of the pages in their order; by default of all that have no test of their own."""
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            if not languages or language in languages:
                yield Block(page, language, body)


def commands(text):
    """The commands of a block: continued lines joined, comments and empty lines left out."""
    lines = [re.sub(r"(^|\s+)#.*", "", line) for line in re.sub(r" *\\\n\s*", " ", text).splitlines()]
    return [line for line in lines if line]


def how(command):
    """The entry of a command; of a long one, that of its beginning."""
    return COMMANDS.get(command) or COMMANDS.get(" ".join(command.split()[:2])) if command else None


@cache
def documented():
    return [command for block in blocks("sh") for command in commands(block.text)]


def ids(kind):
    """The documented commands of a kind, each once."""
    return list(dict.fromkeys(command for command in documented() if isinstance(how(command), kind)))


def copy_of(folder, *parts):
    for part in parts:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(ROOT / part, folder / part)
    return folder


def only_in_tests():
    """Names that can be imported because of the tests' lock alone."""
    pinned = {
        name: set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / f"{name}.lock").read_text(), re.MULTILINE))
        for name in ("test", "pipeline")
    }
    owners = {
        module: {re.sub("[-_.]+", "-", one).lower() for one in names}
        for module, names in packages_distributions().items()
    }
    return sorted(module for module, names in owners.items() if names <= pinned["test"] - pinned["pipeline"])


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Runs a line of bash in a folder as a user would: with the checkout's package and without those of the tests."""
    extra = tmp_path_factory.mktemp("environment")
    (extra / "sitecustomize.py").write_text(ABSENT.replace("NAMES", repr(only_in_tests())))
    (extra / "bin").mkdir()
    scripts = {"xdg-open": 'test -s "$1"', "python": f'exec "{sys.executable}" "$@"'}
    scripts["snakemake"] = f'exec "{sys.executable}" -m snakemake $SNAKEMAKE_ARGUMENTS "$@"'
    for name, text in scripts.items():
        (extra / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (extra / "bin" / name).chmod(0o755)

    def run(line, folder, checkout=None, **environment):
        path = f"{extra}{os.pathsep}{(checkout or folder) / 'src'}"
        values = os.environ | {"PYTHONPATH": path, "PATH": f"{extra / 'bin'}:{os.environ['PATH']}", "VENV": "venv"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=values | environment, capture_output=True, text=True, timeout=1800
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        assert "Traceback" not in done.stderr, done.stderr[-1500:]
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def copy(tmp_path_factory, shell):
    """A checkout with the committed reference of the demo as what the demo computed, and a finished set-up."""
    folder = copy_of(tmp_path_factory.mktemp("copy"), *PARTS)
    shutil.copytree(folder / "results/reference/demo", folder / "results/demo")
    (folder / "tools/make_venv.sh").write_text("#!/bin/sh\n")  # the set-up itself is run by `.ci/run`
    (folder / "venv/bin").mkdir(parents=True)
    (folder / "venv/bin/python").write_text(f'#!/bin/bash\nexec "{sys.executable}" "$@"\n')
    (folder / "venv/bin/python").chmod(0o755)
    return folder


def test_every_block_and_every_command_is_run_or_has_a_reason():
    assert {block.language for block in blocks()} <= {"sh", "python", "yaml", "text"}
    assert not [command for command in documented() if how(command) is None]
    assert not [block for block in blocks("text") if not block.text.startswith(tuple(TEXT))]
    assert not [block.page for block in blocks("yaml") if block.page not in YAML]
    shown = "\n".join(documented())
    assert not [command for command in COMMANDS if command not in shown]  # no entry outlives its command
    assert not [start for start in TEXT if not any(block.text.startswith(start) for block in blocks("text"))]


@pytest.mark.parametrize(("page", "test"), FOLLOWED.items())
def test_a_page_with_a_test_of_its_own_is_read_there(page, test):
    assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_a_command_on_lines_of_its_own_is_in_a_fenced_block(page):
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not re.findall(r"^ {4,}(?:python|make|snakemake|pip|docker|\$) .*$", text, re.MULTILINE)
    assert "~~~" not in text


@pytest.mark.parametrize(
    "entry", [one for one in (*COMMANDS.values(), *TEXT.values()) if isinstance(one, Elsewhere)], ids=str
)
def test_commands_marked_as_tested_elsewhere_are_tested_there(entry):
    assert entry.text in (ROOT / entry.file).read_text(encoding="utf-8")


def in_text():
    """Commands within sentences, as (page, command)."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for found in re.findall(r"`((?:make|python|snakemake|entropyreg) [^`]+)`", text):
            yield page, " ".join(found.split())


def test_every_command_within_a_sentence_exists():
    """Targets of make and of Snakemake, commands of ours with their arguments, and scripts."""
    everything = [*in_text(), *(("a block", command) for command in documented())]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")])
    artefacts = load_experiments(ROOT / "workflow", load_config(ROOT / "workflow", {"scale": "demo"})).artefacts
    known = {*re.findall(r"^ *rule (\w+):", rules, re.MULTILINE), *artefacts}
    checked = 0
    for page, command in everything:
        words = shlex.split(command.split(" > ")[0])
        if words[0] == "make":
            assert words[1] in targets, f"{page}: {command}"
        elif words[0] == "snakemake":
            assert {one for one in words[1:] if re.fullmatch(r"[a-z_]+", one)} <= known, f"{page}: {command}"
        elif words[:3] == ["python", "-m", "entropyreg"] or words[0] == "entropyreg":
            rest = words[3:] if words[0] == "python" else words[1:]
            if len(rest) > 1:
                parser().parse_args(rest)
            elif rest:  # the name alone
                with pytest.raises(SystemExit, match="0"):
                    parser().parse_args([*rest, "--help"])
        elif words[0] == "python":
            script = words[3] if words[1:3] == ["-m", "pytest"] else words[1]
            assert (ROOT / script).is_file(), f"{page}: {command}"
        checked += words[0] in ("make", "snakemake", "python", "entropyreg")
    assert checked > 60


@pytest.mark.slow
@pytest.mark.parametrize("command", ids(Reads))
def test_what_reads_runs_to_its_end(shell, copy, command):
    entry = how(command)
    output = shell(command.replace(*entry.for_) if entry.for_[0] else command, copy)
    assert re.search(entry.prints, output), output[-1500:]


@pytest.mark.slow
def test_the_forecast_of_the_paper_scale_is_the_one_that_is_printed(shell, copy):
    printed = next(block.text for block in blocks("text", pages=["docs/forecast.md"]) if "GPU h" in block.text)
    output = shell("python -m entropyreg forecast --scale paper --price 2.5", copy)
    assert output.strip() == printed.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [one for one in blocks("python") if not one.text.startswith(PYTHON_THAT_NEEDS_A_MODEL)],
    ids=lambda block: block.page,
)
def test_code_runs_in_a_fresh_process(shell, copy, block):
    (copy / "snippet.py").write_text(block.text + "\nprint('to its end')\n", encoding="utf-8")
    assert shell("python snippet.py", copy).endswith("to its end\n")


@pytest.mark.slow
def test_a_package_of_the_tests_is_absent(shell, copy):
    assert {"pytest", "hypothesis", "ruff"} & set(only_in_tests()) >= {"pytest", "hypothesis"}
    with pytest.raises(AssertionError, match="No module named 'pytest'"):
        shell("python -c 'import pytest'", copy)


def declare(workflow, block):
    """Put a block of YAML where its page says."""
    _, behind, _ = YAML[block.page]
    path = workflow / "experiments" / "paper_a.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(behind) == 1
    path.write_text(text.replace(behind, behind + block.text), encoding="utf-8")


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.page)
def test_a_declaration_is_loaded_and_makes_its_run(tmp_path, block):
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    scale, _, run = YAML[block.page]
    before = load_experiments(tmp_path / "workflow", load_config(tmp_path / "workflow", {"scale": scale})).runs
    declare(tmp_path / "workflow", block)
    after = load_experiments(tmp_path / "workflow", load_config(tmp_path / "workflow", {"scale": scale})).runs
    assert run in after and run not in before


@pytest.mark.slow
@pytest.mark.parametrize("command", ids(Plans))
def test_commands_that_train_for_hours_are_planned(shell, copy, command):
    output = shell(command.replace("snakemake", "snakemake -n", 1), copy)
    assert re.search(rf"^{how(command).rule} +\d+$", output, re.MULTILINE), output[-1500:]


@pytest.mark.slow
def test_the_tutorial_leads_to_its_end(smoke, shell, tmp_path):
    """In a copy of the finished smoke scale and of the checkout, as far from one another as the originals are.

    Snakemake remembers paths relative to its folder: so nothing that is finished runs again, but what is new does.
    """
    folder, checkout = (tmp_path / path.relative_to("/") for path in (smoke, ROOT))
    copy_of(checkout, *(part for part in PARTS if "/" not in part))
    for name in ("results", "paper_figures", ".snakemake"):
        shutil.copytree(smoke / name, folder / name, symlinks=True)
    (folder / "workflow").symlink_to(checkout / "workflow")
    arguments = f"--snakefile {checkout / 'Snakefile'} --directory {folder}"

    def run(command):
        return shell(command, folder, checkout, SNAKEMAKE_ARGUMENTS=arguments)

    followed = []
    for block in blocks(pages=[TUTORIAL]):
        if block.language == "yaml":
            declare(checkout / "workflow", block)
            planned = run(SMOKE.replace("snakemake", "snakemake -n"))
            assert re.search(r"^train_translation +1$", planned, re.MULTILINE), planned[-2000:]
            run(SMOKE)
            alone = f"results/smoke/runs/{ADDED}/run.json"  # the target that the page names for this run alone
            assert alone in (ROOT / TUTORIAL).read_text(encoding="utf-8") and (folder / alone).is_file()
        elif block.language == "python":
            (folder / "snippet.py").write_text(block.text, encoding="utf-8")
            run("python snippet.py")
        for command in commands(block.text) if block.language == "sh" else ():
            if isinstance(how(command), Tutorial):
                assert re.search(how(command).prints, run(command)), command
                followed.append(command)
    assert set(followed) == set(ids(Tutorial))
