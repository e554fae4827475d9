"""Commands that show a scale: records as a table, the state of runs, two runs side by side."""

import csv
import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas
import pyarrow.parquet
import pytest
from blocked import blocked_images
from filelock import FileLock
from made_records import save_record

from entropyreg.cli.main import EXAMPLES, FOR_PEOPLE, STAGES, main
from entropyreg.config.loading import SCALES, load_config
from entropyreg.config.paths import Paths
from entropyreg.experiments import load_experiments
from entropyreg.exploring.compare import compare_runs, intervals
from entropyreg.exploring.records import SHOWN, export_records, filters_of
from entropyreg.exploring.status import Known, duration, left_text, look_at, seconds_left, status
from entropyreg.forecast.blocks import declared_blocks
from entropyreg.forecast.state import run_state
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz, write_atomically, write_json, write_npz
from entropyreg.io.run_folder import HOLDER, failures, forget_failures, note_failure
from entropyreg.io.text_table import aligned
from entropyreg.measuring.blocks import FILE
from entropyreg.measuring.rows import Row
from entropyreg.measuring.tidy_records import kind_of

ONE, TWO = "de_en/transformer/none/seed1", "de_en/transformer/jensen-skew0.50-strength1.00/seed1"


def text_record(run, strength, bleu):
    regularizer = {"skew": 0.5 if strength else None, "strength": strength, "smoothing": None, "generator": "entropy"}
    valid = {
        "bleu": bleu,
        "nll": 2.5,
        "beam_sizes": {"1": {"bleu": 1.0}},
        "entropy_spread": 1 / 3,
        "temperature_at_bound": True,
        "confidence_histogram": [3],
        "log_floor": None,
    }
    identity = {"run": run, "task": "de_en", "model": "transformer", "seed": 1, "updates": 10}
    return {**identity, "regularizer": regularizer, "measures": {"valid": valid}}


IMAGES = {
    **{"run": "digits/mlp/none", "task": "digits", "model": "mlp", "seeds": [1, 2], "updates": 5},
    "regularizer": {"kind": "none", "skew": None, "strength": None, "smoothing": 0.0},
    "measures": {
        seed: {
            "scores": {"valid": {"accuracy": 0.5 + int(seed) / 10}, "test": {"accuracy": 0.5}},
            "calibration": {"valid": {"ece": 0.1, "bins": {"count": [1, 2]}}},
        }
        for seed in ("1", "2")
    },
}


@pytest.fixture
def results(tmp_path):
    """Two runs of text with the statistics of three sentences, one of images."""
    counts = np.array([[4.0, 2.0], [6.0, 2.0], [1.0, 1.0]])
    for run, strength, gain in ((ONE, 0.0, 0.0), (TWO, 1.0, 0.5)):
        save_record(tmp_path / "runs" / run, text_record(run, strength, 10.0 + gain))
        sums = {"valid.nll_sum": counts[:, 0] + gain * counts[:, 1], "valid.n_tokens": counts[:, 1]}
        sums |= {"valid.n_sentences": np.ones(len(counts), int)}
        write_npz(tmp_path / "runs" / run / FILE, sums)
    save_record(tmp_path / "runs" / IMAGES["run"], IMAGES)
    return tmp_path


def exported(results, capsys, *filters, columns="all"):
    export_records(results, filters_of(filters), None, columns)
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_one_line_per_run_seed_and_split(results, capsys):
    lines = exported(results, capsys)
    assert [(line["run"], line["seed"], line["split"]) for line in lines] == [
        (TWO, "1", "valid"),
        (ONE, "1", "valid"),
        *((IMAGES["run"], seed, split) for seed in "12" for split in ("valid", "test")),
    ]
    assert lines[0]["bleu"] == "10.5" and lines[0]["bleu[beam=1]"] == "1.0" and lines[0]["kind"] == "skew_jensen"
    assert lines[2]["accuracy"] == "0.6" and lines[2]["ece"] == "0.1" and lines[2]["bleu"] == ""
    assert "confidence_histogram" not in lines[0] and "count" not in lines[0]


