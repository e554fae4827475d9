"""The loop: equal to a plain one, the same bits in every group and after every kill, and what it writes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from entropyreg.experiments.images import image_regularizer_of
from entropyreg.images import teachers
from entropyreg.images.data.preparation import load_prepared, prepare_images
from entropyreg.images.engines import Accelerated, Plain
from entropyreg.images.models import build_model
from entropyreg.images.prediction import predict_images
from entropyreg.images.runs import load_group
from entropyreg.images.streams import Streams, stream
from entropyreg.images.training import Training, train_image_run
from entropyreg.io.errors import UserError
from entropyreg.regularizers.registry import kinds

ALEXNET = {
    "model": {"kind": "alexnet", "channels": 4, "dense": [12, 10]},
    "normalisation": "per_image",
    "seeds": [1, 2],
    "epochs": 1,
    "optimiser": {
        "lr": 0.05,
        "momentum": 0.9,
        "nesterov": True,
        "loss_factor": 3,
        "clip": 1.0,
        "average": 0.99,
        "weight_decay": {"coefficient": 0.004, "layers": ["dense1", "dense2"]},
        "schedule": {"kind": "step", "drop_at": [0.5, 0.75]},
    },
}


RESNET = ALEXNET | {"model": {"kind": "resnet", "layers": 8, "widths": [8, 8, 8], "stem": 4}}
RESNET["optimiser"] = ALEXNET["optimiser"] | {"weight_decay": {"coefficient": 1e-4, "layers": "all"}}


def train(settings, data, folder, **arguments):
    train_image_run(settings, data, folder, 1, **arguments)
    return torch.load(folder / "model.pt"), json.loads((folder / "training.json").read_text())


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def plain_losses(settings, prepared, seed, count):
    """The same training for one seed, as one would write it: a loop over images, torch's layers and optimiser."""
    images, labels = torch.from_numpy(prepared.parts["train"].images), torch.from_numpy(prepared.parts["train"].labels)
    streams, losses, update = Streams([seed]), [], 0
    order_stream, augmentation = streams["order"][0], streams["augmentation"][0]
    model = build_model(settings["model"], images.shape[1:], 10, streams["initial"][0])
    groups = [{"params": model.hidden.parameters(), "lr": 1.0}, {"params": model.classifier.parameters(), "lr": 0.1}]
    sgd = torch.optim.SGD(groups, momentum=0.9, dampening=0.9)
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    per_epoch = len(images) // settings["batch"]
    total = per_epoch * settings["epochs"]
    while True:
        order = torch.randperm(len(images), generator=order_stream)
        rows, columns = (torch.randint(3, (len(images),), generator=augmentation) for _ in range(2))
        for number in range(per_epoch):
            if update == count:
                return losses
            batch, chosen = [], range(number * settings["batch"], (number + 1) * settings["batch"])
            for position in chosen:
                padded = F.pad(images[order[position]].float() / 255, (1, 1, 1, 1))
                batch.append(padded[:, rows[position] :][:, :8, columns[position] :][:, :, :8])
            logits = model(torch.stack(batch), streams["dropout"][0])
            loss = F.cross_entropy(logits, labels[order[list(chosen)]], label_smoothing=0.1)
            for group, factor in zip(sgd.param_groups, (1.0, 0.1), strict=True):
                group["lr"] = factor * (1 - update / total)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
            update += 1


def test_fifty_updates_are_those_of_a_plain_loop(digits, settings, tmp_path):
    settings = settings | {"epochs": 6}
    training = Training(settings, load_prepared(digits), tmp_path, Plain())
    ours = []
    for epoch in range(5):
        for number, batch in enumerate(training.batches(10)):
            ours.append(training.train_on(training.group, batch, 10 * epoch + number))
    ours = torch.stack(ours).numpy()  # (50, S)
    for position, seed in ((0, 1), (4, 5)):
        plain = plain_losses(settings, load_prepared(digits), seed, 50)
        np.testing.assert_allclose(ours[:, position], plain, rtol=2e-4)
    assert ours[-1].max() < 0.8 * ours[0].min()  # it learns


