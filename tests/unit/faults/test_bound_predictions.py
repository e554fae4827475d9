"""Predictions of text and images, exchanged, edited, cut or deleted: one sentence names the file to delete, and the
stages that Snakemake would then run make the same record again."""

import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from damage import checked, run_stage
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from made_runs import CLAIMS
from test_advice import deleted_by

from entropyreg.data.subwords import FOLDER
from entropyreg.experiments import Regularizer
from entropyreg.images.data.preparation import prepare_images
from entropyreg.io import predicted_files
from entropyreg.io.files import read_json, sha256_of, write_json
from entropyreg.io.trained_weights import digest_of
from entropyreg.translation.binarization import binarize
from entropyreg.translation.command import training_arguments

LANGUAGES = {"source": "xx", "target": "yy"}
MODEL = {"arch": "transformer", "layers": 1, "embed_dim": 16, "ffn_dim": 16, "attention_heads": 2, "dropout": 0.1}
MODEL |= {"optimizer": "adam", "lr": 1e-3, "max_tokens": 100, "max_update": 1, "precision": "fp32"}
MODEL |= {"share_embeddings": "all", "selection": "last"}
DECODING = {"beam": 2, "length_penalty": 1.0, "max_length_factor": 0, "max_length_offset": 6, "max_tokens": 150}
TRAINED = {"languages": LANGUAGES, "model": MODEL, "seed": 1, "device": "cpu", "regularizer": asdict(Regularizer())}
TEMPERATURES = {"temperatures": [0.7, 1], "sentences": None, "calibration_tokens": 20, "triplets": [["a", "b", "c"]]}
TEMPERATURES |= {"grid": {"low": 0.5, "high": 2, "points": 3}}
STAGES = ("valid", "test", "valid.beams", "valid.temperatures", "test.temperatures")
EXCHANGED = ("valid", "valid.temperatures")  # what the second run of text has, too
TEXT_RUNS = ("t/m/none/seed1", "t/m/other/seed1")
IMAGE_RUNS = ("d/mlp/none", "d/mlp/other")
MEASURED = {"metric": "bleu", "subwords": "none", "target_language": "en", "lowercase": False, "selection": "last"}
MEASURED |= {"task": "t", "model": "m", "seed": 1, "bleu_as_published": "tokenized", "splits": ["valid", "test"]}
MEASURED |= {"beam_sizes": [1, 2], "temperatures": [0.7, 1], "temperature_splits": ["valid", "test"], "triplets": []}
MEASURED |= {"sweep_sentences": {"beam_sizes": 3, "temperatures": None}, "training": TRAINED}
IMAGES = {"device": "cpu", "model": {"kind": "mlp", "hidden": [5], "init_std": 0.3}, "normalisation": "unit"}
IMAGES |= {
    "augmentation": {},
    "regularizer": {"kind": "none"},
    "optimiser": {"lr": 0.5, "schedule": {"kind": "linear"}},
}
IMAGES |= {"batch": 50, "epochs": 1}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """text/ with its subwords, binary/, and runs/ of two sets of random weights, of which the first is measured."""
    folder, generator = tmp_path_factory.mktemp("text"), random.Random(1)
    lines = "".join(f"{' '.join(generator.choices('abcdefghijkl', k=6))}\n" for _ in range(6))
    for place in (folder / "text", folder / "text" / FOLDER):
        place.mkdir()
        names = [f"{split}.{end}" for split in ("train", "valid", "test") for end in ("xx", "yy", "reference")]
        for name in names:
            (place / name).write_text(lines)
        write_json(place / "summary.json", {"outputs_sha256": {name: sha256_of(place / name) for name in names}})
    binarize({"languages": LANGUAGES, "joined_dictionary": True}, folder / "text" / FOLDER, folder / "binary")
    for seed, run in zip((0, 2), TEXT_RUNS, strict=True):
        run_dir = folder / "runs" / run
        run_dir.mkdir(parents=True)
        write_weights(folder, run, seed)
        write_json(run_dir / "training.provenance.json", {"seconds": 1.0})
        for what in STAGES if run == TEXT_RUNS[0] else EXCHANGED:
            assert predict_text(folder, run, what) is None
    assert (told := measure_text(folder, TEXT_RUNS[0])) is None, told
    return folder


def write_weights(folder, run, seed):
    """Random weights of the model, as `model.pt` and `training.json` of the run."""
    run_dir = folder / "runs" / run
    torch.manual_seed(seed)
    arguments = training_arguments({"run": run, **TRAINED}, folder / "binary", "unused")
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(config.common)
    model = tasks.setup_task(config.task).build_model(config.model)
    torch.save(model.state_dict(), run_dir / "model.pt")
    outcome = {"run": run, "updates": 1, "regularizer": TRAINED["regularizer"]}
    write_json(run_dir / "training.json", outcome | {"weights_sha256": digest_of(model.state_dict())})


