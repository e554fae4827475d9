"""The regularized objective as a fairseq criterion.

    loss = sum over target tokens of  NLL + strength * D(baseline || p)      (Meister et al. 2020)

D is the divergence of any kind of regularizer in the registry.

Padding is excluded from every sum. fairseq divides the gradient by the number of target tokens. A model whose
probabilities are not the softmax of its output (adaptive softmax, pointer networks, mixtures) is refused.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.data import data_utils
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from omegaconf import II

from entropyreg.io.errors import UserError
from entropyreg.regularizers import Baseline, annealed_unigram
from entropyreg.regularizers.declared import member_of
from entropyreg.regularizers.functional import regularized_cross_entropy
from entropyreg.regularizers.registry import AMOUNTS, baseline_of, check_generator, named


@dataclass
class EntropyRegularizedCrossEntropyConfig(FairseqDataclass):
    """Options of the criterion on fairseq's command line."""

    regularizer: str = field(
        default='{"strength": 0.0}',
        metadata={"help": 'JSON of its parameters, such as {"skew": 0.5, "strength": 1.0}; see `declared`'},
    )
    sentence_avg: bool = II("optimization.sentence_avg")


KEYS = ("strength", "skew", "generator", "baseline", "unigram_temperature", "parameters", "plugin")


def declared(text: str) -> dict[str, Any]:
    """The parameters in the option's JSON; one that is unknown, missing or given twice is a `UserError`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UserError(f"--regularizer is {text!r}: '{twice[0]}' is given twice.")
        return dict(pairs)

    try:
        given = json.loads(text, object_pairs_hook=once)
    except ValueError as error:
        raise UserError(f"--regularizer is {text!r}, which is no JSON ({error}).") from None
    if not isinstance(given, dict):
        raise UserError(f"--regularizer is {text!r}; allowed: a JSON object of {', '.join(KEYS)}.")
    for name in given:
        if name not in KEYS:
            raise UserError(f"--regularizer is {text!r}: '{name}' is unknown; allowed: {', '.join(KEYS)}.")
    if "strength" not in given:
        raise UserError(f"--regularizer is {text!r}, which lacks 'strength' (0: no regularizer).")
    AMOUNTS["strength"].check(given["strength"], "the regularizer")
    found = {"skew": None, "generator": "entropy", "baseline": "uniform", "unigram_temperature": None} | given
    check_generator(found["generator"], found.get("plugin"))
    if found["generator"] != "entropy" and found["skew"] is not None:
        raise UserError(f"the regularizer's skew needs generator 'entropy', not '{found['generator']}'.")
    if found["generator"] == "entropy" and found["skew"] is None and found["strength"] != 0:
        raise UserError(f"the regularizer of strength {found['strength']} lacks its skew.")
    if found["skew"] is not None:
        named("skew_jensen").values(found, "the regularizer")
    baseline_of({key: value for key, value in found.items() if value is not None}, "the regularizer")
    return found


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
    """NLL + strength * D, summed over the target tokens of a batch."""

    def __init__(self, task, regularizer, sentence_avg):
        super().__init__(task)
        self.sentence_avg = sentence_avg
        self.checked = None  # the id of the model whose normalization was checked
        self.regularizer = given = declared(regularizer)
        # at strength 0 any member may stand here: it changes nothing
        self.member = member_of(given if given["strength"] else given | {"skew": 1.0})
        self.distribution = None
        if given["baseline"] == "unigram":
            temperature = given["unigram_temperature"] or 1.0
            self.distribution = unigram_baseline(target_counts(task), task.target_dictionary, temperature)

    def forward(self, model, sample, reduce=True):
        """Return the loss, the number that its gradient is divided by, and what is logged."""
        output = model(**sample["net_input"])
        if self.checked != id(model):
            check_normalization(model, output)
            self.checked = id(model)
        logits, targets = output[0], model.get_targets(sample, output)  # (B, T, V), (B, T)
        loss, nll, divergence = regularized_cross_entropy(
            logits.view(-1, logits.size(-1)),
            targets.reshape(-1),
            member=self.member,
            strength=self.regularizer["strength"],
            baseline=self.distribution,
            ignore_index=self.padding_idx,
            reduction="sum" if reduce else "none",
            # The output projection does not save the logits, and nothing else reads them.
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