def test_adopted_runs_are_shown_with_where_they_are_from(results, tmp_path, capsys):
    """Their records lie elsewhere; a run that was trained here, too, is shown as the tables have it."""
    elsewhere = tmp_path / "reference" / "runs" / TWO
    save_record(elsewhere, text_record(TWO, 1.0, 20.0))
    write_npz(elsewhere / FILE, read_npz(results / "runs" / TWO / FILE))
    about = {"folder": f"reference/runs/{TWO}", "commit": "0123456789abcdef"}
    write_json(results / "adopted.json", {"runs": {TWO: about}})
    source = f"{tmp_path}/reference, commit 0123456789ab"
    lines = exported(results, capsys)
    assert [line["adopted"] for line in lines] == [source, "", "", "", "", ""] and lines[0]["bleu"] == "20.0"
    assert exported(results, capsys, columns=None)[0]["adopted"] == source
    shutil.rmtree(results / "runs" / TWO)
    export_records(results, filters_of([f"adopted={source}", "measure=nll"]), None, rows=True)
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 1
    text = compare_runs(results, ONE, TWO)
    assert text.startswith(f"first:  {ONE}\nsecond: {TWO} (adopted from {source})\n") and "[+0.5, +0.5]" in text


def test_status_counts_adopted_runs_apart(tmp_path, workflow_dir):
    run = "smoke_de_en/transformer/none/seed1"
    about = {"folder": f"../reference/smoke/runs/{run}", "commit": None}
    write_json(tmp_path / "smoke" / "adopted.json", {"runs": {run: about}})
    write_json(tmp_path / "reference" / "smoke" / "runs" / run / "run.json", {})
    paths = Paths(str(tmp_path / "smoke"), "")
    assert [run_state(one, paths).state for one in (run, "another/run/none/seed1")] == ["done", "missing"]
    text = status(workflow_dir, {"scale": "smoke", "results_dir": str(tmp_path)})
    assert "adopted: has a committed record, which stands in for it" in text
    assert f"\nAdopted from {tmp_path}/reference/smoke: 1 of " in text


def test_every_measured_number_is_a_row_that_pandas_opens_in_one_line(results, tmp_path):
    out = tmp_path / "measures.parquet"
    export_records(results, {}, out, rows=True)
    rows = pandas.read_parquet(out)
    assert set(Row._fields) < set(rows.columns)
    ece = rows[(rows.measure == "ece") & (rows.split == "valid") & (rows["at"] == "")]
    assert ece.value.tolist() == [0.1, 0.1] and set(ece.run) == {IMAGES["run"]} and ece.seed.tolist() == [1, 2]
    bins = rows[(rows.measure == "count") & (rows.seed == 1)]
    assert dict(zip(bins["at"], bins.value, strict=True)) == {"bin=0": 1.0, "bin=1": 2.0}
    assert rows[rows.run == TWO].strength.unique().tolist() == [1.0]


def test_rows_and_places_can_be_filtered_by(results, capsys):
    export_records(results, filters_of(["measure=bleu", "at=beam=1"]), None, rows=True)
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(line["run"], line["value"]) for line in lines] == [(TWO, "1.0"), (ONE, "1.0")]
    assert len(exported(results, capsys, "bleu[beam=1]=1")) == 2


def test_ten_columns_are_shown_or_those_that_are_named(results, tmp_path, capsys, monkeypatch):
    assert len(SHOWN) == 10 and set(exported(results, capsys, columns=None)[0]) == set(SHOWN)
    assert list(exported(results, capsys, "seed=2", columns="updates,run")[0]) == ["updates", "run"]
    for name, columns in (("a.csv", None), ("b.parquet", None), ("c.parquet", "split,nll")):
        export_records(results, {}, tmp_path / name, columns)
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == ",".join(SHOWN)
    assert pyarrow.parquet.read_table(tmp_path / "b.parquet").column_names == list(SHOWN)
    assert pyarrow.parquet.read_table(tmp_path / "c.parquet").column_names == ["split", "nll"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    export_records(results, {"run": ONE}, None)
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == list(SHOWN) and line.split() == [ONE, "none", "0", "1", "valid", "10", "2.5"]


def test_filters_keep_the_lines_that_have_every_value(results, tmp_path):
    export_records(results, filters_of(["task=digits", "split=test", "seed=2"]), tmp_path / "out.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(line["run"], line["seed"], line["accuracy"]) for line in table] == [(IMAGES["run"], 2, 0.5)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("skew=0.50", [TWO]),
        ("skew=5e-1", [TWO]),
        ("skew=.5", [TWO]),
        ("skew=0.51", []),
        ("strength=1", [TWO]),
        ("strength=-0", [ONE]),
        ("seed=2.0", [IMAGES["run"]] * 2),
        ("nll=2.500", [TWO, ONE]),
        ("entropy_spread=0.333333", [TWO, ONE]),  # as csv shows it
        ("entropy_spread=0.3333", [TWO, ONE]),  # as a terminal shows it
        ("entropy_spread=0.333", []),
        ("skew=", [ONE] + [IMAGES["run"]] * 4),  # without a value
        ("temperature_at_bound=True", [TWO, ONE]),
        ("temperature_at_bound=false", []),
        ("kind=skew_jensen", [TWO]),
    ],
)
def test_numbers_are_compared_as_numbers(results, capsys, text, found):
    assert [line["run"] for line in exported(results, capsys, text)] == found