def predict_text(folder, run, what):
    split, _, sweep = what.partition(".")
    settings = {"run": run, **TRAINED, "decoding": DECODING}
    further = {
        "": {"log_thresholds": [-10], "floor_factors": [1]},
        "beams": {"beam_sizes": [1, 2], "sentences": 3},
        "temperatures": TEMPERATURES,
    }[sweep]
    command = "predict" + (f"-{sweep}" if sweep else "")
    arguments = ["--settings", json.dumps(settings | further), "--binary", folder / "binary"]
    splits = [] if sweep == "beams" else ["--split", split]
    return run_stage(command, *arguments, "--run-dir", folder / "runs" / run, *splits)


def measure_text(folder, run):
    settings = MEASURED | {"run": run, "decoding": {split: DECODING for split in ("valid", "test")}}
    paths = ["--text", folder / "text", "--run-dir", folder / "runs" / run, "--claims", CLAIMS]
    return run_stage("measure", "--settings", json.dumps(settings), *paths)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """data/ and runs/ of two small trainings of digits, predicted and measured by the stages."""
    folder = tmp_path_factory.mktemp("images")
    split = {"validation": 200, "train": 100, "test": 100, "seed": 0}
    prepare_images({"dataset": "digits", "split": split}, folder / "data")
    for seed, run in enumerate(IMAGE_RUNS, start=1):
        settings = json.dumps(IMAGES | {"run": run, "seeds": [seed, 3]})
        paths = ["--data", folder / "data", "--run-dir", folder / "runs" / run]
        assert run_stage("train-images", "--settings", settings, *paths) is None
        assert predict_images(folder, run) is None and measure_images(folder, run) is None
    return folder


def predict_images(folder, run):
    settings = json.dumps({"run": run, "device": "cpu", "splits": ["train", "valid", "test"]})
    return run_stage(
        *("predict-images", "--settings", settings, "--data", folder / "data", "--run-dir", folder / "runs" / run)
    )


def measure_images(folder, run):
    settings = {"run": run, "task": "d", "model": "mlp", "splits": ["train", "valid", "test"], "teacher": None}
    settings |= {"measures": ["calibration", "teaching", "clusters"], "triplets": [], "triplet_points": 1}
    paths = ["--data", folder / "data", "--run-dir", folder / "runs" / run, "--claims", CLAIMS]
    return run_stage("measure-images", "--settings", json.dumps(settings), *paths)


@pytest.fixture
def copied(request, tmp_path):
    return Path(shutil.copytree(request.getfixturevalue(request.param), tmp_path / "copied"))


def exchanged(path, other):
    kept = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def edited(path, _):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path, _):
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def deleted(path, _):
    path.unlink()


DAMAGES = (exchanged, edited, cut, deleted)


def refused_with(damage, path, other, measure):
    """Damages a file, or exchanges it with that of another run; returns how measuring refuses it, and restores it."""
    whole = {one: one.read_bytes() for one in (path, other)}
    damage(path, other)
    told = checked(measure(), (" is missing or not what was predicted",))
    for one, content in whole.items():
        one.write_bytes(content)
    return told


@pytest.mark.parametrize("copied", ["text"], indirect=True)
@pytest.mark.parametrize("what", STAGES)
def test_changed_predictions_of_text_are_reported_and_made_again(copied, what):
    folder, other = (copied / "runs" / run for run in TEXT_RUNS)
    names, sums = predicted_files.files_of(what), folder / "predictions" / predicted_files.sums_of(what)
    record = (folder / "measures.csv").read_bytes()
    for path in (folder / "predictions" / name for name in names):
        for damage in DAMAGES if what in EXCHANGED else DAMAGES[1:]:
            beside = other / "predictions" / path.name if what in EXCHANGED else path
            told = refused_with(damage, path, beside, lambda: measure_text(copied, TEXT_RUNS[0]))
            assert deleted_by(told, path) == sums
        path.unlink()
    assert predict_text(copied, TEXT_RUNS[0], what) is None and measure_text(copied, TEXT_RUNS[0]) is None
    assert (folder / "measures.csv").read_bytes() == record


@pytest.mark.parametrize("copied", ["images"], indirect=True)
def test_changed_predictions_of_images_are_reported_and_made_again(copied):
    folder = copied / "runs" / IMAGE_RUNS[0]
    own, other = folder / "predictions/seed3", folder / "predictions/seed1"  # the two runs' seeds 3 are the same
    record = (folder / "measures.csv").read_bytes()
    for name in (*(f"{split}.images.npz" for split in ("train", "valid", "test")), "templates.npz"):
        for damage in DAMAGES:
            beside = other / name
            told = refused_with(damage, own / name, beside, lambda: measure_images(copied, IMAGE_RUNS[0]))
            assert deleted_by(told, own / name) == folder / "predictions.json"
        (own / name).unlink()
    assert predict_images(copied, IMAGE_RUNS[0]) is None and measure_images(copied, IMAGE_RUNS[0]) is None
    assert (folder / "measures.csv").read_bytes() == record


