"""Two repairs of fairseq's beam search, which summarisation needs.

1. *Repeated n-grams.* Without its CUDA extension, which no wheel has, fairseq compares the last entries of the whole
   buffer of tokens: padding, until the longest hypothesis there can be. Hence `no_repeat_ngram_size` does nothing.
   Given only what was generated so far, the same code does what it says.
2. *BART after a search.* Its attention keeps the size of the beam, and then takes the rows of any batch for copies.
"""

from typing import Any

import torch
from fairseq.ngram_repeat_block import NGramRepeatBlock


class GeneratedNgramBlock(NGramRepeatBlock):
    """Forbids words that would complete an n-gram which a hypothesis has already."""

    def __init__(self, no_repeat_ngram_size: int) -> None:
        super().__init__(no_repeat_ngram_size, use_extension=False)

    def forward(self, tokens: torch.Tensor, lprobs: torch.Tensor, bsz: int, beam_size: int, step: int) -> torch.Tensor:
        """`lprobs` (rows, V) with -inf for forbidden words; `tokens` (rows, longest), of which `step` + 1 are set."""
        return super().forward(tokens[:, : step + 1], lprobs, bsz, beam_size, step)


def block_repeats(generator: Any) -> None:
    """Repair a generator that was built with `no_repeat_ngram_size`."""
    if generator.repeat_ngram_blocker is not None:
        generator.repeat_ngram_blocker = GeneratedNgramBlock(generator.repeat_ngram_blocker.no_repeat_ngram_size)


def forget_beam(model: torch.nn.Module) -> None:
    """Make a model fit for teacher forcing again after a search."""
    if hasattr(model, "set_beam_size"):
        model.set_beam_size(1)
