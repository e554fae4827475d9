"""Predict once per run and split: teacher-forced token statistics and beam-search hypotheses.

`<split>.tokens.npz` has the statistics of `scoring` under the gold prefix, `<split>.own.npz` those of the model's own
best hypotheses and the entropy within the beam; `<split>.hypotheses.tsv` has one line a sentence: number, score
(natural log, length-normalised), subword tokens. `valid.beams.tsv` has a first column more, the beam size.

Memory: one batch, and some tens of bytes a sentence (lengths, order); all else goes through files.
"""

import logging
import math
import pickle
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import options, tasks, utils
from fairseq.data import data_utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from entropyreg.experiments.resolution import read_resolved
from entropyreg.io.columns import write_columns
from entropyreg.io.devices import check_device, one_device
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path
from entropyreg.regularizers.equilibrium import equilibrium
from entropyreg.translation.beam import BeamEntropy, Hypotheses, Hypothesis, build_generator, search
from entropyreg.translation.binarization import verify_binary
from entropyreg.translation.command import training_arguments
from entropyreg.translation.repairs import forget_beam
from entropyreg.translation.scoring import OWN, filler_entries, on_device, own_batch, score


def predict(settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, split: str, threads: int) -> None:
    """Write the statistics and hypotheses of `split` with the run's selected weights (`model.pt`)."""
    with one_device(settings["device"]):
        task, model, regularizer = prepare(settings, binary_dir, run_dir, threads)
        dictionary = task.target_dictionary
        lengths = target_lengths(task, split)
        batches = partial(iterate_batches, task, split, settings["decoding"]["max_tokens"])  # equal ones at every call
        log_floor = floor_of(regularizer, len(dictionary))
        log_thresholds = list(settings["log_thresholds"])
        if log_floor is not None:
            log_thresholds += [log_floor + math.log(factor) for factor in settings["floor_factors"]]
        facts = {
            "log_thresholds": log_thresholds,
            "floor_factors": settings["floor_factors"] if log_floor is not None else [],
            "vocabulary_size": len(dictionary),
            "filler_entries": len(filler_entries(dictionary)),
        }
        device, out_dir = settings["device"], run_dir / "predictions"
        out_dir.mkdir(exist_ok=True)
        columns = score(model, on_device(batches(), device), dictionary, log_thresholds, lengths, out_dir)
        write_columns(out_dir / f"{split}.tokens.npz", columns | facts)
        generator, entropy = build_generator(task, model, settings["decoding"]), BeamEntropy()
        entropy.watch(generator)
        found = Hypotheses(len(lengths), out_dir)
        found.add(search(task, model, generator, on_device(batches(), device)))
        forget_beam(model)
        own_batches = (own_batch(one, found, dictionary) for one in on_device(batches(), device))
        own = score(model, own_batches, dictionary, (), found.lengths, out_dir)
        write_columns(out_dir / f"{split}.own.npz", {name: own[name] for name in OWN} | {"beam_entropy": entropy.mean})
        write_lines(out_dir / f"{split}.hypotheses.tsv", (line_of(one, dictionary) for one in found))


def predict_beams(settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, threads: int) -> None:
    """Decode (the first `settings["sentences"]` of) validation with every beam size; the model is loaded once."""
    with one_device(settings["device"]):
        task, model, _ = prepare(settings, binary_dir, run_dir, threads)
        batches = partial(iterate_batches, task, "valid", settings["decoding"]["max_tokens"], settings["sentences"])
        out_dir, n_sentences = run_dir / "predictions", len(target_lengths(task, "valid"))
        out_dir.mkdir(exist_ok=True)

        def lines() -> Iterator[str]:
            for beam in settings["beam_sizes"]:
                generator = build_generator(task, model, {**settings["decoding"], "beam": beam})
                found = Hypotheses(n_sentences, out_dir)
                found.add(search(task, model, generator, on_device(batches(), settings["device"])))
                yield from (f"{beam}\t{line_of(one, task.target_dictionary)}" for one in found)

        write_lines(out_dir / "valid.beams.tsv", lines())


def prepare(
    settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, threads: int
) -> tuple[Any, torch.nn.Module, dict[str, Any]]:
    """Task, model on its device, and the regularizer that it was trained with."""
    torch.set_num_threads(threads)
    check_device(settings["device"])
    verify_binary(binary_dir)
    logging.getLogger().setLevel(logging.WARNING)
    regularizer = read_resolved(run_dir / "training.json")
    task, model = load_model({**settings, "regularizer": regularizer}, binary_dir, run_dir / "model.pt")
    return task, model, regularizer


def floor_of(regularizer: Mapping[str, Any], vocabulary_size: int) -> float | None:
    """Log-probability of the equilibrium's floor; None where the theory has none (no regularizer, other baseline)."""
    if regularizer["skew"] is None or not regularizer["strength"] or regularizer["baseline"] != "uniform":
        return None
    return math.log(equilibrium(regularizer["skew"], regularizer["strength"], vocabulary_size).floor)


def load_model(settings: Mapping[str, Any], binary_dir: Path, weights_path: Path) -> tuple[Any, torch.nn.Module]:
    """The task and the model in evaluation mode, rebuilt from the settings; `weights_path` holds tensors only."""
    arguments = training_arguments(settings, binary_dir, "unused")
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(config.common)
    task = tasks.setup_task(config.task)
    model = task.build_model(config.model)
    try:
        model.load_state_dict(torch.load(weights_path, map_location="cpu", weights_only=True))
    except (RuntimeError, zipfile.BadZipFile, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise UserError(
            f"{weights_path} does not fit its run or is damaged ({reason}): delete it and run again."
        ) from None
    model.eval()
    return task, model.cuda() if settings["device"] == "cuda" else model


def iterate_batches(
    task: Any, split: str, max_tokens: int, first: int | None = None, only: Collection[int] | None = None
) -> Iterator[dict[str, Any]]:
    """Batches of similar length of the `first` sentences, or `only` of some (None: all); `id` is the corpus' number.

    A sentence of more than `max_tokens` is a batch of its own.
    """
    task.load_dataset(split)
    dataset = task.dataset(split)
    with data_utils.numpy_seed(1):  # sentences of equal length are ordered at random
        indices = dataset.ordered_indices()
    if first is not None:
        indices = indices[indices < first]
    if only is not None:
        indices = indices[np.isin(indices, list(only))]
    fits = dataset.num_tokens_vec(indices) <= max_tokens
    sampler = dataset.batch_by_size(indices[fits], max_tokens=max_tokens, required_batch_size_multiple=1)
    for batch in [*sampler, *([number] for number in indices[~fits])]:
        yield dataset.collater([dataset[number] for number in batch])


def target_lengths(task: Any, split: str) -> np.ndarray:
    """Target tokens of every sentence of a split, its end included; the word '<pad>' is none."""
    task.load_dataset(split)
    targets, pad = task.dataset(split).tgt, task.target_dictionary.pad()
    return np.fromiter((int((row != pad).sum()) for row in targets), np.int32, len(targets))


def line_of(one: Hypothesis, dictionary: Any) -> str:
    return f"{one.number}\t{one.score:.6f}\t{dictionary.string(one.tokens)}\n"


def lines_of(found: Iterable[Hypothesis], dictionary: Any) -> list[str]:
    """One line a sentence, in the order of the corpus."""
    return [line_of(one, dictionary) for one in sorted(found, key=lambda one: one.number)]


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines as they come to a file that appears when the last one is written."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