@pytest.mark.parametrize(
    ("filters", "options", "told"),
    [
        (["taks=digits"], {}, r"there is no column 'taks' \(did you mean 'task'\?\); allowed: run, task, model"),
        (
            [],
            {"columns": "run,blue"},
            r"there is no column 'blue' \(did you mean 'bleu'\?\); allowed: run, task",
        ),
        (["digits"], {}, "a filter is 'digits'; allowed: COLUMN=VALUE"),
        (["seed=1", "seed=2"], {}, "the column 'seed' is filtered twice, by '1' and '2'"),
        (["skew=half"], {}, "skew is 'half'; allowed: a number, or nothing for lines without it"),
        (["temperature_at_bound=1"], {}, "temperature_at_bound is '1'; allowed: true, false, or nothing"),
        (["split=tset"], {}, r"no record has split 'tset' \(did you mean 'test'\?\); allowed: test, valid"),
        ([], {"out": "records.xlsx"}, r"--out is '.*records.xlsx'; allowed: a name that ends in .csv or .parquet"),
    ],
)
def test_an_impossible_filter_is_reported(results, tmp_path, filters, options, told):
    with pytest.raises(UserError, match=told):
        out = tmp_path / options["out"] if "out" in options else None
        export_records(results, filters_of(filters), out, options.get("columns"))


@pytest.mark.parametrize("command", [name for name in STAGES if any(flag == "--scale" for flag, _ in STAGES[name][2])])
def test_an_unknown_scale_is_refused_before_anything_else(command, capsys, tmp_path):
    needed = {"compare": ["a", "b"], "reference": ["draw"]}
    with pytest.raises(SystemExit):
        main([command, *needed.get(command, []), "--scale", "nonsense"])
    told = capsys.readouterr().err
    assert "--scale: invalid choice: 'nonsense'" in told and all(scale in told for scale in SCALES)


def test_missing_and_damaged_records_are_reported(results, tmp_path):
    with pytest.raises(UserError, match=r"has no record: run Snakemake first"):
        export_records(tmp_path / "nothing", {}, None)
    (results / "runs" / ONE / "run.json").write_text("[1]")
    with pytest.raises(UserError, match="is not a record: delete it and run again"):
        export_records(results, {}, None)


def test_the_names_of_regularizers_are_the_field_s():
    names = {}
    for skew, strength in ((None, 0.0), (0.0, 0.5), (1.0, 0.5), (0.5, 0.5)):
        names[skew, strength] = kind_of({"skew": skew, "strength": strength, "generator": "entropy"})
    assert list(names.values()) == ["none", "confidence_penalty", "label_smoothing", "skew_jensen"]


def test_a_difference_has_an_interval_over_sentences(results):
    text = compare_runs(results, ONE, TWO)
    line = next(line.split() for line in text.splitlines() if line.startswith("nll"))
    # every sentence of the second run has .5 nats a token more: whatever is drawn, the mean difference is that
    assert line[:4] == ["nll", "2.5", "2.5", "+0"] and line[4:] == ["[+0.5,", "+0.5]"]
    bleu = next(line.split() for line in text.splitlines() if line.startswith("bleu "))
    assert bleu == ["bleu", "10", "10.5", "+0.5"]  # without statistics of sentences: no interval


def image_run(results, run, seeds, arrays):
    save_record(results / "runs" / run, {**IMAGES, "run": run, "seeds": seeds})
    write_npz(results / "runs" / run / FILE, arrays)


