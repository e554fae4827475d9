"""Teacher-forced token statistics of a trained model: under the gold prefix, or under its own translation.

One entry a target token (end of sentence included), in the order of the corpus: `sentence`, `position`, `target`,
`nll`, `entropy` and `entropy_without_filler` (nats; the second of the distribution renormalised over what a target can
be), `confidence`, `correct`, `rank` (zero-based) and `share` (tokens, thresholds): share of the vocabulary under each.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from fairseq import utils
from fairseq.data import data_utils

from entropyreg.io.columns import Column
from entropyreg.regularizers import token_statistics

STATISTICS = {
    "nll": "nll",
    "entropy": "entropy",
    "confidence": "max_prob",
    "correct": "correct",
    "rank": "rank",
    "share": "share",
}
DTYPES = dict.fromkeys(("nll", "entropy", "entropy_without_filler", "confidence", "share"), np.float32)
DTYPES |= dict.fromkeys(("rank", "target", "sentence", "position"), np.int32) | {"correct": np.bool_}
OWN = ("sentence", "position", "target", "nll", "entropy", "confidence")  # of a model's own words


def filler_entries(dictionary: Any) -> list[int]:
    """Entries of the softmax that no target can be: start of sentence, padding, and what fairseq fills up with.

    A text may have the word `madeupword0000` too, which is then counted.
    """
    counted = enumerate(zip(dictionary.symbols, dictionary.count, strict=True))
    fill = [index for index, (symbol, count) in counted if symbol.startswith("madeupword") and not count]
    return sorted({dictionary.bos(), dictionary.pad(), *fill})


@torch.no_grad()
def score(
    model: torch.nn.Module,
    batches: Iterable[Mapping[str, Any]],
    dictionary: Any,
    log_thresholds: Sequence[float],
    lengths: np.ndarray,
    folder: Path,
) -> dict[str, Column]:
    """Statistics of the batches' targets; holds those of one batch at a time, all others lie in files in `folder`.

    `lengths` (sentences,) are the numbers of target tokens of all sentences, in the order of the corpus.
    """
    columns: dict[str, Column] = {}
    starts = np.cumsum(lengths) - lengths
    thresholds, filler = [math.exp(one) for one in log_thresholds], filler_entries(dictionary)
    for batch in batches:
        output = model(**batch["net_input"])[0]  # (B, T, V)
        real = batch["target"] != dictionary.pad()
        logits, targets = output[real].float(), batch["target"][real]  # (N, V), (N,)
        statistics = token_statistics(logits, targets, thresholds=thresholds)
        values = {name: getattr(statistics, field) for name, field in STATISTICS.items()}
        logits[:, filler] = -math.inf
        values["entropy_without_filler"] = token_statistics(logits, targets, thresholds=()).entropy
        values["target"] = targets
        values["sentence"] = batch["id"].unsqueeze(1).expand_as(real)[real]
        values["position"] = torch.arange(real.size(1), device=real.device).expand_as(real)[real]
        place = (real.cumsum(1) - 1)[real].cpu().numpy() + starts[values["sentence"].cpu().numpy()]
        for name, value in values.items():
            rows = value.cpu().numpy().astype(DTYPES[name])
            if name not in columns:
                columns[name] = Column(rows.dtype, rows.shape[1:], folder)
                columns[name].resize(int(lengths.sum()))
            columns[name].put(place, rows)
    return columns


class Tokens(Protocol):
    """The tokens of a sentence by its number, the end of sentence last."""

    def __getitem__(self, number: int, /) -> torch.Tensor: ...


def own_batch(batch: Mapping[str, Any], hypotheses: Tokens, dictionary: Any) -> dict[str, Any]:
    """`batch` with the model's own translations as targets and as the prefix that each token is predicted from."""
    tokens = [hypotheses[number] for number in batch["id"].tolist()]
    collate = {"pad_idx": dictionary.pad(), "eos_idx": dictionary.eos()}
    targets = data_utils.collate_tokens(tokens, **collate)
    previous = data_utils.collate_tokens(tokens, **collate, move_eos_to_beginning=True)
    device = batch["target"].device
    net_input = {**batch["net_input"], "prev_output_tokens": previous.to(device)}
    return {**batch, "net_input": net_input, "target": targets.to(device)}


def on_device(batches: Iterable[Mapping[str, Any]], device: str) -> Iterable[Mapping[str, Any]]:
    for batch in batches:
        yield utils.move_to_cuda(batch) if device == "cuda" else batch
