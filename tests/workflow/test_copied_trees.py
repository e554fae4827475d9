"""Results in a copied tree: other dates, no record by Snakemake, files exchanged, cut, edited or lost."""

import os
import random
import shutil
from pathlib import Path

import pytest
from test_rerun_economy import PARTS, jobs_in

from entropyreg.io.errors import UserError
from entropyreg.provenance import origins
from entropyreg.provenance.adoption import ASIDE
from entropyreg.provenance.origins import FOLDER, Origin, located

pytestmark = pytest.mark.slow
RESULTS = Path("results", "smoke")
CONFIG = ("--config", "scale=smoke")


@pytest.fixture
def copied(smoke, monkeypatch):
    """The smoke scale's results without Snakemake's records, every file with another date."""
    folder = smoke.with_name(f"{smoke.name}_copied")  # from where the checkout has the same relative path
    for part in ("results", "paper_figures"):
        shutil.copytree(smoke / part, folder / part, symlinks=True)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for second, path in enumerate(random.Random(0).sample(paths, len(paths))):
        os.utime(path, (1e9 + second, 1e9 + second))
    monkeypatch.chdir(folder)
    yield folder
    monkeypatch.undo()
    shutil.rmtree(folder)


@pytest.fixture
def planned(snakemake, copied):
    """A function: the jobs that a start in the copied tree would run, and its output."""

    def start(*arguments):
        done = snakemake(copied, *arguments, "--dry-run", "--quiet", "host", *CONFIG)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return jobs_in(done.stdout + done.stderr)[0], done.stdout + done.stderr

    return start


def test_a_copied_tree_with_any_dates_makes_nothing_again(planned):
    assert planned()[0] == {}


def test_dates_alone_make_nothing_again_where_snakemake_remembers(smoke, copied, planned):
    shutil.copytree(smoke / ".snakemake", copied / ".snakemake", dirs_exist_ok=True)
    assert planned()[0] == {}


def test_without_memory_other_settings_are_set_aside_and_made_again(copied, planned):
    (copied / "mine.yaml").write_text("decoding: {beam_validation: 3}\n")
    jobs, said = planned("--configfile", str(copied / "mine.yaml"))
    assert "train_images" not in jobs and jobs["predict_translation"] > 5
    assert "tokens.npz" in said and f"kept with the suffix {ASIDE}" in said


def test_without_memory_other_code_is_set_aside_and_made_again(copied, root, snakemake):
    for part in PARTS:
        copy = shutil.copytree if (root / part).is_dir() else shutil.copy2
        copy(root / part, copied / part)
    module = copied / "src/entropyreg/measures/sparsity.py"
    module.write_text(module.read_text() + "\nEDITED = True\n")
    done = snakemake(copied, "--snakefile", str(copied / "Snakefile"), "--dry-run", "--quiet", "host", *CONFIG)
    jobs = jobs_in(done.stdout + done.stderr)[0]
    assert jobs["measure_translation"] == len([*copied.glob(f"{RESULTS}/runs/**/run.json{ASIDE}")])
    assert not {"train_translation", "train_images", "predict_translation", "score_translation"} & set(jobs)


def test_without_memory_an_output_without_an_origin_is_made_again(copied, planned):
    record = next(copied.glob(f"{RESULTS}/runs/*/transformer/none/seed1/run.json"))
    (record.parent / FOLDER / "run.json.json").unlink()
    jobs = planned()[0]
    assert jobs["measure_translation"] == 1 and jobs["collect_artefact"] > 5 and "predict_translation" not in jobs
    assert not record.exists() and record.with_name(f"run.json{ASIDE}").exists()


def refused(inputs):
    origins.origins_in.cache_clear()
    try:
        origins.verify(inputs, RESULTS)
    except UserError as error:
        return str(error)
    return ""


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def edit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_every_file_between_two_stages_is_compared_by_every_stage_that_reads_it(copied):
    """Cut, edited, exchanged with that of another job of the same stage, or deleted: each told by name."""
    found = [Origin.read(path) for path in sorted(copied.rglob(f"{FOLDER}/*.json"))]
    made_by = {name: origin for origin in found for name in origin.outputs}
    readers = {}  # an example of each stage that reads a file of each kind
    for origin in found:
        for name in origin.inputs:
            if name in made_by:
                readers.setdefault((made_by[name].stage, Path(name).suffixes[-1], origin.stage), (origin, name))
    assert len({stage for stage, _, _ in readers}) >= 12 and len(readers) > 20
    for reader, read in readers.values():
        inputs = [located(name, RESULTS) for name in reader.inputs]
        assert refused(inputs) == ""
        maker = made_by[read]
        others = {path.name: path for path in others_of(maker, found)}
        for name in maker.outputs:
            path = located(name, RESULTS)
            kept = path.read_bytes()
            damages = [cut, edit, Path.unlink]
            if path.name in others and others[path.name].read_bytes() != kept:
                damages.append(lambda own, other=others[path.name]: shutil.copy(other, own))
            for damage in damages:
                damage(path)
                said = refused(inputs)
                assert str(path) in said and "run again" in said, (reader.stage, name, said)
                path.write_bytes(kept)


def others_of(maker, found):
    same = [one for one in found if one.stage == maker.stage and one.of != maker.of]
    return [located(name, RESULTS) for one in same for name in one.outputs]


RUN = "runs/smoke_de_en/transformer/none/seed1"


@pytest.mark.parametrize(
    ("name", "rule", "reader"),
    [
        ("data/smoke_de_en/text/summary.json", "prepare_text", "data/smoke_de_en/text/subwords/summary.json"),
        ("data/smoke_de_en/binary/binary.json", "binarize_text", f"{RUN}/model.pt"),
        (f"{RUN}/model.pt", "train_translation", f"{RUN}/predictions/test.tokens.npz"),
        (f"{RUN}/predictions/test.hypotheses.tsv", "predict_translation", f"{RUN}/run.json"),
        (f"{RUN}/run.json", "measure_translation", "tables/a_table_translation.json"),
        ("runs/smoke_digits/mlp/none/predictions.json", "predict_images", "runs/smoke_digits/mlp/none/run.json"),
        ("tables/a_table_translation.json", "collect_artefact", "ledger.json"),
    ],
)
def test_the_same_command_makes_a_deleted_file_again_and_nothing_before_it(copied, planned, name, rule, reader):
    planned()  # dates in order
    for one in (name, reader):  # Snakemake deletes the outputs of a job that stopped
        (copied / RESULTS / one).unlink()
    assert [*planned(str(RESULTS / reader))[0].values()] == [1, 1]
    assert planned(str(RESULTS / reader))[0][rule] == 1
