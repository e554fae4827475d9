"""Counted operations and parameters of fairseq's models: those that are trained themselves, on meta tensors.

The operations of a pass over s source and t target tokens are polynomials, which a few counted lengths determine:

    encoder   a s + b s^2                  decoder   p + k s + c t + d s t + q t^2

(k s: keys and values of the source; q t^2: the target's attention to itself; p: convolutions over padding). The
backward pass has twice as many: a token's embedding is looked up, so even the first product needs both gradients. A
beam search is no pass: each of its rows needs T steps that see 1, 2, ... T tokens and no padding, hence

    decoder(s, T) - p - q (T^2 - T (T + 1) / 2)

and a model that knows the size of the beam (BART) makes keys and values of the source once a sentence, not once a row.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from entropyreg.forecast.counting import META, count, without_values

TRAINING = 3  # forward once, backward twice
NONE = {"generator": "entropy", "skew": None, "strength": 0.0, "baseline": "uniform", "unigram_temperature": None}
LANGUAGES = {"source": "source", "target": "target"}
ENCODED, DECODED = ((1,), (2,)), ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2))  # lengths that are counted


def encoder_terms(source: float) -> tuple[float, ...]:
    return source, source**2


def decoder_terms(source: float, target: float) -> tuple[float, ...]:
    return 1, source, target, source * target, target**2


class TextNetwork(NamedTuple):
    """The sizes of a model of text that a forecast needs; lengths are in tokens, the end of sentence included."""

    encoder: tuple[float, ...]  # coefficients of `encoder_terms`
    decoder: tuple[float, ...]
    parameters: int
    exported: int  # values in model.pt, where a shared matrix is written once per name
    calls: int  # products of a forward pass
    step_calls: int  # products of a step of the search
    knows_the_beam: bool

    def forward(self, source: float, target: float) -> float:
        """Operations of a pair under its reference."""
        return product(self.encoder, encoder_terms(source)) + product(self.decoder, decoder_terms(source, target))

    def search(self, source: float, steps: float, beam: int) -> float:
        """Operations of a beam search that ends after `steps` tokens."""
        padding, keys, *_, squared = self.decoder
        row = product(self.decoder, decoder_terms(source, steps)) - padding
        row -= squared * (steps**2 - steps * (steps + 1) / 2)
        kept = (beam - 1) * keys * source if self.knows_the_beam else 0
        return product(self.encoder, encoder_terms(source)) + beam * row - kept


def product(coefficients: Sequence[float], terms: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(coefficients, terms, strict=True))


@contextmanager
def quiet() -> Iterator[None]:
    """Without the notes and warnings of fairseq's and hydra's age."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def text_network(model: Mapping[str, Any], source_vocabulary: int, target_vocabulary: int) -> TextNetwork:
    """The network that a model of the configuration is with these dictionaries."""
    return _counted(json.dumps(model), source_vocabulary, target_vocabulary)


@cache
@quiet()
@torch.no_grad()
def _counted(model: str, source_vocabulary: int, target_vocabulary: int) -> TextNetwork:
    sizes = source_vocabulary, target_vocabulary
    _, network = random_model(json.loads(model), LANGUAGES, sizes, built=without_values())
    network = network.to(META).eval()  # some of fairseq's parameters are made on the CPU whatever the device

    def tokens(number: int) -> torch.Tensor:
        return torch.ones(1, number, dtype=torch.int64, device=META)

    encoded = {(s,): count(network.encoder, tokens(s), tokens(1)[0]) for (s,) in ENCODED}
    source = {s: one.result for (s,), one in encoded.items()}
    decoded = {(s, t): count(network.decoder, tokens(t), encoder_out=source[s]) for s, t in DECODED}
    state: dict[str, Any] = {}  # what the steps of a search keep, the keys of the source among it
    steps = [count(network.decoder, tokens(t), encoder_out=source[1], incremental_state=state) for t in (1, 2)]
    return TextNetwork(
        fitted(encoder_terms, {lengths: one.operations for lengths, one in encoded.items()}),
        fitted(decoder_terms, {lengths: one.operations for lengths, one in decoded.items()}),
        sum(parameter.numel() for parameter in network.parameters()),
        sum(value.numel() for value in network.state_dict().values()),
        encoded[1,].products + decoded[1, 1].products,
        steps[-1].products,
        hasattr(network, "set_beam_size"),
    )


def fitted(terms: Callable[..., Sequence[float]], counts: Mapping[tuple[int, ...], int]) -> tuple[float, ...]:
    """The coefficients, whole numbers, with which the `terms` of all lengths have their counts."""
    rows = np.array([terms(*lengths) for lengths in counts], np.float64)
    return tuple(np.rint(np.linalg.solve(rows, np.array([*counts.values()], np.float64))).tolist())


def random_model(
    settings: Mapping[str, Any],
    languages: Mapping[str, str],
    vocabularies: tuple[int, int],
    built: AbstractContextManager | None = None,
) -> tuple[Any, nn.Module]:
    """fairseq's task and an untrained model, with dictionaries of these sizes; `built`: where the model is made."""
    from fairseq import options, utils
    from fairseq.data import Dictionary
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf
    from fairseq.tasks.translation import TranslationTask

    from entropyreg.translation.command import training_arguments

    model = {**settings, "precision": "fp32"}
    described = {"run": "-", "languages": languages, "model": model, "regularizer": NONE, "seed": 1, "device": "cpu"}
    parsed = options.parse_args_and_arch(
        options.get_training_parser(), input_args=training_arguments(described, "unused", "unused")
    )
    configuration = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(configuration.common)
    dictionaries = []
    for size in vocabularies:
        dictionary = Dictionary()
        for number in range(size - len(dictionary)):
            dictionary.add_symbol(f"word{number}")
        dictionaries.append(dictionary)
    if settings.get("share_embeddings") == "all":
        dictionaries[0] = dictionaries[1]
    task = TranslationTask(configuration.task, *dictionaries)
    with built or nullcontext():
        return task, task.build_model(configuration.model)