@pytest.mark.parametrize("changes", [{}, ALEXNET, RESNET])
def test_a_seed_has_the_same_bits_alone_in_pairs_and_again(digits, settings, tmp_path, changes):
    settings = settings | changes
    together, outcome = train(settings, digits, tmp_path / "all")
    alone, _ = train(settings | {"seeds": [2]}, digits, tmp_path / "alone")
    pair, _ = train(settings | {"seeds": [7, 2]}, digits, tmp_path / "pair")
    again, outcome_again = train(settings, digits, tmp_path / "again")
    assert_same_bits(alone["seed2"], together["seed2"])
    assert_same_bits(pair["seed2"], together["seed2"])
    for seed in settings["seeds"]:
        assert_same_bits(together[f"seed{seed}"], again[f"seed{seed}"])
    assert outcome == outcome_again
    assert not torch.equal(together["seed1"]["classifier.weight"], together["seed2"]["classifier.weight"])


def test_two_threads_keep_the_bits_of_a_seed_in_every_group(digits, settings, tmp_path):
    """Batched products alone do not: threads share out the seeds of a group, and the rows of a single seed."""
    settings = {key: value for key, value in settings.items() if key != "epochs"} | {"updates": 4}
    settings["model"] = settings["model"] | {"hidden": [800, 500]}
    weights = {}
    for name, seeds in (("alone", [2]), ("group", [1, 2, 3])):
        train_image_run(settings | {"seeds": seeds}, digits, tmp_path / name, 2)
        weights[name] = torch.load(tmp_path / name / "model.pt")["seed2"]
    assert_same_bits(weights["alone"], weights["group"])


def test_training_learns_digits(digits, settings, tmp_path):
    settings["optimiser"]["last_layer_factor"] = 1.0
    changes = {"epochs": 12, "validate_every": 5, "augmentation": {}, "seeds": [1, 2]}
    _, outcome = train(settings | changes, digits, tmp_path)
    assert [entry["epoch"] for entry in outcome["validations"]] == [5, 10, 12]
    assert outcome["updates"] == 120
    assert min(outcome["validations"][-1]["valid_accuracy"]) > 0.8


COMMAND = """
import json, os, sys
from pathlib import Path
from entropyreg.images import training
settings, data, folder, slow = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] == "slow"
if slow:  # wait inside the third epoch: whoever kills us there finds the checkpoint of the second
    plain = training.Training.train_on
    def train_on(self, network, batch, update):
        if update == 25:
            (folder / "waiting").touch()
            __import__("time").sleep(600)
        return plain(self, network, batch, update)
    training.Training.train_on = train_on
training.train_image_run(settings, data, folder, 1)
"""


OWN = {"seeds": [1, 2]}  # with a regularizer of the user's


def own_regularizer(folder):
    """The settings of the regularizer that docs/own_regularizer.md declares, from a file in the folder."""
    page = (Path(__file__).parents[3] / "docs" / "own_regularizer.md").read_text(encoding="utf-8")
    (folder / "power.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    arm = {"regularizer": "power", "order": 1.5, "strength": 0.5}
    return image_regularizer_of(arm, "here", kinds([str(folder / "power.py")])).settings


@pytest.mark.parametrize("changes", [{}, OWN, pytest.param(RESNET | {"epochs": 4}, marks=pytest.mark.slow)])
def test_killed_and_resumed_the_weights_are_bit_identical(digits, settings, tmp_path, changes):
    settings = settings | {"epochs": 4} | changes
    if changes is OWN:
        settings["regularizer"] = own_regularizer(tmp_path)
    whole, outcome = train(settings, digits, tmp_path / "whole")
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", COMMAND, json.dumps(settings), str(digits), str(folder), "slow"]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 300
    while not (folder / "waiting").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (folder / "checkpoints" / "last.pt").exists() and not (folder / "model.pt").exists()
    resumed, outcome_resumed = train(settings, digits, folder)
    assert json.loads((folder / "training.provenance.json").read_text())["resumed_from_epoch"] == 2
    for seed in settings["seeds"]:
        assert_same_bits(resumed[f"seed{seed}"], whole[f"seed{seed}"])
    assert outcome_resumed == outcome
    recipe = json.loads((tmp_path / "whole" / "checkpoints" / "recipe.json").read_text())
    assert recipe["settings"]["regularizer"] == settings["regularizer"]


class Stopped(Exception):
    """Stands for a kill."""


def stop_at(update):
    """A `train_on` that ends there as a kill would: nothing more is written."""
    own = Training.train_on

    def train_on(self, network, batch, reached):
        if reached == update:
            raise Stopped
        return own(self, network, batch, reached)

    return train_on


def test_stopped_and_resumed_the_average_of_the_weights_is_that_of_the_whole(digits, settings, tmp_path, monkeypatch):
    settings = settings | {"seeds": [1], "optimiser": settings["optimiser"] | {"average": 0.95}}
    whole, _ = train(settings, digits, tmp_path / "whole")
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Training, "train_on", stop_at(25))
        train(settings, digits, tmp_path / "stopped")
    resumed, _ = train(settings, digits, tmp_path / "stopped")
    assert_same_bits(resumed["seed1"], whole["seed1"])


