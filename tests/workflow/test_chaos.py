"""Kills at any moment cost only time: records and figures equal those of an undisturbed run, byte by byte."""

import subprocess
from collections import Counter

import psutil
import pytest
from chaos import ANY, STAGES, VICTIMS, Chaos, Kill, command, contents, of_targets

TARGETS = ["b_figure_projection", "a_table_summarization"]  # two runs of images, one of text; a figure and a table
FEW = [Kill("snakemake", "training"), Kill("worker", "decoding"), Kill("group", "collecting")]
MANY = [Kill(victim, moment) for moment in (*STAGES, *4 * (ANY,)) for victim in VICTIMS]


def is_left(folder):
    """Processes that work in the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.cmdline())
        except psutil.Error:
            continue
    return found


def disturbed(folder, plan, capsys):
    """Run the plan in a new folder; print what was hit; nobody works there afterwards, and a further start has nothing
    to do."""
    folder.mkdir()
    chaos = Chaos(folder, command(TARGETS), plan, seed=8)
    chaos.run()
    by_victim, by_moment = (Counter(kill[part] for kill in chaos.done) for part in (0, 1))
    ended, unlocked = (sum(word in text for text in chaos.said) for word in ("Ending '", "Unlocking the folder"))
    with capsys.disabled():
        print(f"\n{len(chaos.done)} kills in {chaos.starts} starts: {dict(by_victim)}; {dict(by_moment)}; orphans were")
        print(f"ended at {ended} starts, the folder was unlocked at {unlocked}")
    assert chaos.counts() == Counter(plan)
    assert unlocked >= sum(kill.victim != "worker" for kill in chaos.done) - 1
    assert ended > 0 or len(plan) < 30  # of so many kills, some leave orphans
    assert not is_left(folder)
    last = subprocess.run(command(TARGETS), cwd=folder, capture_output=True, text=True, timeout=600)
    assert last.returncode == 0 and "Nothing to be done" in last.stdout + last.stderr
    assert not any("Traceback" in text for text in chaos.said)
    return contents(folder, TARGETS)


def compare(found, wanted):
    kinds = {"json", "npz", "tsv", "pdf", "svg", "png", "csv", "md", "tex"}
    assert {name.rpartition(".")[2] for name in found} >= kinds
    assert sorted(found) == sorted(wanted)
    assert [name for name in found if found[name] != wanted[name]] == []


def outcome(folder):
    """Plant what a run of the whole scale leaves, one byte a file: more than the targets need."""
    runs = ["smoke_docstrings/transformer/jensen-skew0.50-strength1.00/seed1", "smoke_digits/mlp/none"]
    runs += ["smoke_digits/mlp/smoothing0.10", "smoke_digits/mlp/none-other"]
    files = [f"runs/{run}/{name}" for run in runs for name in ("run.json", "training.json", "predictions/test.npz")]
    files += [f"runs/{runs[0]}/predictions/test.tsv", *(f"tables/{name}.json" for name in (*TARGETS, "b_table_survey"))]
    paths = [folder / "results" / "smoke" / name for name in files]
    paths += [folder / f"paper_figures/smoke/{TARGETS[0]}.{ending}" for ending in ("pdf", "svg", "png", "csv")]
    paths += [folder / f"paper_figures/smoke/{TARGETS[1]}.{ending}" for ending in ("md", "tex", "csv")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    "lost",
    ["none/run.json", "seed1/training.json", "0.10/predictions/test.npz", "test.tsv", "projection.json", ".tex"],
)
def test_a_file_that_kills_lost_is_noticed(tmp_path, lost):
    wanted = of_targets(contents(outcome(tmp_path), TARGETS), TARGETS)
    assert len(wanted) == 3 * 3 + 1 + 2 + 7
    compare(wanted, wanted)
    name = next(name for name in wanted if name.endswith(lost))
    for found in (
        {one: wanted[one] for one in wanted if one != name},
        {**wanted, name: b"y"},
        {**wanted, "more": b"x"},
    ):
        with pytest.raises(AssertionError):
            compare(found, wanted)


def test_an_undisturbed_run_that_lacks_a_run_is_no_measure(tmp_path):
    whole = contents(outcome(tmp_path), TARGETS)
    with pytest.raises(AssertionError, match=r"nothing is there to compare: results/smoke/runs/smoke_digits/mlp/none/"):
        of_targets({name: whole[name] for name in whole if "mlp/none/" not in name}, TARGETS)


@pytest.mark.slow
def test_three_kills_leave_no_trace_in_the_results(smoke, tmp_path, capsys):
    found = disturbed(tmp_path / "disturbed", FEW, capsys)
    compare(found, of_targets(contents(smoke, TARGETS), TARGETS))


@pytest.mark.long
def test_thirty_kills_leave_no_trace_in_the_results(tmp_path, capsys):
    assert len(MANY) >= 30
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    assert subprocess.run(command(TARGETS), cwd=undisturbed, capture_output=True, timeout=1800).returncode == 0
    compare(disturbed(tmp_path / "disturbed", MANY, capsys), contents(undisturbed, TARGETS))