@pytest.mark.parametrize("copied", ["text"], indirect=True)
def test_test_is_not_predicted_at_temperatures_that_another_run_chose(copied):
    run, other = TEXT_RUNS
    paths = [copied / "runs" / one / "predictions" / "valid.temperatures.npz" for one in (run, other)]
    exchanged(*paths)
    told = checked(predict_text(copied, run, "test.temperatures"), (f"{paths[0]} is missing or not",))
    assert deleted_by(told, paths[0]) == paths[0].with_name("valid.temperatures.sums.json")


@pytest.mark.parametrize("copied", ["images"], indirect=True)
@pytest.mark.parametrize("damaged", IMAGE_RUNS, ids=["teacher", "matched to"])
def test_a_student_is_matched_by_the_predictions_of_two_runs(copied, damaged):
    teacher, matched = (copied / "runs" / run for run in IMAGE_RUNS)
    distillation = {"teacher": IMAGE_RUNS[0], "loss": "soft", "weight": 1.0, "teacher_seed": 3}
    settings = json.dumps(IMAGES | {"run": "d/mlp/student", "seeds": [5], "distillation": distillation})
    folders = ["--run-dir", copied / "student", "--teacher", teacher, "--matched-to", matched]
    path = copied / "runs" / damaged / "predictions/seed3/train.images.npz"
    whole = path.read_bytes()
    edited(path, None)
    arguments = ["train-images", "--settings", settings, "--data", copied / "data", *folders]
    assert deleted_by(checked(run_stage(*arguments), (str(path),)), path) == copied / f"runs/{damaged}/predictions.json"
    path.write_bytes(whole)
    other = copied / "runs" / IMAGE_RUNS[IMAGE_RUNS[0] == damaged]
    shutil.copytree(other, copied / "runs" / damaged, dirs_exist_ok=True)
    told = checked(run_stage(*arguments), (f"{damaged}/training.json is of the run",))
    assert deleted_by(told, copied / "runs" / damaged / "training.json").name == "training.json"


KINDS = {
    "text": (TEXT_RUNS, predicted_files.sums_of("valid.temperatures"), measure_text),
    "images": (IMAGE_RUNS, f"../{predicted_files.IMAGES}", measure_images),
}


def parts(kind, copied):
    """The folders of the two runs' predictions, the path of a file of sums there, and measuring of the first run."""
    runs, name, measure = KINDS[kind]
    folders = [copied / "runs" / run / "predictions" for run in runs]
    path = (folders[0] / name).parent.resolve() / Path(name).name
    return folders, path, lambda: measure(copied, runs[0])


@pytest.mark.parametrize(("kind", "copied"), [("text", "text"), ("images", "images")], indirect=["copied"])
def test_all_predictions_of_another_run_are_refused(kind, copied):
    """Both runs' predictions with their sums, which fit each other."""
    (own, other), _, measure = parts(kind, copied)
    for first, second in ((own, other), (own.with_suffix(".json"), other.with_suffix(".json"))):
        if first.exists():
            first.rename(first.with_name("kept"))
            second.rename(first)
            first.with_name("kept").rename(second)
    runs = KINDS[kind][0]
    told = checked(measure(), (f"is of the run '{runs[1]}', not of '{runs[0]}': delete it and run again.",))
    assert str(own) in told


@pytest.mark.parametrize(("kind", "copied"), [("text", "text"), ("images", "images")], indirect=["copied"])
def test_predictions_of_other_weights_are_refused(kind, copied):
    """The run was trained again, to other weights, and not predicted with."""
    (own, _), _, measure = parts(kind, copied)
    training = read_json(own.parent / "training.json")
    write_json(own.parent / "training.json", {**training, "weights_sha256": "0" * 64})
    told = checked(measure(), (" is of other weights than ",))
    assert f"{own.parent}/training.json describes: delete it and run again." in told and ".json is of other" in told


@pytest.mark.parametrize(("kind", "copied"), [("text", "text"), ("images", "images")], indirect=["copied"])
def test_an_edited_outcome_of_training_is_refused(kind, copied):
    """Its weights are those that were predicted with, another number is not."""
    (own, _), _, measure = parts(kind, copied)
    path = own.parent / "training.json"
    write_json(path, {**read_json(path), "updates": 12345})
    assert deleted_by(checked(measure(), (f"{path} is not the one that",)), path) == path


@pytest.mark.parametrize(("kind", "copied"), [("text", "text"), ("images", "images")], indirect=["copied"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"files": {}}', b"{\xff"], ids=repr)
def test_a_damaged_file_of_sums_is_to_be_deleted_itself(kind, copied, content):
    _, path, measure = parts(kind, copied)
    path.write_bytes(content)
    assert deleted_by(checked(measure(), (str(path),)), path) == path


@pytest.mark.parametrize(("kind", "copied"), [("text", "text"), ("images", "images")], indirect=["copied"])
def test_a_file_without_a_sum_is_not_read(kind, copied):
    _, path, measure = parts(kind, copied)
    sums = read_json(path)
    lost = next(name for name in sums["files"] if "train" in name or "features" in name)
    del sums["files"][lost]
    write_json(path, sums)
    assert deleted_by(checked(measure(), (f"{path} has no sum of {lost}",)), path) == path
