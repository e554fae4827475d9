"""The regularized objective as a fairseq criterion.

    loss = sum over target tokens of  NLL + strength * J_skew(baseline || p)      (Meister et al. 2020)

With generator "euclidean" the divergence is ||baseline - p||^2, which has no skew.

Padding is excluded from every sum. fairseq divides the gradient by the number of target tokens. A model whose
probabilities are not the softmax of its output (adaptive softmax, pointer networks, mixtures) is refused.
"""

import json
import math
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.data import data_utils
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from omegaconf import II

from entropyreg.io.errors import UserError
from entropyreg.regularizers import (
    Baseline,
    annealed_unigram,
    entropy_regularized_cross_entropy,
    euclidean_regularized_cross_entropy,
)


@dataclass
class EntropyRegularizedCrossEntropyConfig(FairseqDataclass):
    """Options of the criterion on fairseq's command line."""

    regularizer: str = field(
        default='{"strength": 0.0}',
        metadata={"help": 'JSON of its parameters, such as {"skew": 0.5, "strength": 1.0}; see `declared`'},
    )
    sentence_avg: bool = II("optimization.sentence_avg")


@dataclass(frozen=True)
class Declaration:
    """The parameters of a regularizer; those that it does not have are None."""

    strength: float
    skew: float | None = None  # 0: confidence penalty, 1: label smoothing, between: skew-Jensen
    generator: str = "entropy"  # convex function of the Jensen divergence: negative entropy, or "euclidean" ||p||^2
    baseline: str = "uniform"  # distribution that the model is drawn to; or "unigram"
    unigram_temperature: float | None = None  # unigram^(1/temperature), renormalised

    def __post_init__(self):
        numbers = {key: getattr(self, key) for key in ("strength", "skew", "unigram_temperature")}
        for key, value in numbers.items():
            if value is not None and type(value) not in (int, float):
                raise UserError(f"the regularizer's {key} is {value!r}; allowed: a number.")
        for key, allowed in {"generator": ("entropy", "euclidean"), "baseline": ("uniform", "unigram")}.items():
            if getattr(self, key) not in allowed:
                raise UserError(f"the regularizer's {key} is {getattr(self, key)!r}; allowed: {', '.join(allowed)}.")
        if self.generator == "euclidean" and self.skew is not None:
            raise UserError("the regularizer's skew needs generator 'entropy', not 'euclidean'.")
        if self.generator == "entropy" and self.skew is None and self.strength != 0:
            raise UserError(f"the regularizer of strength {self.strength} lacks its skew.")
        if self.unigram_temperature is not None and self.baseline != "unigram":
            raise UserError(f"the regularizer's unigram_temperature needs baseline 'unigram', not '{self.baseline}'.")


def declared(text: str) -> Declaration:
    """The parameters in the option's JSON; one that is unknown, missing or given twice is a `UserError`."""
    try:
        pairs = json.loads(text, object_pairs_hook=lambda found: found)
    except ValueError as error:
        raise UserError(f"--regularizer is {text!r}, which is no JSON ({error}).") from None
    allowed = [one.name for one in fields(Declaration)]
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise UserError(f"--regularizer is {text!r}; allowed: a JSON object of {', '.join(allowed)}.")
    names = [name for name, _ in pairs]
    for name in names:
        if name not in allowed or names.count(name) > 1:
            problem = "given twice" if name in allowed else f"unknown; allowed: {', '.join(allowed)}"
            raise UserError(f"--regularizer is {text!r}: '{name}' is {problem}.")
    if "strength" not in names:
        raise UserError(f"--regularizer is {text!r}, which lacks 'strength' (0: no regularizer).")
    return Declaration(**dict(pairs))


@torch.no_grad()
def check_normalization(model, output) -> None:
    """Refuse a model whose probabilities are not the softmax of `output[0]`, of which the objective is computed."""
    logits, rows = output[0], 8
    normalized = model.get_normalized_probs(output, log_probs=True)
    if normalized.shape == logits.shape:
        found, expected = (tensor.reshape(-1, tensor.shape[-1])[:rows].float() for tensor in (normalized, logits))
        if torch.allclose(found, expected.log_softmax(-1), atol=0.05, equal_nan=True):  # half precision rounds by .01
            return
    decoder = getattr(model, "decoder", model)
    adaptive = getattr(decoder, "adaptive_softmax", None) is not None
    raise UserError(
        f"the model {type(model).__name__} "
        f"{'has an adaptive softmax' if adaptive else 'computes its probabilities by more than a softmax'}; allowed: "
        "models whose probabilities are the softmax of their output"
        f"{' (leave out --adaptive-softmax-cutoff)' if adaptive else ''}."
    )


