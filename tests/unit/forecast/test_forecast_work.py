"""The cost of a run, counted by hand for tiny experiments."""

import math

import pytest

from entropyreg.experiments import Experiments, Regularizer, Run
from entropyreg.experiments.images import ImageRegularizer, ImageRun, Teaching
from entropyreg.forecast.devices import Device, Work
from entropyreg.forecast.image_work import image_cost
from entropyreg.forecast.sizes import ImageSize, TextSize
from entropyreg.forecast.text_networks import text_network
from entropyreg.forecast.text_work import text_cost, training_length

IMAGES = ImageSize({"train": 105, "valid": 50, "test": 30}, (1, 2, 2), 2, prepared=False)
TINY = {"kind": "mlp", "hidden": [3]}  # 36 operations forward, 84 forward and backward
SPLITS = ("train", "valid", "test")
TEXTS = TextSize(
    {"train": 1000, "valid": 40, "test": 20},
    dict.fromkeys(SPLITS, 4.0),
    dict.fromkeys(SPLITS, 5.0),
    (7, 7),
    prepared=False,
)


def image_config(**model):
    described = {"model": TINY, "batch": 10, "epochs": 2, "augmentation": {}, "optimiser": {}, **model}
    return {
        "image_tasks": {"dots": {"dataset": "digits", "prediction": {"features_per_class": 4}}},
        "image_models": {"tiny": described, "teacher": {**described, "model": {"kind": "mlp", "hidden": [5]}}},
    }


def test_an_image_run_by_hand():
    run = ImageRun("dots", "tiny", ImageRegularizer(), (1, 2), test=True)
    cost = image_cost(image_config(), Experiments({}, {}), run, IMAGES)
    training, validation = cost.training
    assert cost.updates == 20  # 105 images are 10 whole batches
    assert training.operations == 2 * 20 * 10 * 84
    assert training.products == 3 * 20 * 2  # both seeds in one product
    assert validation.operations == 2 * (2 * 50 * 36)
    assert sum(work.operations for work in cost.predicting) == 2 * (105 + 50 + 30) * 36
    weights = 4 * 3 + 3 + 3 * 2 + 2
    assert cost.bytes["model"] == 2 * 4 * weights
    assert cost.bytes["checkpoints"] == 2 * 4 * weights * 2  # a momentum each
    assert cost.bytes["predictions"] == 2 * (185 * (4 * 2 + 8) + 3 * 2 * 4 * (2 * 3 + 8))


def test_convolutions_of_several_seeds_are_called_one_after_another():
    model = {"kind": "resnet", "layers": 8, "widths": [2, 2, 2], "stem": 2}
    run = ImageRun("dots", "tiny", ImageRegularizer(), (1, 2, 3))
    cost = image_cost(image_config(model=model), Experiments({}, {}), run, IMAGES)
    assert cost.training[0].products == 3 * 20 * 3 * 11  # stem, 3 blocks of 3, last layer


def test_a_trajectory_and_a_teacher_are_counted():
    followed = {"classes": [0, 1], "images": 6, "draws": 5, "every": 8}
    run = ImageRun("dots", "tiny", ImageRegularizer(), (1,), trajectory=followed)
    moments = image_cost(image_config(), Experiments({}, {}), run, IMAGES).training[2]
    assert moments.operations == 2 * 5 * (12 * 36)
    teacher = ImageRun("dots", "teacher", ImageRegularizer(), (1,))
    teaching = Teaching(teacher.id, "teacher-none", 1.0, None, {"loss": "soft", "weight": 1})
    student = ImageRun("dots", "tiny", ImageRegularizer(), (1,), teaching=teaching)
    known = Experiments({}, {}, image_runs={run.id: run for run in (teacher, student)})
    forward = 2 * (4 * 5 + 5 * 2)
    assert image_cost(image_config(), known, student, IMAGES).training[2].operations == 105 * forward
    moving = image_cost(image_config(augmentation={"pad": 1}), known, student, IMAGES)
    assert moving.training[2].operations == 200 * forward  # of every image of every batch


MODEL = {
    **{"arch": "transformer", "layers": 1, "embed_dim": 4, "ffn_dim": 3, "attention_heads": 2, "dropout": 0.1},
    **{"share_embeddings": "none", "lr": 0.1, "lr_scheduler": "fixed"},
    **{"max_tokens": 50, "max_update": 60, "validate_every_updates": 25, "precision": "fp32", "optimizer": "adam"},
    "selection": "best_validation_nll",
}
DECODING = {"beam_validation": 3, "beam_test": 2, "max_tokens": 100, "beam_sizes": [1, 4], "beam_sizes_sentences": 10}
DECODING |= {"temperatures": [0.5, 1, 2], "temperatures_sentences": 5}
CONFIG = {
    "models": {"tiny": MODEL},
    "tasks": {"pairs": {}},
    "decoding": DECODING,
    "statistics": {"log_thresholds": [-10], "floor_factors": [1, 0.1]},
}


