"""The regularized objective as a fairseq criterion.

    loss = sum over target tokens of  NLL + strength * J_skew(baseline || p)      (Meister et al. 2020)

With generator "euclidean" the divergence is ||baseline - p||^2, whatever the skew.

Padding is excluded from every sum. fairseq divides the gradient by the number of target tokens.
"""

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.data import data_utils
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.logging import metrics
from omegaconf import II

from entropyreg.regularizers import (
    Baseline,
    annealed_unigram,
    entropy_regularized_cross_entropy,
    euclidean_regularized_cross_entropy,
)


@dataclass
class EntropyRegularizedCrossEntropyConfig(FairseqDataclass):
    """Options of the criterion on fairseq's command line."""

    generator: ChoiceEnum(["entropy", "euclidean"]) = field(
        default="entropy", metadata={"help": "convex function of the Jensen divergence: negative entropy, or ||p||^2"}
    )
    skew: float = field(
        default=1.0, metadata={"help": "0: confidence penalty, 1: label smoothing, between: skew-Jensen"}
    )
    strength: float = field(default=0.0, metadata={"help": "factor of the divergence; 0: no regularizer"})
    baseline: ChoiceEnum(["uniform", "unigram"]) = field(
        default="uniform", metadata={"help": "distribution that the model is drawn to"}
    )
    unigram_temperature: float = field(default=1.0, metadata={"help": "unigram^(1/temperature), renormalised"})
    sentence_avg: bool = II("optimization.sentence_avg")


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

    def __init__(self, task, generator, skew, strength, baseline, unigram_temperature, sentence_avg):
        super().__init__(task)
        self.sentence_avg = sentence_avg
        if str(generator) == "euclidean":
            self.objective = partial(euclidean_regularized_cross_entropy, strength=strength)
        else:
            self.objective = partial(entropy_regularized_cross_entropy, skew=skew, strength=strength)
        self.distribution = None
        if str(baseline) == "unigram":
            self.distribution = unigram_baseline(target_counts(task), task.target_dictionary, unigram_temperature)

    def forward(self, model, sample, reduce=True):
        """Return the loss, the number that its gradient is divided by, and what is logged."""
        output = model(**sample["net_input"])
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
