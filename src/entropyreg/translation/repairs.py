"""Repairs of fairseq: two of its beam search, which summarisation needs, and one of its writing.

1. *Repeated n-grams.* Without its CUDA extension, which no wheel has, fairseq compares the last entries of the whole
   buffer of tokens: padding, until the longest hypothesis there can be. Hence `no_repeat_ngram_size` does nothing.
   Given only what was generated so far, the same code does what it says.
2. *BART after a search.* Its attention keeps the size of the beam, and then takes the rows of any batch for copies.
3. *Checkpoints.* fairseq syncs none to the disk and copies `checkpoint_best` and `checkpoint_last` over the old ones:
   a kill or a power cut may leave neither the old nor the new one whole.
"""

import shutil
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager
from fairseq.ngram_repeat_block import NGramRepeatBlock

from entropyreg.io.files import atomic_path, write_tensors


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


def save_whole(state: Any, filename: str, async_write: bool = False) -> None:
    """For fairseq's `torch_persistent_save`: the same bytes, in a file that is whole and on the disk, or absent."""
    write_tensors(filename, state)


class WholeCopies(PathManager):
    """fairseq's access to files, with copies that are whole and on the disk, or absent."""

    @staticmethod
    def copy(src_path: str, dst_path: str, overwrite: bool = False) -> str:
        with atomic_path(dst_path) as temporary:
            shutil.copyfile(src_path, temporary)
        return dst_path


def write_whole_checkpoints() -> None:
    """Make fairseq's trainer write checkpoints so, in this process."""
    checkpoint_utils.torch_persistent_save = save_whole  # fairseq's trainer looks it up there
    checkpoint_utils.PathManager = WholeCopies