def test_a_run_of_text_by_hand():
    cost = text_cost(CONFIG, Run("pairs", "tiny", Regularizer(), 1, test=True), TEXTS, decoding_steps=1.5)
    forward, network = 3416, text_network(MODEL, 7, 7)  # by hand in test_forecast_networks
    assert cost.updates == 60
    assert cost.training[0].operations == 3 * (60 * 10) * forward  # 50 tokens are 10 pairs of 5
    assert cost.training[0].products == 3 * 60 * 23
    assert cost.training[1].operations == 3 * (40 * forward)  # validations at 25, 50 and 60
    scored, searched = cost.predicting[0].operations, cost.predicting[1].operations
    assert (scored, searched) == (2 * 40 * forward, 40 * network.search(4, 5, 3))
    assert cost.predicting[1].products == 2 * 5 * 1.5 * 13  # two batches of 20 pairs
    assert (cost.jobs, cost.bound) == (3, "")
    assert cost.bytes["checkpoints"] == 4 * 12 * network.parameters  # last, best and two more; weight and two moments
    assert cost.bytes["model"] == 4 * network.exported
    assert cost.bytes["predictions"] == (40 + 20) * 5 * (37 + 3 * 4 + 24 + 5)


def test_sweeps_add_predictions():
    plain = text_cost(CONFIG, Run("pairs", "tiny", Regularizer(), 1), TEXTS, 1.0)
    swept = text_cost(CONFIG, Run("pairs", "tiny", Regularizer(), 1, beam_sizes=True, temperatures=True), TEXTS, 1.0)
    network = text_network(MODEL, 7, 7)
    more = [work.operations for work in swept.predicting[len(plain.predicting) :]]
    one, four, three = (network.search(4, 5, beam) for beam in (1, 4, 3))
    assert more == [10 * one, 10 * four, 3 * 5 * three, 40 * 3416]
    assert swept.jobs == plain.jobs + 2


def test_choosing_by_bleu_decodes_at_every_validation():
    config = {**CONFIG, "models": {"tiny": MODEL | {"selection": "best_validation_bleu", "selection_beam": 10}}}
    cost = text_cost(config, Run("pairs", "tiny", Regularizer(), 1), TEXTS, 1.0)
    assert cost.training[2].operations == 3 * 40 * text_network(MODEL, 7, 7).search(4, 5, 10)


@pytest.mark.parametrize(
    ("options", "updates", "validations", "bound"),
    [
        ({"max_update": 60, "validate_every_updates": 20}, 60, 3, ""),
        ({"max_epoch": 3}, 300, 3, "at most max_epoch 3"),
        ({"max_epoch": 3, "update_freq": 4}, 75, 3, "at most max_epoch 3"),
        ({"max_epoch": 4, "validate_every_epochs": 2}, 400, 2, "at most max_epoch 4"),
        ({"max_epoch": 3, "patience": 5}, 300, 3, "at most max_epoch 3; patience may end it earlier"),
        ({"max_epoch": 9, "max_update": 250}, 250, 3, ""),
        ({"max_update": 250, "patience": 2}, 250, 3, "at most max_update 250; patience may end it earlier"),
    ],
)
def test_the_longest_training_that_the_options_allow(options, updates, validations, bound):
    """1,000 pairs of at most 5 tokens are 100 batches of 50."""
    length = training_length({"max_tokens": 50, **options}, 1000, 4.0, 5.0)
    assert (length.updates, length.validations, length.bound) == (updates, validations, bound)
    assert length.pairs == updates * 10 * options.get("update_freq", 1)


def test_a_training_without_an_end_is_refused():
    with pytest.raises(ValueError, match="max_update or max_epoch"):
        training_length({"max_tokens": 50, "patience": 3}, 1000, 4.0, 5.0)


GPU = Device("g", "gpu", 100.0, 10.0, "-", utilisation=0.5, seconds_per_product=0.1, images_per_second=4.0)
CPU = Device("c", "cpu", None, 10.0, "-", 0.5, 0.1, 4.0, cores=3, rates={("m", "training"): 2.0})


@pytest.mark.parametrize(
    ("device", "work", "seconds"),
    [
        (GPU, Work("m", "training", "fp16", 1000.0, 1.0), 20.0),  # 1000 / (100 / 2)
        (GPU, Work("m", "training", "bfloat16", 1000.0, 1.0), 20.0),
        (GPU, Work("m", "training", "fp32", 1000.0, 1.0), 200.0),
        (GPU, Work("m", "training", "fp16", 1000.0, 500.0), 50.0),  # waiting for Python
        (GPU, Work("m", "training", "fp16", 1000.0, 1.0, 400.0), 100.0),  # waiting for images
        (CPU, Work("m", "decoding", "fp16", 1500.0, 1e6), 100.0),  # 3 cores; no waiting for launches
        (CPU, Work("m", "training", "fp32", 1500.0, 1e6), 750.0),  # measured
    ],
)
def test_seconds_of_a_piece_of_work(device, work, seconds):
    assert math.isclose(device.seconds(work), seconds)


def test_a_cpu_rate_is_never_used_for_a_gpu():
    work = Work("m", "training", "fp16", 1000.0, 1.0)
    pretending = Device("g", "gpu", 100.0, 10.0, "-", 0.5, 0.1, 4.0, rates={("m", "training"): 2.0})
    assert pretending.seconds(work) == GPU.seconds(work)
