"""Origins: a job records its inputs and outputs, and the next one refuses changed ones."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from entropyreg.cli import main as cli
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.io.processors import processor_type
from entropyreg.provenance import origins
from entropyreg.provenance.code_identity import BY_NAME, code_digest
from entropyreg.provenance.origins import Origin, origin_path, verify

RECORD, BLOCKS, TOKENS = (f"runs/a/{name}" for name in ("record.json", "blocks.npz", "predictions/tokens.npz"))
TABLE = "tables/a_table_losses.json"


def job(root, stage, inputs, outputs, declared=None, of=None):
    """Write `outputs` as a job would, with their origin."""
    args = Namespace(command=stage, settings=declared or {"run": "a"}, of=of or {"run": "a"}, root=root)
    args.inputs, args.outputs = [root / name for name in inputs], [root / name for name in outputs]
    args.outputs.append(Path(origin_path(str(args.outputs[0]))))
    write = origins.begin(args)
    for path in args.outputs[:-1]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{stage} of {args.of} in {path.name}")
    write()
    return args.outputs[-1]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "results"
    for run in ("a", "b"):
        files = [name.replace("runs/a", f"runs/{run}") for name in (TOKENS, RECORD, BLOCKS)]
        job(root, "predict", [], files[:1], of={"run": run})
        job(root, "measure", files[:1], files[1:], of={"run": run})
    return root


def refused(root, *names):
    """The sentence with which `verify` refuses files, empty if it does not; the folder is written as R."""
    origins.origins_in.cache_clear()
    try:
        verify([root / name for name in names], root)
    except UserError as error:
        return str(error).replace(str(root), "R")
    return ""


def test_an_origin_names_stage_code_inputs_and_outputs_whatever_the_folder_is_called(root, tmp_path):
    path = job(root, "collect", [RECORD, BLOCKS], [TABLE], {"artefact": "x"}, {"artefact": "x"})
    assert read_json(path) == {
        "stage": "collect",
        "of": {"artefact": "x"},
        "declared": {"artefact": "x"},
        "code": code_digest("collect", {"artefact": "x"}),
        "inputs": {name: sha256_of(root / name) for name in (RECORD, BLOCKS)},
        "outputs": {TABLE: sha256_of(root / TABLE)},
        "processor": processor_type(),
    }
    root.rename(tmp_path / "moved")
    assert refused(tmp_path / "moved", TABLE, RECORD) == ""


def exchange(first, second):
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


@pytest.mark.parametrize("name", [RECORD, BLOCKS])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is not what stage measure wrote"),
        (lambda path: path.write_bytes(path.read_bytes().swapcase()), "is not what stage measure wrote"),
        (lambda path: exchange(path, Path(str(path).replace("runs/a", "runs/b"))), "is not what stage measure wrote"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["cut", "edited", "exchanged", "deleted"],
)
def test_a_changed_file_is_refused_by_name(root, name, damage, said):
    """Also where only the other file of the same job is read."""
    damage(root / name)
    for read in (RECORD, BLOCKS):
        told = refused(root, read)
        assert told.startswith(f"R/{name}") and said in told and "run again" in told


def test_two_runs_whole_folders_exchanged_are_refused(root):
    (root / "runs/a").rename(root / "runs/c")
    (root / "runs/b").rename(root / "runs/a")
    assert refused(root, RECORD) == f"R/{RECORD} is runs/b/record.json, of another job: delete it and run again."


def test_an_output_of_another_input_is_refused(root):
    job(root, "predict", [], [TOKENS], of={"run": "anew"})
    said = f"R/{RECORD} was made from another R/{TOKENS} than is there now: delete R/{RECORD} and run again."
    assert refused(root, RECORD) == said
    (root / TOKENS).unlink()  # predictions may be deleted once they are measured
    assert refused(root, RECORD) == ""


def test_what_other_code_made_under_another_first_name_is_forgotten(root):
    """As `record.json` became `run.json`: both origins would list the blocks, and the older one would be believed."""
    renamed = RECORD.replace("record", "run")
    job(root, "measure", [TOKENS], [renamed, BLOCKS])
    assert not Path(origin_path(str(root / RECORD))).exists()
    assert refused(root, renamed) == refused(root, BLOCKS) == ""


@pytest.mark.parametrize("content", ["", "{}", '{"stage": 1', json.dumps(dict.fromkeys(Origin._fields, 3))])
def test_without_a_whole_origin_a_file_is_refused(root, content):
    origin = Path(origin_path(str(root / RECORD)))
    origin.write_text(content)
    assert refused(root, RECORD) == (f"R/{RECORD} has no whole origin in R/runs/a/.origin: delete it and run again.")
    origin.unlink()
    assert "has no whole origin" in refused(root, RECORD)


def test_an_output_of_other_code_is_refused(root):
    path = Path(origin_path(str(root / RECORD)))
    write_json(path, read_json(path) | {"code": "0" * 16})
    told = refused(root, RECORD)
    assert told.startswith(f"R/{RECORD} was made by other code than is here (stage measure, digest {'0' * 16}; here ")
    assert told.endswith(f"): delete R/{RECORD} and run again.")


def test_files_that_no_job_made_are_left_alone(root, tmp_path):
    (tmp_path / "claims.yaml").write_text("x")
    (root / "sources").mkdir()
    (root / "sources/data.gz").write_text("x")
    assert refused(root, "../claims.yaml", "sources/data.gz") == ""


def test_declarations_have_the_name_that_they_have_in_the_checkout(root, workflow_dir):
    claims = workflow_dir / "experiments" / "claims.yaml"
    name = origins.name_of(claims, root)
    assert name == "checkout:workflow/experiments/claims.yaml" and origins.located(name, root) == claims.resolve()
    assert origins.name_of(root / RECORD, root) == RECORD and not origins.is_made(name)


def test_every_stage_compares_its_inputs_and_writes_an_origin(root, monkeypatch, capsys):
    """The command line does it, for all of them in one place; a stage started by hand names no outputs."""
    (root / RECORD).write_text("edited")
    called = []
    stages = {name: (lambda args: called.append(args.command), *rest) for name, (_, *rest) in cli.STAGES.items()}
    monkeypatch.setattr(cli, "STAGES", stages)
    planned = [
        name for name in stages if any(flag == "--settings" for flag, _ in stages[name][2]) and name != "forecast"
    ]
    assert len(planned) > 12
    for name in planned:
        files = [flag for flag, options in stages[name][2] if options.get("type") is Path and options.get("required")]
        given = [part for flag in files for part in (flag, str(root / "runs/a"))]
        given += ["--settings", "{}", *(("--split", "test") if name == "predict" else ())]
        bound = [
            "--root",
            root,
            "--of",
            "{}",
            "--inputs",
            root / RECORD,
            "--outputs",
            root / "x",
            root / ".origin/x.json",
        ]
        assert cli.main([name, *given, *map(str, bound)]) == 2 and not called
        assert "is not what stage measure wrote" in capsys.readouterr().err
        assert cli.main([name, *given]) == 0 and called.pop() == name


@pytest.mark.parametrize(("stage", "name"), BY_NAME.items())
def test_a_stage_without_settings_declares_its_name_as_the_workflow_does(root, monkeypatch, stage, name):
    """Else a tree without Snakemake's memory would set such outputs aside whenever it starts."""
    made, value = root / "x", "a_table_losses"
    _, *rest = cli.STAGES[stage]
    monkeypatch.setitem(cli.STAGES, stage, (lambda args: made.write_text("x") and None, *rest))
    files = [
        part
        for flag, options in rest[1]
        if options.get("type") is Path and options.get("required")
        for part in (flag, str(root))
    ]
    about = ["--code", code_digest(stage, {name: value}), "--root", root, "--of", json.dumps({name: value})]
    args = [stage, value, *files, *about, "--inputs", "--outputs", made, origin_path(str(made))]
    assert cli.main([*map(str, args)]) == 0
    assert Origin.read(Path(origin_path(str(made)))).declared == {name: value}
