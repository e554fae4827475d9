"""Beam search with fairseq, and the entropy of the distributions that the search looks at.

The third conditioning of the authors' code: at every step of the search, the entropy of every row of the beam (those
that will be discarded too), summed over steps and divided by the number of rows (Meister et al. 2020, code).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from fairseq.dataclass.configs import GenerationConfig
from omegaconf import OmegaConf

from entropyreg.io.columns import Column
from entropyreg.translation.repairs import block_repeats

OPTIONS = {  # key of the configuration: fairseq's
    "beam": "beam",
    "length_penalty": "lenpen",
    "max_length_factor": "max_len_a",
    "max_length_offset": "max_len_b",
    "min_length": "min_len",
    "no_repeat_ngram_size": "no_repeat_ngram_size",
    "temperature": "temperature",  # the logits of every step are divided by it
}


class Hypothesis(NamedTuple):
    """The best hypothesis of a sentence."""

    number: int
    score: float  # natural log, normalised by length
    tokens: torch.Tensor  # int64, the end of sentence last


class Hypotheses:
    """What a search found for the sentences of a corpus: the tokens lie in a file, not in memory."""

    def __init__(self, n_sentences: int, folder: Path) -> None:
        self._tokens = Column(np.int64, folder=folder)
        self._starts = np.zeros(n_sentences, np.int64)
        self.lengths = np.full(n_sentences, -1, np.int32)  # -1: not found yet
        self.scores = np.zeros(n_sentences, np.float64)

    def add(self, found: Iterable[Hypothesis]) -> None:
        """Keep hypotheses, in any order."""
        for one in found:
            self._starts[one.number], self.lengths[one.number] = len(self._tokens), len(one.tokens)
            self.scores[one.number] = one.score
            self._tokens.append(one.tokens.numpy())

    def __getitem__(self, number: int) -> torch.Tensor:
        """Tokens (int64) of a sentence, the end of sentence last."""
        return torch.from_numpy(self._tokens.rows(int(self._starts[number]), int(self.lengths[number])).copy())

    def __iter__(self) -> Iterator[Hypothesis]:
        """All that was found, in the order of the corpus."""
        for number in np.flatnonzero(self.lengths >= 0).tolist():
            yield Hypothesis(number, float(self.scores[number]), self[number])


@dataclass
class BeamEntropy:
    """Running sum of entropies (nats) over the rows of the beam."""

    total: float = 0.0
    rows: int = 0

    @property
    def mean(self) -> float:
        return self.total / self.rows if self.rows else float("nan")

    def watch(self, generator: Any) -> None:
        """Count every distribution that the search of `generator` is given."""
        forward = generator.model.forward_decoder

        def counted(*arguments: Any, **keywords: Any) -> Any:
            log_probs, attention = forward(*arguments, **keywords)
            finite = log_probs.float().clamp_min(-1e4)  # a forbidden symbol: 0 * -inf
            self.total -= float((finite.exp() * finite).sum(dtype=torch.float64))
            self.rows += log_probs.size(0)
            return log_probs, attention

        generator.model.forward_decoder = counted


def build_generator(task: Any, model: torch.nn.Module, decoding: Mapping[str, Any]) -> Any:
    """fairseq's generator with the configuration's options."""
    options = {name: decoding[key] for key, name in OPTIONS.items() if key in decoding}
    generator = task.build_generator([model], OmegaConf.merge(OmegaConf.structured(GenerationConfig), options))
    block_repeats(generator)
    return generator


def search(
    task: Any, model: torch.nn.Module, generator: Any, batches: Iterable[Mapping[str, Any]]
) -> Iterator[Hypothesis]:
    """The best hypothesis of every sentence, in the order of the batches."""
    for batch in batches:
        found = task.inference_step(generator, [model], batch)
        for number, hypotheses in zip(batch["id"].tolist(), found, strict=True):
            best = hypotheses[0]
            yield Hypothesis(number, float(best["score"]), best["tokens"].cpu())