def test_a_difference_of_images_has_an_interval_over_images_of_that_seed(results):
    """Every image is .25 nats worse in seed 1 and .5 better in seed 2: whatever is drawn, that is the difference."""
    generator = np.random.default_rng(0)
    own = {"nll": generator.uniform(1, 2, (2, 40)), "confidence": generator.uniform(0.1, 0.9, (2, 40))}
    own["correct"] = generator.uniform(size=(2, 40)) < own["confidence"]
    other = own | {"nll": own["nll"] + np.array([[0.25], [-0.5]]), "correct": np.ones((2, 40), bool)}
    image_run(results, "digits/a", [1, 2], {f"valid.{name}": one for name, one in blocked_images(own).items()})
    image_run(results, "digits/b", [2, 1], {f"valid.{name}": one[::-1] for name, one in blocked_images(other).items()})
    by_seed = [intervals(results, ("digits/a", "digits/b"), (seed, seed), "valid") for seed in (1, 2)]
    assert [found["nll"] for found in by_seed] == [pytest.approx((0.25, 0.25)), pytest.approx((-0.5, -0.5))]
    low, high = by_seed[0]["accuracy"]
    estimate = 1 - own["correct"][0].mean()
    half = 1.96 * np.sqrt(estimate * (1 - estimate) / 40)  # of the share that only the second has right
    assert (low, high) == pytest.approx((estimate - half, estimate + half), abs=0.05)
    low, high = by_seed[0]["ece"]
    assert low < high
    assert intervals(results, ("digits/a", "digits/b"), (1, 1), "train") == {}  # only means are kept of these
    text = compare_runs(results, "digits/a", "digits/b")
    blocks = {block.splitlines()[0]: block for block in text.split("\n\n")}
    accuracy = next(line for line in blocks["valid, seed 1"].splitlines() if line.startswith("accuracy"))
    assert accuracy.endswith("]") and "[" not in blocks["test, seed 1"]


def test_runs_that_cannot_be_paired_are_refused(results):
    with pytest.raises(UserError, match="different tasks, 'de_en' and 'digits'"):
        compare_runs(results, ONE, IMAGES["run"])
    with pytest.raises(UserError, match=f"run 'de_en/x' has no record; allowed: .*{ONE}"):
        compare_runs(results, ONE, "de_en/x")


def test_the_state_of_a_run_is_read_from_its_folder(tmp_path):
    paths = Paths(str(tmp_path), "unused")
    folder = tmp_path / "runs" / "run"
    states = [look_at("run", paths).state]
    (folder / "checkpoints").mkdir(parents=True)
    states.append(look_at("run", paths).state)
    lock = FileLock(folder / ".lock")
    with lock:
        script = (
            "import sys; from entropyreg.exploring.status import look_at; from entropyreg.config.paths import Paths;"
            "print(look_at('run', Paths(sys.argv[1], 'unused')).state)"
        )
        other = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
        )
        states.append(other.stdout.strip())
    note_failure(folder, "train", "it diverged")
    known = look_at("run", paths)
    states.append(known.state)
    assert known.errors[0].startswith("train, 20") and known.errors[0].endswith(": it diverged")
    forget_failures(folder, "train")
    write_json(folder / "run.json", {})
    states.append(look_at("run", paths).state)
    assert states == ["missing", "interrupted", "running", "failed", "done"]


@pytest.mark.parametrize(
    ("stage", "log", "left"),
    [
        ("predict.test", "predict.test", False),
        ("train", "train", True),
        ("train-images", "train-images", True),
        ("measure-images", None, False),  # by hand: without a log
    ],
)
def test_a_run_that_failed_after_it_was_done_is_not_shown_as_done(workflow_dir, tmp_path, stage, log, left):
    """For a run of text and one of images: what failed, when, why and where its log is; what had been done before."""
    experiments = load_experiments(workflow_dir, load_config(workflow_dir, {"scale": "smoke"}))
    runs, paths = (
        [next(iter(experiments.runs)), next(iter(experiments.image_runs))],
        Paths.of({"results_dir": str(tmp_path), "figures_dir": "unused", "scale": "smoke"}),
    )
    for run in runs:
        for name in ("run.json", "training.json", "model.pt"):
            write_json(tmp_path / "smoke" / "runs" / run / name, {})
        note_failure(tmp_path / "smoke" / "runs" / run, stage, "it diverged")
        if log:
            write_atomically(tmp_path / "smoke" / "logs" / log / f"{run}.log", "")
        known = look_at(run, paths)
        assert (known.state, known.training_left) == ("failed since", left)
    text = status(workflow_dir, {"scale": "smoke", "results_dir": str(tmp_path)})
    for run in runs:
        end = rf" \(log: {tmp_path}/smoke/logs/{log}/{run}\.log\)" if log else ""
        line = rf"done before, failed since: {stage.replace('.', ' ')}, \S+: it diverged{end}"
        assert re.search(rf"^{run}\n  {line}$", text, re.MULTILINE), text
    assert re.search(r"^failed since: done before", text, re.MULTILINE)


