"""Computes the cost of a run of images: all of its seeds, their validations, trajectories, teachers and predictions.

Convolutional networks of several seeds are called one after another, the fully connected ones in one product for all.
"""

import math
from collections.abc import Mapping
from typing import Any

from entropyreg.experiments import Experiments, ImageRun
from entropyreg.forecast.devices import Work
from entropyreg.forecast.image_networks import ImageNetwork, image_network
from entropyreg.forecast.sizes import ImageSize
from entropyreg.forecast.text_work import Cost

EVALUATED = 500  # images of a batch, in `images.evaluation`


def image_cost(config: Mapping[str, Any], experiments: Experiments, run: ImageRun, size: ImageSize) -> Cost:
    """The cost of one run, with the passes of its teacher."""
    model, seeds = config["image_models"][run.model], len(run.seeds)
    network = image_network(model["model"], seen_shape(model, size), size.classes)
    precision = "bfloat16" if model.get("precision") == "bfloat16" else "fp32"
    updates, per_epoch = length_of(model, size.images["train"])
    calls = network.calls * (1 if model["model"]["kind"] == "mlp" else seeds)

    stored = config["image_tasks"][run.task]["dataset"] == "imagenet"

    def passed(images: float, of: ImageNetwork = network, batch: int = EVALUATED, each: int = calls) -> Work:
        """`images` images of every seed, forward."""
        products = math.ceil(images / batch) * each
        return Work(run.model, "prediction", precision, seeds * images * of.forward, products, images * stored)

    training = [
        Work(
            run.model,
            "training",
            precision,
            seeds * updates * model["batch"] * network.training,
            3 * updates * calls,
            seeds * updates * model["batch"] * stored,
        )
    ]
    epochs = math.ceil(updates / per_epoch)
    validations = math.ceil(epochs / model.get("validate_every", 1))
    training.append(passed(size.images["valid"]).times(validations))
    if run.trajectory:
        moments = updates // run.trajectory["every"]
        images = len(run.trajectory["classes"]) * run.trajectory["images"]
        training.append(passed(images, batch=images).times(moments * run.trajectory["draws"]))
    if run.teaching:
        training.append(taught(config, experiments, run, size, updates * model["batch"], passed))
    return Cost(
        training,
        [passed(n_images) for n_images in predicted_images(config, run, size).values()],
        jobs=2,
        updates=updates,
        bound="",
        parameters=network.parameters,
        bytes=kept_bytes(config, run, network, size, bool(model["optimiser"].get("average"))),
    )


def seen_shape(model: Mapping[str, Any], size: ImageSize) -> tuple[int, int, int]:
    """Shape of a network's input: channels, height and width after the crop."""
    crop = model["augmentation"].get("crop")
    return size.shape if crop is None else (size.shape[0], crop, crop)


def length_of(model: Mapping[str, Any], n_images: int) -> tuple[int, int]:
    """Updates in all, and in an epoch of whole batches, as `images.training` has them."""
    per_epoch = max(n_images // model["batch"], 1)
    return model.get("updates") or model["epochs"] * per_epoch, per_epoch


def taught(
    config: Mapping[str, Any], experiments: Experiments, run: ImageRun, size: ImageSize, images: int, passed: Any
) -> Work:
    """Forward passes of the teachers: of every batch, or once over the training images if these do not vary."""
    teacher = config["image_models"][experiments.image_runs[run.teaching.teacher].model]
    own = run.teaching.options.get("teacher_sees", "student_view") == "own_view"
    shape = seen_shape(teacher if own else config["image_models"][run.model], size)
    network = image_network(teacher["model"], shape, size.classes)
    student = config["image_models"][run.model]
    varies = any(student["augmentation"].get(key) for key in ("pad", "crop", "flip", "brightness", "contrast"))
    calls = network.calls * (1 if teacher["model"]["kind"] == "mlp" else len(run.seeds))
    if own or not varies:
        return passed(size.images["train"], network, each=calls)
    return passed(images, network, student["batch"], calls)


def predicted_images(config: Mapping[str, Any], run: ImageRun, size: ImageSize) -> dict[str, int]:
    """Images of every split that are predicted."""
    first = config["image_tasks"][run.task].get("prediction", {}).get("train_images")
    images = {split: size.images[split] for split in run.splits}
    return images | ({"train": min(first, images["train"])} if first else {})


def kept_bytes(
    config: Mapping[str, Any], run: ImageRun, network: ImageNetwork, size: ImageSize, averaged: bool
) -> dict[str, float]:
    """Bytes on disk: weights, one checkpoint with momenta (and averages), logits, features, the trajectory twice."""
    seeds, prediction = len(run.seeds), config["image_tasks"][run.task].get("prediction", {})
    images = sum(predicted_images(config, run, size).values())
    classes = len(prediction.get("feature_classes") or range(size.classes))
    per_class = prediction.get("features_per_class")
    features = images if per_class is None else min(images, len(run.splits) * classes * per_class)
    trajectory = 0
    if run.trajectory:
        followed = len(run.trajectory["classes"])
        moments = length_of(config["image_models"][run.model], size.images["train"])[0] // run.trajectory["every"]
        trajectory = 4 * moments * run.trajectory["draws"] * followed * run.trajectory["images"] * followed
    return {
        "checkpoints": float(seeds * (4 * network.parameters * (3 if averaged else 2) + trajectory)),
        "model": float(seeds * 4 * network.parameters),
        "predictions": float(
            seeds * (images * (4 * size.classes + 8) + features * (2 * network.features + 8) + trajectory)
        ),
    }