@pytest.mark.parametrize("student", [False, True])
def test_resumed_with_other_threads_all_is_computed_with_those_of_the_first(
    digits, settings, tmp_path, monkeypatch, capsys, student
):
    """Whether one thread and two differ in bits depends on the processor, so the threads themselves are watched."""
    settings = settings | {"seeds": [1], "epochs": 2}
    teacher, computing = {}, []
    if student:
        train(settings | {"epochs": 1}, digits, tmp_path / "teacher")
        teacher = {"teacher_dir": tmp_path / "teacher"}
        settings |= {"distillation": {"loss": "soft", "weight": 1.0, "temperature": 2.0, "teacher_sees": "own_view"}}
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    train_image_run(settings, digits, whole, 2, **teacher)
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Training, "train_on", stop_at(15))
        train_image_run(settings, digits, folder, 2, **teacher)
    capsys.readouterr()
    with monkeypatch.context() as patched:
        own_update, own_answers = Training.train_on, teachers.teacher_logits
        patched.setattr(Training, "train_on", lambda *of: computing.append(threads_of("student")) or own_update(*of))
        patched.setattr(
            teachers, "teacher_logits", lambda *of: computing.append(threads_of("teacher")) or own_answers(*of)
        )
        train_image_run(settings, digits, folder, 1, **teacher)
    assert "was made with 2 threads: training goes on with 2, not with 1.\n" in capsys.readouterr().err
    provenance = json.loads((folder / "training.provenance.json").read_text())
    assert (provenance["resumed_from_epoch"], provenance["threads"]) == (1, 2)
    assert {one for one in computing if one[0] == "student"} == {("student", 2)}
    asked = [one for one in computing if one[0] == "teacher"]  # what it answered before the recipe was read, again
    assert asked == ([("teacher", 1), ("teacher", 2)] if student else [])
    assert (whole / "training.json").read_bytes() == (folder / "training.json").read_bytes()


def threads_of(name):
    return name, torch.get_num_threads()


def test_checkpoints_of_other_settings_are_set_aside_but_a_new_name_keeps_them(digits, settings, tmp_path):
    def resumed_from(**changes):
        train(settings | {"seeds": [1], "epochs": 2} | changes, digits, tmp_path)
        return json.loads((tmp_path / "training.provenance.json").read_text())["resumed_from_epoch"]

    assert resumed_from() == 0
    assert resumed_from(run="another name", checkpoint_seconds=5) == 2
    assert resumed_from(batch=58) == 0


def test_a_damaged_checkpoint_costs_nothing_but_time(digits, settings, tmp_path):
    settings = settings | {"seeds": [1], "epochs": 2}
    whole, _ = train(settings, digits, tmp_path)
    checkpoint = tmp_path / "checkpoints" / "last.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-50])
    again, _ = train(settings, digits, tmp_path)
    assert_same_bits(whole["seed1"], again["seed1"])


def test_updates_may_end_a_training_inside_an_epoch(digits, settings, tmp_path):
    settings = {key: value for key, value in settings.items() if key != "epochs"} | {"updates": 13, "seeds": [1]}
    _, outcome = train(settings, digits, tmp_path)
    assert [entry["update"] for entry in outcome["validations"]] == [10, 13]


def test_divergence_names_run_and_seed(digits, settings, tmp_path):
    settings["optimiser"]["lr"] = 1e30
    with pytest.raises(UserError, match=r"run 'digits/mlp', seed 1, diverged after update 0 and before update 10"):
        train(settings, digits, tmp_path)