def target_counts(task) -> torch.Tensor:
    """How often each entry of the target dictionary occurs in the training targets, shape (V,).

    Counted in the data, since a joined dictionary holds the counts of both languages together.
    """
    source, target, data = task.cfg.source_lang, task.cfg.target_lang, utils.split_paths(task.cfg.data)[0]
    prefix = str(Path(data) / f"train.{source}-{target}.{target}")
    sentences = data_utils.load_indexed_dataset(prefix, task.target_dictionary, task.cfg.dataset_impl)
    if sentences is None:
        raise FileNotFoundError(f"{prefix}.bin does not exist; baseline 'unigram' counts the training targets")
    counts = torch.zeros(len(task.target_dictionary), dtype=torch.float64)
    for number in range(len(sentences)):
        counts += torch.bincount(sentences[number], minlength=len(counts))
    return counts


def unigram_baseline(counts: torch.Tensor, dictionary, temperature: float) -> Baseline:
    """Annealed unigram distribution of the target `counts` (V,).

    As in the authors' code the end of sentence gets the count of '.'. Entries that never occur (padding, filler, words
    of the other language) count as one occurrence: a baseline must not have zeros.
    """
    counts = counts.clone()
    full_stop = dictionary.index(".")
    if full_stop != dictionary.unk():
        counts[dictionary.eos()] = counts[full_stop]
    return annealed_unigram(counts.clamp_min(1.0), temperature)


@register_criterion("entropy_regularized_cross_entropy", dataclass=EntropyRegularizedCrossEntropyConfig)
class EntropyRegularizedCrossEntropy(FairseqCriterion):
    """NLL + strength * J, summed over the target tokens of a batch."""

    def __init__(self, task, regularizer, sentence_avg):
        super().__init__(task)
        self.sentence_avg = sentence_avg
        self.checked = None  # the id of the model whose normalization was checked
        self.regularizer = given = declared(regularizer)
        if given.generator == "euclidean":
            self.objective = partial(euclidean_regularized_cross_entropy, strength=given.strength)
        else:
            skew = 1.0 if given.skew is None else given.skew  # of strength 0, where it changes nothing
            self.objective = partial(entropy_regularized_cross_entropy, skew=skew, strength=given.strength)
        self.distribution = None
        if given.baseline == "unigram":
            temperature = 1.0 if given.unigram_temperature is None else given.unigram_temperature
            self.distribution = unigram_baseline(target_counts(task), task.target_dictionary, temperature)

    def forward(self, model, sample, reduce=True):
        """Return the loss, the number that its gradient is divided by, and what is logged."""
        output = model(**sample["net_input"])
        if self.checked != id(model):
            check_normalization(model, output)
            self.checked = id(model)
        logits, targets = output[0], model.get_targets(sample, output)  # (B, T, V), (B, T)
        loss, nll, divergence = self.objective(
            logits.view(-1, logits.size(-1)),
            targets.reshape(-1),
            baseline=self.distribution,
            ignore_index=self.padding_idx,
            reduction="sum" if reduce else "none",
            # The logits come from the output projection, which does not save them, and nothing else reads them.
            overwrite_logits=torch.is_grad_enabled() and logits.requires_grad,
            return_parts=True,
        )
        sample_size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        logging_output = {
            "loss": loss.detach(),
            "nll_loss": nll.detach(),
            "divergence": divergence.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": sample_size,
        }
        return loss, sample_size, logging_output

    @classmethod
    def reduce_metrics(cls, logging_outputs) -> None:
        """Averages over tokens; `loss` and `nll_loss` in bits (fairseq's habit), `divergence` in nats."""
        total = {key: sum(log.get(key, 0) for log in logging_outputs) for key in logging_outputs[0]}
        metrics.log_scalar("loss", total["loss"] / total["sample_size"] / math.log(2), total["sample_size"], round=6)
        metrics.log_scalar("nll_loss", total["nll_loss"] / total["ntokens"] / math.log(2), total["ntokens"], round=6)
        metrics.log_scalar("divergence", total["divergence"] / total["ntokens"], total["ntokens"], round=6)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Every logged value is a sum, so that workers may add them up."""
        return True