def test_a_killed_training_of_a_finished_run_is_reported(tmp_path):
    folder = tmp_path / "runs" / "run"
    write_json(folder / "run.json", {})
    write_atomically(folder / HOLDER, "process 7 on here")
    known = look_at("run", Paths(str(tmp_path), "unused"))
    assert known.state == "failed since" and known.errors[0].startswith("process 7 on here was killed")


def test_a_failure_is_noted_and_a_success_deletes_the_note(tmp_path, monkeypatch, capsys):
    outcomes = [UserError("no such data"), AssertionError("9 GB"), None]

    def stage(args):
        if error := outcomes.pop(0):
            raise error

    monkeypatch.setitem(STAGES, "predict-beams", (stage, *STAGES["predict-beams"][1:]))
    command = ["predict-beams", "--settings", "{}", "--binary", "b", "--run-dir", str(tmp_path)]
    assert main(command) == 2 and "no such data" in capsys.readouterr().err
    assert [failure["error"] for failure in failures(tmp_path)] == ["no such data"]
    with pytest.raises(AssertionError):
        main(command)
    (noted,) = failures(tmp_path)
    assert (noted["stage"], noted["error"]) == ("predict-beams", "AssertionError: 9 GB")
    assert main(command) == 0 and failures(tmp_path) == []


STAGES_OF_A_RUN = ("train", "predict.valid", "predict.test", "predict-beams", "score", "measure")


@pytest.mark.parametrize(
    ("good", "kept"),
    [
        ("train", ()),
        ("train-images", ()),
        ("predict.valid", ("predict.test", "predict-beams", "score", "measure")),
        ("measure", ("score",)),
        ("score", ("measure",)),
    ],
)
def test_a_success_keeps_the_notes_of_parallel_stages(tmp_path, good, kept):
    for stage in STAGES_OF_A_RUN:
        note_failure(tmp_path, stage, "no")
    forget_failures(tmp_path, good)
    assert {failure["stage"] for failure in failures(tmp_path)} == set(kept)