def test_wrong_settings_are_named(digits, settings, tmp_path):
    with pytest.raises(UserError, match="unknown key 'epoch'"):
        train(settings | {"epoch": 3}, digits, tmp_path)
    with pytest.raises(UserError, match="either 'epochs' or 'updates'"):
        train(settings | {"updates": 3}, digits, tmp_path)
    thin = RESNET | {"model": RESNET["model"] | {"widths": [4, 8, 8]}}
    with pytest.raises(UserError, match=r"model\.widths\.0 is 4; allowed: >= 8"):
        train(settings | thin, digits, tmp_path)
    with pytest.raises(UserError, match="batch is 598"):
        train(settings | {"batch": 598}, digits, tmp_path)
    with pytest.raises(UserError, match="distillation and a teacher's folder"):
        train(settings, digits, tmp_path, teacher_dir=tmp_path)


@pytest.fixture
def teacher(digits, settings, tmp_path):
    train(settings, digits, tmp_path / "teacher")
    return tmp_path / "teacher"


def test_a_student_of_the_teacher_alone_comes_to_give_its_logits(digits, settings, teacher, tmp_path):
    group, _ = load_group(teacher)
    student = settings | {"augmentation": {}, "epochs": 40, "seeds": [3, 5], "regularizer": {"kind": "none"}}
    student["model"] = {"kind": "mlp", "hidden": [40, 40], "init_std": 0.1}
    student["optimiser"] = settings["optimiser"] | {"lr": 0.6, "last_layer_factor": 0.2}
    student["distillation"] = {"loss": "logits", "weight": 1.0, "over": "sum"}
    _, outcome = train(student, digits, tmp_path / "student", teacher_dir=teacher)
    losses = [entry["train_loss"] for entry in outcome["validations"]]
    assert max(losses[-1]) < 0.2 * min(losses[0])
    x = torch.from_numpy(load_prepared(digits).parts["valid"].images).float() / 255
    pupils, _ = load_group(tmp_path / "student")
    differences = (pupils.outputs(x)[0] - group.outputs(x)[0][[2, 4]]).square().mean((1, 2))
    crossed = (pupils.outputs(x)[0] - group.outputs(x)[0][[4, 2]]).square().mean((1, 2))
    assert (differences < crossed).all()  # each seed learns from the teacher of its own seed


@pytest.mark.parametrize("sees", ["student_view", "own_view"])
def test_teachers_give_logits_for_the_chosen_view(digits, settings, teacher, tmp_path, sees):
    distillation = {"loss": "soft", "weight": 1.0, "temperature": 2.0, "teacher_sees": sees, "teacher_seed": 4}
    student = settings | {"distillation": distillation, "seeds": [1, 2]}
    training = Training(student, load_prepared(digits), tmp_path / "s", Plain(), teacher_dir=teacher)
    batch = next(iter(training.batches(1)))
    model, _ = load_group(teacher, [4])
    clean = training.views["train"](batch.index[1])
    expected = model((clean if sees == "own_view" else batch.images[1])[None])[0]
    torch.testing.assert_close(training.teacher(batch.index, batch.images)[1], expected)


def test_predictions_are_the_outputs_of_the_network(digits, settings, teacher):
    options = {"train_images": 50, "feature_classes": [3, 7], "features_per_class": 4}
    predict_images({"device": "cpu", "prediction": options}, digits, teacher, ["train", "valid"], 1)
    folder = teacher / "predictions" / "seed2"
    valid, templates = np.load(folder / "valid.images.npz"), np.load(folder / "templates.npz")
    assert valid["logits"].shape == (200, 10) and valid["logits"].dtype == np.float32
    assert np.load(folder / "train.images.npz")["logits"].shape == (50, 10)
    rows = valid["feature_rows"]
    assert sorted(valid["labels"][rows].tolist()) == [3] * 4 + [7] * 4
    assert valid["features"].dtype == np.float16
    rebuilt = valid["features"].astype(np.float64) @ templates["weights"].T + templates["biases"]
    np.testing.assert_allclose(rebuilt, valid["logits"][rows], atol=0.02)
    accuracy = (valid["logits"].argmax(1) == valid["labels"]).mean()
    history = json.loads((teacher / "training.json").read_text())["validations"]
    assert accuracy == pytest.approx(history[-1]["valid_accuracy"][1])


