"""CTranslate2 as an optional decoder, for sweeps on validation only; every reported number comes from fairseq's search.

A sweep may use it where its best hypotheses equal fairseq's on 99 % of validation (`agreement`, `usable`). A
temperature T is folded into the output projection, z / T = (W / T) h, in a copy of W: W itself is the embedding, too
(`with_temperature`). Decoder: CTranslate2 (Klein et al., https://github.com/OpenNMT/CTranslate2), float32 throughout.

Its search is fairseq's with the options of `search_options`, but for what `agreement` counts. At the greatest length
any token may come, where fairseq allows the end of sentence alone: `decode` puts the end there, yet the score is that
of the other token. What is forbidden (an end before the least length, a repeated n-gram) is taken out before the
softmax instead of after it: with n-grams this changes much, without them the score moves by -log(1 - p) / length **
penalty, p being the end's probability at the first step. Padding, which fairseq never takes, is improbable, not
forbidden.
"""

import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fairseq import options
from fairseq.models.transformer import TransformerModelBase

from entropyreg.io.errors import UserError
from entropyreg.translation.beam import Hypothesis
from entropyreg.translation.command import training_arguments

LEAST_AGREEMENT = 0.99


def usable(rate: float) -> bool:
    """True where an agreement `rate` (0 to 1) allows CTranslate2 in a sweep on validation."""
    return rate >= LEAST_AGREEMENT


def agreement(fairseq_hypotheses: Iterable[Hypothesis], ctranslate_hypotheses: Iterable[Hypothesis]) -> float:
    """Share (0 to 1) of the sentences whose best hypotheses have the same tokens, in whatever order they come.

    Raises `ValueError` unless both are of the same sentences, of at least one.
    """
    ours, theirs = (
        {one.number: one.tokens.tolist() for one in found} for found in (fairseq_hypotheses, ctranslate_hypotheses)
    )
    if not ours or ours.keys() != theirs.keys():
        raise ValueError(f"agreement needs hypotheses of the same sentences: {len(ours)} and {len(theirs)} were given.")
    return sum(tokens == theirs[number] for number, tokens in ours.items()) / len(ours)


def with_temperature(spec: Any, temperature: float) -> Any:
    """`spec` (CTranslate2's TransformerSpec, not yet saved), whose distributions are softmax(logits / `temperature`).

    The projection becomes a scaled copy, so that an embedding that shares its array keeps its values.
    Raises `ValueError` unless `temperature` is positive and finite.
    """
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}; it must be positive and finite.")
    projection = spec.decoder.projection
    if temperature != 1:
        projection.weight = projection.weight / temperature  # (V, d)
        if projection.has_bias():
            projection.bias = projection.bias / temperature  # (V,)
    return spec


def search_options(generator: Any, source_width: int) -> dict[str, Any]:
    """The options of `translate_batch` that repeat the search of fairseq's `generator` (`beam.build_generator`).

    `source_width` is the length in tokens, end of sentence included, of the batch's longest source: fairseq's limit
    max_length_factor * width + max_length_offset goes by it, not by the sentence. CTranslate2 counts the end of
    sentence as a token, fairseq does not.
    """
    limit = min(int(generator.max_len_a * source_width + generator.max_len_b), generator.max_len - 1)
    blocker = generator.repeat_ngram_blocker
    return {
        "beam_size": generator.beam_size,
        "length_penalty": generator.len_penalty or 1e-9,  # at 0 it stops by another rule; length ** 1e-9 rounds to 1
        "max_decoding_length": limit + 1,
        "min_decoding_length": generator.min_len,
        "no_repeat_ngram_size": blocker.no_repeat_ngram_size if blocker else 0,
        "max_input_length": 0,  # nothing is cut off
    }


