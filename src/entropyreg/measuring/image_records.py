"""Measures one image run: reads each seed's predictions, makes its rows and sums over blocks of images. No torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.experiments.regularizer import smoothing_of
from entropyreg.images.data.preparation import load_prepared
from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, read_npz
from entropyreg.io.predicted_files import verify_image_sums
from entropyreg.io.trained_weights import read_training
from entropyreg.measures.calibration import reliability_sums
from entropyreg.measures.information_loss import class_similarity
from entropyreg.measures.logits import LogitStatistics, logit_statistics
from entropyreg.measuring import image_measures as measures
from entropyreg.measuring.blocks import block_sizes, block_sums
from entropyreg.measuring.image_measures import Predictions
from entropyreg.regularizers.equilibrium import strength_for_entropy
from entropyreg.regularizers.registry import kind_in

KEPT = ("run", "task", "model")
EVALUATED = ("valid", "test")


def measure_image_run(
    settings: Mapping[str, Any], run_dir: Path, data_dir: Path, claims_sha256: str, teacher_dir: Path | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The record of a run (deterministic content only) and, by '<split>.<name>', sums over blocks (S, B, ...).

    `settings` is `entropyreg.config.image_settings.image_measuring_settings`; `data_dir` holds the prepared images and
    `teacher_dir` the run that a student learnt from. Only the groups in `settings["measures"]` are measured.
    """
    training, summary = read_training(run_dir, settings["run"]), data_dir / "summary.json"
    with blaming(run_dir / "training.json"):
        trained = {key: training[key] for key in ("updates", "weights_sha256", "n_classes")}
        seeds, distillation = list(training["settings"]["seeds"]), training["settings"].get("distillation")
        regularizer = regularizer_of_training(training["settings"]["regularizer"], trained["n_classes"])
        learning = [learning_of(training["validations"], position) for position in range(len(seeds))]
        followed = ["trajectory.npz"] if training["settings"].get("trajectory") else []
    read = [*(f"{split}.images.npz" for split in settings["splits"]), "templates.npz", *followed]
    verify_image_sums(run_dir, settings["run"], seeds, read)
    if teacher_dir is not None:
        chosen = distillation.get("teacher_seed")
        taught_by = seeds if chosen is None else [chosen]
        verify_image_sums(teacher_dir, settings["teacher"], taught_by, ["train.images.npz"])
    data = read_json(summary)
    with blaming(summary):
        classes = data["classes"]
        named = len(classes) == trained["n_classes"] and all(isinstance(one, str) for one in classes)
    if not named:
        names = f"the names of the {trained['n_classes']} classes that the run was trained with"
        raise UserError(f"{summary} does not hold {names}: delete it and run again.")
    similarity = None
    if "information_loss" in settings["measures"] and not data["stored"]:
        similarity = similarity_of_classes(data_dir)
    found, blocks = {}, {}
    for position, seed in enumerate(seeds):
        folder = run_dir / "predictions" / f"seed{seed}"
        parts = {split: predictions_of(folder, split) for split in settings["splits"]}
        own = measure_seed(settings, training, data, parts, folder, similarity, first=position == 0)
        own["learning"] = learning[position]
        if teacher_dir is not None:
            with blaming(teacher_dir / "predictions.json"):
                own["teacher"] = teacher_of(distillation, teacher_dir, seed)
        found[str(seed)] = own
        for split in EVALUATED:
            if split in parts:
                scaled = own["temperature"]["ece_all"]["temperature"] if "temperature" in own else None
                for name, values in image_blocks(parts[split], scaled).items():
                    blocks.setdefault(f"{split}.{name}", []).append(values)
    record = {
        **{key: settings[key] for key in KEPT},
        "seeds": seeds,
        "regularizer": regularizer,
        "training": training["settings"],
        **trained,
        "data": data,
        "claims_sha256": claims_sha256,
        "measures": found,
    }
    return record, {name: np.stack(values) for name, values in blocks.items()}