def test_trajectories_are_repeatable_and_disturb_nothing(digits, settings, tmp_path):
    followed = settings | {"trajectory": {"classes": [0, 6], "images": 5, "draws": 3, "every": 10}}
    with_it, _ = train(followed, digits, tmp_path / "with")
    without, _ = train(settings, digits, tmp_path / "without")
    assert_same_bits(with_it["seed1"], without["seed1"])
    kept = np.load(tmp_path / "with" / "predictions" / "seed1" / "trajectory.npz")
    assert kept["updates"].tolist() == [10, 20, 30] and kept["labels"].tolist() == [0] * 5 + [6] * 5
    assert kept["logits"].shape == (3, 3, 10, 2)
    assert (kept["logits"][:, 0] != kept["logits"][:, 1]).any()  # draws differ
    view_settings = followed | {"seeds": [1]}
    train(view_settings, digits, tmp_path / "alone")
    again = np.load(tmp_path / "alone" / "predictions" / "seed1" / "trajectory.npz")
    assert np.array_equal(kept["logits"], again["logits"])


@pytest.fixture
def accelerate():
    """The package; its state, one a process, is forgotten before and after."""
    from accelerate.state import AcceleratorState as state

    state._reset_state(True)
    yield
    state._reset_state(True)


def test_stored_images_are_trained_on_and_predicted(tmp_path):
    for part, count in (("train", 12), ("val", 3)):
        for synset, shade in (("n1", 60), ("n2", 190)):
            folder = tmp_path / "data" / "imagenet" / part / synset
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (24, 20), (shade, shade, shade + number)).save(folder / f"{number:02d}.JPEG")
    split = {"validation": 4, "train": None, "test": None, "seed": 0}
    prepare_images({"dataset": "imagenet", "split": split}, tmp_path / "prepared", tmp_path / "data")
    changes = {"augmentation": {"crop": 16}, "normalisation": "symmetric", "seeds": [1, 2], "batch": 5, "epochs": 15}
    settings = {"run": "stored", "device": "cpu", "regularizer": {"kind": "none"}, **ALEXNET, **changes}
    settings["optimiser"] = {"lr": 0.02, "momentum": 0.9, "loss_factor": 3, "schedule": {"kind": "constant"}}
    arguments = {"data_dir": tmp_path / "data"}
    once, _ = train(settings, tmp_path / "prepared", tmp_path / "run", **arguments)
    again, _ = train(settings, tmp_path / "prepared", tmp_path / "again", **arguments)
    assert_same_bits(once["seed2"], again["seed2"])
    predict_images({"device": "cpu"}, tmp_path / "prepared", tmp_path / "run", ["test"], 1, tmp_path / "data")
    test = np.load(tmp_path / "run" / "predictions" / "seed1" / "test.images.npz")
    assert test["logits"].shape == (6, 2)
    assert (test["logits"].argmax(1) == test["labels"]).all()


def test_accelerate_without_lower_precision_gives_the_plain_loops_bits(digits, settings, tmp_path, accelerate):
    weights = {}
    for name, engine in (("plain", Plain()), ("accelerate", Accelerated("cpu", "float32"))):
        training = Training(settings | {"seeds": [1, 2]}, load_prepared(digits), tmp_path / name, engine)
        training.run()
        weights[name] = torch.load(tmp_path / name / "model.pt")
    assert_same_bits(weights["plain"]["seed1"], weights["accelerate"]["seed1"])


def test_bfloat16_trains_nearly_as_float32(digits, settings, tmp_path, accelerate):
    outcomes = [
        train(settings | {"seeds": [1], "precision": precision, "epochs": 8}, digits, tmp_path / precision)[1]
        for precision in ("float32", "bfloat16")
    ]
    accuracies = [outcome["validations"][-1]["valid_accuracy"][0] for outcome in outcomes]
    assert accuracies[1] == pytest.approx(accuracies[0], abs=0.05)


def test_without_accelerate_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(UserError, match="pip install accelerate"):
        Accelerated("cpu", "bfloat16")


def test_streams_differ_by_purpose_and_seed():
    starts = [stream(purpose, seed).initial_seed() for purpose in ("order", "initial") for seed in (1, 2)]
    assert len(set(starts)) == 4
    assert stream("order", 1).initial_seed() == starts[0]
