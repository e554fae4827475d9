"""What a run of text costs: updates, operations and bytes of its training, validations and predictions.

A batch is full: it has max_tokens / max(s, t) pairs of the mean lengths s and t. An update has `update_freq` batches.
Trainings that end by epochs or patience are counted to their last epoch, so they are upper bounds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entropyreg.config.settings import decoding_settings
from entropyreg.experiments import Run
from entropyreg.forecast.devices import Work
from entropyreg.forecast.sizes import POSITIONS, TextSize
from entropyreg.forecast.text_networks import TRAINING, TextNetwork, text_network

STATE_BYTES = {"adam": 8, "nag": 4}  # of the optimizer, a parameter
TOKEN_BYTES = 9 * 4 + 1  # columns of a token in tokens.npz, without the thresholds; before compression
OWN_BYTES = 6 * 4
LINE_BYTES = 5  # of text, a subword: an assumption


@dataclass(frozen=True)
class Cost:
    """What a run costs. `jobs` of the device; `bound` says why `updates` may be too many ("" if they are exact)."""

    training: list[Work]
    predicting: list[Work]
    jobs: int
    updates: int
    bound: str
    parameters: int
    bytes: dict[str, float] = field(default_factory=dict)  # checkpoints, model, predictions


def text_cost(config: Mapping[str, Any], run: Run, size: TextSize, decoding_steps: float) -> Cost:
    """The cost of one run; decoding_steps: steps of a batch for each token of the mean reference."""
    model = config["models"][run.model]
    network = text_network(model, *size.vocabularies)
    precision = "fp16" if model["precision"] == "fp16" else "fp32"
    counted = Counted(run.model, network, size, precision, decoding_steps, is_cut=bool(model.get("truncate_source")))
    length = training_length(model, size.pairs["train"], *counted.lengths("train"))
    training = [counted.training(length.pairs, model["max_tokens"])]
    training += [work.times(length.validations) for work in counted.validation(model)]
    return Cost(
        training,
        predictions(config, run, counted),
        jobs=1 + len(run.splits) + len(run.temperature_splits) + run.beam_sizes,
        updates=length.updates,
        bound=length.bound,
        parameters=network.parameters,
        bytes=kept_bytes(config, run, network, size, model),
    )


@dataclass(frozen=True)
class Length:
    """How long a training is: updates, pairs seen, validations."""

    updates: int
    pairs: float
    validations: int
    bound: str


def training_length(model: Mapping[str, Any], n_pairs: int, source: float, target: float) -> Length:
    """Updates of a model's training on `n_pairs` pairs of mean lengths; the longest that its options allow."""
    pairs_per_update = model["max_tokens"] * model.get("update_freq", 1) / max(source, target)
    per_epoch = n_pairs / pairs_per_update
    limits = {"max_update": model.get("max_update", math.inf)}
    limits["max_epoch"] = math.ceil(per_epoch * model["max_epoch"]) if "max_epoch" in model else math.inf
    reached = min(limits, key=limits.get)
    if limits[reached] == math.inf:
        raise ValueError("a training needs max_update or max_epoch: its length is not known without")
    updates = int(limits[reached])
    epochs = updates / per_epoch
    if "validate_every_updates" in model:
        validations = math.ceil(updates / model["validate_every_updates"])
    else:
        validations = math.ceil(epochs / model.get("validate_every_epochs", 1) - 1e-9)
    early = [key for key in ("patience", "stop_min_lr") if key in model]
    bound = f"at most {reached} {model[reached]}" + (f"; {' or '.join(early)} may end it earlier" if early else "")
    return Length(updates, updates * pairs_per_update, validations, bound if reached == "max_epoch" or early else "")


@dataclass(frozen=True)
class Counted:
    """Work of one model on one corpus."""

    model: str
    network: TextNetwork
    size: TextSize
    precision: str
    decoding_steps: float
    is_cut: bool = False

    def lengths(self, split: str) -> tuple[float, float]:
        source = self.size.source[split]
        return min(source, POSITIONS) if self.is_cut else source, self.size.target[split]

    def batches(self, pairs: float, split: str, max_tokens: int) -> float:
        return math.ceil(pairs * max(self.lengths(split)) / max_tokens)

    def work(self, kind: str, operations: float, products: float) -> Work:
        return Work(self.model, kind, self.precision, operations, products)

    def training(self, pairs: float, max_tokens: int) -> Work:
        batches = self.batches(pairs, "train", max_tokens)
        operations = TRAINING * pairs * self.network.forward(*self.lengths("train"))
        return self.work("training", operations, TRAINING * batches * self.network.calls)

    def scoring(self, split: str, max_tokens: int, pairs: float | None = None) -> Work:
        """A teacher-forced pass."""
        pairs = self.size.pairs[split] if pairs is None else min(pairs, self.size.pairs[split])
        batches = self.batches(pairs, split, max_tokens)
        return self.work("prediction", pairs * self.network.forward(*self.lengths(split)), batches * self.network.calls)

    def decoding(self, split: str, beam: int, max_tokens: int, pairs: float | None = None) -> Work:
        """A beam search whose translations are as long as the references."""
        pairs = self.size.pairs[split] if pairs is None else min(pairs, self.size.pairs[split])
        source, target = self.lengths(split)
        steps = self.batches(pairs, split, max_tokens) * target * self.decoding_steps
        return self.work("decoding", pairs * self.network.search(source, target, beam), steps * self.network.step_calls)

    def validation(self, model: Mapping[str, Any]) -> list[Work]:
        """One validation during training."""
        parts = [self.scoring("valid", model["max_tokens"])]
        if model["selection"] == "best_validation_bleu":
            parts.append(self.decoding("valid", model.get("selection_beam", 5), model["max_tokens"]))
        return parts


def predictions(config: Mapping[str, Any], run: Run, counted: Counted) -> list[Work]:
    """Both teacher-forced passes and the search of every split, and the sweeps of runs that have them."""
    decoding, works = decoding_settings(config, run), []
    tokens, beams = decoding["max_tokens"], {"valid": decoding["beam_validation"], "test": decoding["beam_test"]}
    for split in run.splits:
        works += [counted.scoring(split, tokens).times(2), counted.decoding(split, beams[split], tokens)]
    if run.beam_sizes:
        first = decoding["beam_sizes_sentences"]
        works += [counted.decoding("valid", beam, tokens, first) for beam in decoding["beam_sizes"]]
    for split in run.temperature_splits:
        first, count = decoding["temperatures_sentences"], len(decoding["temperatures"])
        works += [counted.decoding(split, beams[split], tokens, first).times(count)]
        works += [counted.scoring(split, tokens)]
    return works


def kept_bytes(
    config: Mapping[str, Any], run: Run, network: TextNetwork, size: TextSize, model: Mapping[str, Any]
) -> dict[str, float]:
    """Bytes of what stays on disk: fairseq keeps the last, the best and a few more checkpoints, for resuming."""
    weight = 2 if model["precision"] == "fp16" else 4
    checkpoints = 2 + (2 if "validate_every_updates" in model else 4)
    state = network.parameters * (weight + STATE_BYTES[model["optimizer"]])
    thresholds = len(config["statistics"]["log_thresholds"]) + len(config["statistics"]["floor_factors"])
    tokens = {split: size.pairs[split] * size.target[split] for split in run.splits}
    token = TOKEN_BYTES + 4 * thresholds + OWN_BYTES + LINE_BYTES
    return {
        "checkpoints": float(checkpoints * state),
        "model": float(network.exported * weight),
        "predictions": sum(tokens.values()) * token,
    }