def measure_seed(
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    data: Mapping[str, Any],
    parts: Mapping[str, Predictions],
    folder: Path,
    similarity: np.ndarray | None,
    first: bool,
) -> dict[str, Any]:
    """The groups of measures of one network; the projection is drawn for the first seed alone."""
    wanted = set(settings["measures"])
    own: dict[str, Any] = {"scores": {split: measures.scores(part) for split, part in parts.items()}}
    if "calibration" in wanted:
        own["calibration"] = {one: measures.calibration(parts[one], one) for one in EVALUATED if one in parts}
    if "temperature" in wanted:
        others = {split: parts[split] for split in EVALUATED[1:] if split in parts}
        own["temperature"] = measures.temperatures(parts["valid"], others)
    if wanted & {"projection", "clusters"}:
        templates = read_npz(folder / "templates.npz")
        last = templates["weights"], templates["biases"]
        pictured = {split: parts[split] for split in ("train", "valid")}
        if "projection" in wanted and first:
            names, n_points = data["classes"], settings["triplet_points"]
            own["projection"] = [
                measures.projection(pictured, *last, triplet, names, n_points) for triplet in settings["triplets"]
            ]
        if "clusters" in wanted:
            own["clusters"] = {split: measures.clusters(part, last[0], split) for split, part in pictured.items()}
    if "information_loss" in wanted:
        own["information_loss"] = measures.information_loss(parts["train"], similarity)
    if "teaching" in wanted:
        own["teaching"] = measures.teaching(parts["train"])
    if "mutual_information" in wanted and training["settings"].get("trajectory"):
        followed = read_npz(folder / "trajectory.npz")
        names = [data["classes"][one] for one in followed["classes"][:2]]
        own["mutual_information"] = measures.mutual_information_curves(
            followed["logits"][..., :2], followed["updates"], names
        )
    return own


def predictions_of(folder: Path, split: str) -> Predictions:
    """Read the predictions of one split of one seed."""
    columns = read_npz(folder / f"{split}.images.npz")
    return Predictions(*(columns[name] for name in Predictions._fields))


def image_blocks(part: Predictions, temperature: float | None) -> dict[str, np.ndarray]:
    """Sums over blocks of images: NLL (B,) and reliability bins (B, 45), the latter also at the chosen temperature."""
    plain = logit_statistics(part.logits, part.labels)
    sums = {"nll": block_sums(plain.nll.astype(np.float64)), "reliability": block_reliability(plain)}
    if temperature is not None:
        sums["scaled_reliability"] = block_reliability(logit_statistics(part.logits, part.labels, temperature))
    return sums


def block_reliability(statistics: LogitStatistics) -> np.ndarray:
    sizes = block_sizes(len(statistics.correct))
    block = np.repeat(np.arange(len(sizes)), sizes)
    return reliability_sums(statistics.confidence, statistics.correct, block).astype(np.float32)


def teacher_of(distillation: Mapping[str, Any], teacher_dir: Path, seed: int) -> dict[str, Any]:
    """Statistics of the softened predictions from which this student learned, on the training images."""
    chosen = distillation.get("teacher_seed")
    own_seed = seed if chosen is None else chosen
    train = predictions_of(teacher_dir / "predictions" / f"seed{own_seed}", "train")
    temperature = distillation.get("temperature") if distillation["loss"] == "soft" else None
    return {"seed": own_seed, "temperature": temperature, **measures.teaching(train, temperature or 1.0)}


def learning_of(validations: Sequence[Mapping[str, Any]], position: int) -> dict[str, list]:
    """The validations of one seed during training."""
    return {
        "updates": [one["update"] for one in validations],
        **{key: [one[key][position] for one in validations] for key in ("valid_accuracy", "valid_nll")},
    }


def similarity_of_classes(data_dir: Path) -> np.ndarray:
    """Similarity of the classes by their mean training images: the same for every model of the data set."""
    prepared = load_prepared(data_dir)
    images, labels = prepared.parts["train"]
    classes = range(len(prepared.summary["classes"]))
    means = [images[labels == one].mean(axis=0, dtype=np.float64).ravel() for one in classes]
    return class_similarity(np.stack(means))


def regularizer_of_training(regularizer: Mapping[str, Any], n_classes: int) -> dict[str, Any]:
    """Kind, skew, strength and smoothing as numbers; a wanted entropy gives the strength that was trained with.

    Of a kind beside the family its parameters too, and the file that declares a user's.
    """
    kind = kind_in(regularizer)
    if not kind.amounts:
        return {"kind": kind.name, "skew": None, "strength": None, "smoothing": 0.0}
    skew = kind.fixed.get("skew", regularizer.get("skew"))
    if "smoothing" in regularizer:
        strength = regularizer["smoothing"] / (1 - regularizer["smoothing"])
    else:
        strength = regularizer.get("strength")
        if strength is None:
            strength = strength_for_entropy(skew, regularizer["entropy"], n_classes)
    own = {key: regularizer[key] for key in ("parameters", "plugin") if key in regularizer}
    return {"kind": kind.name, "skew": skew, "strength": strength, "smoothing": smoothing_of(skew, strength), **own}