def decode(
    translator: Any, task: Any, generator: Any, batches: Iterable[Mapping[str, Any]]
) -> Iterator[Hypothesis]:  # as `beam.search`
    """The best hypothesis of every sentence, in the order of the batches.

    For validation: the hypotheses that are reported are those of `beam.search`. `translator` is from `converted`,
    `generator` is fairseq's for the same model, `batches` are from `prediction.iterate_batches` (on the CPU).
    """
    dictionary = task.target_dictionary
    numbers = {token: number for number, token in enumerate(vocabulary(dictionary))}
    for batch in batches:
        results = translator.translate_batch(
            sources_of(batch, task.source_dictionary),
            **search_options(generator, batch["net_input"]["src_tokens"].size(1)),
            return_end_token=True,
            return_scores=True,
        )
        for number, result in zip(batch["id"].tolist(), results, strict=True):
            tokens = torch.tensor([numbers[token] for token in result.hypotheses[0]], dtype=torch.int64)  # (length,)
            tokens[-1] = dictionary.eos()  # at the greatest length fairseq allows nothing else
            yield Hypothesis(number, result.scores[0], tokens)


def sources_of(batch: Mapping[str, Any], dictionary: Any) -> list[list[str]]:
    """The sources of a batch as CTranslate2's tokens, without padding and the end of sentence, which it adds."""
    names, silent = vocabulary(dictionary), {dictionary.pad(), dictionary.eos()}
    return [[names[token] for token in row if token not in silent] for row in batch["net_input"]["src_tokens"].tolist()]


def vocabulary(dictionary: Any) -> list[str]:
    """The symbols of a fairseq dictionary as CTranslate2's converter names them, by number."""
    return ["<blank>" if symbol == "<pad>" else symbol for symbol in dictionary.symbols]


@contextmanager
def converted(
    settings: Mapping[str, Any], binary_dir: Path, model: torch.nn.Module, temperature: float = 1.0, threads: int = 1
) -> Iterator[Any]:
    """A `ctranslate2.Translator` of the run, on the CPU in float32, from a temporary folder; see `convert`."""
    ctranslate2 = library()
    with tempfile.TemporaryDirectory(prefix="ctranslate2.") as folder:
        path = Path(folder) / "model"
        convert(settings, binary_dir, model, path, temperature)
        yield ctranslate2.Translator(str(path), compute_type="float32", inter_threads=1, intra_threads=threads)


def convert(
    settings: Mapping[str, Any], binary_dir: Path, model: torch.nn.Module, out_dir: Path, temperature: float = 1.0
) -> None:
    """Write a run's model, its softmax at `temperature`, to the new folder `out_dir` in CTranslate2's format.

    `settings` and `binary_dir` are those that `prediction.load_model` made the model from. CTranslate2 reads fairseq's
    own checkpoints, while a run keeps tensors alone: it is given a checkpoint made of those and of the options.
    Raises `UserError` if CTranslate2 is missing or cannot decode the model, `ValueError` for a bad temperature.
    """
    library()
    if not isinstance(model, TransformerModelBase):
        raise UserError(f"CTranslate2 decodes Transformers, and this model is a {type(model).__name__}: use fairseq.")
    from ctranslate2.converters import FairseqConverter

    class Converter(FairseqConverter):
        def _load(self) -> Any:
            return with_temperature(super()._load(), temperature)

    arguments = training_arguments(settings, binary_dir, "unused")
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    with tempfile.TemporaryDirectory(prefix="ctranslate2.") as folder:
        checkpoint = Path(folder) / "checkpoint.pt"
        torch.save({"args": parsed, "model": model.state_dict()}, checkpoint)
        converter = Converter(str(checkpoint), str(binary_dir), parsed.source_lang, parsed.target_lang)
        with torch.serialization.safe_globals([Namespace]):
            converter.convert(str(out_dir))


def library() -> ModuleType:
    """The library, or a `UserError` that says how to install it."""
    try:
        import ctranslate2
    except ImportError:
        raise UserError(
            "CTranslate2 is not installed: pip install --require-hashes --no-deps -r requirements/ctranslate.lock, or "
            "decode with fairseq."
        ) from None
    return ctranslate2