def test_the_stage_of_every_rule_has_its_log_under_its_name(root):
    """`status` finds the log of a failed stage of a run by that."""
    found = set()
    for path in (root / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            log = re.search(r'PATHS\.log\("(\S+)/\{(?:image_)?run\}"\)', rule)
            if "--run-dir" in rule:
                stage = re.search(r'job\(\s*"([a-z-]+)"', rule)[1]
                split = "." + re.search(r"--split (\S+)", rule)[1] if "--split" in rule else ""
                default = ".valid" if stage == "predict-temperatures" and not split else ""
                assert log and log[1] == (stage + split + default).replace("wildcards.", ""), rule[:40]
                found.add(log[1])
    assert len(found) == 10


def test_time_left_follows_finished_runs_of_the_same_kind():
    known = [
        *(
            Known(f"a/big/x/seed{seed}", "done", seconds, (), False)
            for seed, seconds in ((1, 100.0), (2, 300.0), (3, 110.0))
        ),
        *(Known(run, "missing", None, (), True) for run in ("a/big/y/seed1", "b/big/x/seed1", "a/small/x/seed1")),
    ]
    assert "220" not in left_text(known) and left_text(known).endswith("; of 1 runs nothing tells how long they take.")
    assert left_text(known[-1:]).startswith("Training left: 1 runs; none like them has ended")
    assert seconds_left(known) == (220.0, 1)  # a/big by its own median, b/big by that of the model, a/small unknown
    assert [duration(value) for value in (45, 100, 5400)] == ["45 s", "2 min", "1.5 h"]


def test_every_run_of_the_scale_is_in_one_block(workflow_dir, tmp_path):
    text = status(workflow_dir, {"scale": "smoke", "results_dir": str(tmp_path)})
    config = load_config(workflow_dir, {"scale": "smoke"})
    experiments = load_experiments(workflow_dir, config)
    n_runs = len(experiments.runs) + len(experiments.image_runs)
    table = [line.split() for line in text.split("\n\n")[0].splitlines()]
    assert table[0] == ["block", "runs", "shared", "missing"] and table[-1] == ["all", str(n_runs), str(n_runs)]
    assert sum(int(row[1]) for row in table[1:-1]) == n_runs
    assert [int(row[2]) for row in table[1:-1]] == [
        block.shared for block in declared_blocks(workflow_dir, "smoke", experiments)
    ]


def test_columns_are_aligned():
    assert aligned([("name", "n"), ("a", "10")]) == ["name   n", "a     10"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_command_parses(name, capsys):
    from entropyreg.cli.main import parser

    words = EXAMPLES[name].split()
    assert words[0] == "entropyreg" and parser().parse_args(words[1:]).command == name
    with pytest.raises(SystemExit):
        parser().parse_args([name, "--help"])
    assert "example: python -m entropyreg" in capsys.readouterr().out


def test_help_shows_the_commands_for_people_apart_from_the_stages(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    people, stages = told.split("stages of the workflow, which Snakemake runs:")
    assert [name for group in FOR_PEOPLE.values() for name in group] == re.findall(r"^  ([a-z-]+)  ", people, re.M)[
        -len(EXAMPLES) :
    ]
    assert set(re.findall(r"[a-z-]+(?=[,\n])", stages)) >= set(STAGES) - set(EXAMPLES)
    assert sorted(EXAMPLES) == sorted(name for group in FOR_PEOPLE.values() for name in group)
    assert "{download" not in told and max(map(len, told.splitlines())) < 80


def test_the_version_is_that_of_the_package(root, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    version = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert capsys.readouterr().out == f"entropyreg {version}\n"


@pytest.mark.slow
def test_log_messages_of_importing_fairseq_are_not_shown():
    """It asks for tensorboardX, which nothing here needs, and sets up the log for itself unless somebody did before."""
    script = (
        "import importlib, logging; from entropyreg.cli.main import STAGES, main\n"
        "def stage(args):\n"
        "    importlib.import_module('fairseq.tasks.text_to_speech')\n"
        "    logging.getLogger('fairseq').info('loaded 20 examples')\n"
        "    logging.getLogger('fairseq').warning('seen')\n"
        "STAGES['status'] = (stage, *STAGES['status'][1:])\n"
        "main(['status'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    told = done.stdout + done.stderr
    assert "seen" in told and "tensorboardX" not in told and "loaded" not in told


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_argument_of_a_command_that_people_type_is_explained(name):
    assert [flag for flag, options in STAGES[name][2] if not options.get("help")] == []


def test_the_help_of_the_equilibrium_states_the_accepted_ranges(capsys):
    told = {flag: options["help"] for flag, options in STAGES["equilibrium"][2]}
    assert "[0, 1]" in told["--skew"] and "at least 2" in told["--vocabulary"]
    assert "at least 0" in told["--strength"] and "[0, 1)" in told["--entropy"]
    base = {"--skew": "0.5", "--vocabulary": "10", "--strength": "1", "--entropy": "0.4"}
    changes = [{}, {"--skew": "0"}, {"--skew": "1"}, {"--vocabulary": "2"}, {"--entropy": "0"}]
    wrong = [{"--skew": "1.1"}, {"--skew": "-0.1"}, {"--vocabulary": "1"}, {"--entropy": "1"}, {"--entropy": "-0.1"}]
    for change, code in [(one, 0) for one in changes] + [(one, 2) for one in wrong]:
        assert main(["equilibrium", *(f"{flag}={value}" for flag, value in (base | change).items())]) == code, change
    assert main(["equilibrium", "--skew=0.5", "--vocabulary=10", "--strength=-1"]) == 2
    assert "normalised entropy 0.4" in capsys.readouterr().out
