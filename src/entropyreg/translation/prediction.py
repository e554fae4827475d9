"""Predict once per run and split: teacher-forced token statistics and beam-search hypotheses.

`<split>.tokens.npz` has one entry a target token (end of sentence included), in the order of the corpus:
`sentence`, `position`, `target`, `nll`, `entropy` and `entropy_without_filler` (nats; the second of the distribution
renormalised over what a target can be), `confidence`, `correct`, `rank` (zero-based) and `share` (tokens, thresholds):
share of the vocabulary under each threshold. `<split>.hypotheses.tsv` has one line a sentence:
number, score (natural log, length-normalised), subword tokens.
"""

import io
import logging
import math
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from entropyreg.errors import UserError
from entropyreg.files import atomic_path, write_atomically
from entropyreg.regularizers import token_statistics
from entropyreg.translation.binarization import verify_binary
from entropyreg.translation.command import training_arguments
from entropyreg.translation.devices import check_device, one_device

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


def predict(settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, split: str, threads: int) -> None:
    """Write the statistics and hypotheses of `split` with the run's selected weights (`model.pt`)."""
    with one_device(settings["device"]):
        predict_here(settings, binary_dir, run_dir, split, threads)


def predict_here(settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, split: str, threads: int) -> None:
    """`predict` on the device that this process holds."""
    torch.set_num_threads(threads)
    check_device(settings["device"])
    verify_binary(binary_dir)
    logging.getLogger().setLevel(logging.WARNING)
    task, model = load_model(settings, binary_dir, run_dir / "model.pt")
    task.load_dataset(split)
    batches = list(iterate_batches(task, split, settings["decoding"]["max_tokens"]))
    out_dir = run_dir / "predictions"
    columns = score(model, batches, task.target_dictionary, settings["log_thresholds"], settings["device"])
    save_npz(out_dir / f"{split}.tokens.npz", columns)
    lines = sorted(search(task, model, batches, settings))
    text = "".join(f"{number}\t{hypothesis_score:.6f}\t{tokens}\n" for number, hypothesis_score, tokens in lines)
    write_atomically(out_dir / f"{split}.hypotheses.tsv", text)


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


def iterate_batches(task: Any, split: str, max_tokens: int) -> Iterator[dict[str, Any]]:
    """Batches of similar length; `id` is the sentence's number in the corpus."""
    iterator = task.get_batch_iterator(
        task.dataset(split),
        max_tokens=max_tokens,
        required_batch_size_multiple=1,
        num_workers=0,
        disable_iterator_cache=True,
    )
    yield from iterator.next_epoch_itr(shuffle=False)


def filler_entries(dictionary: Any) -> list[int]:
    """Entries of the softmax that no target can be: start of sentence, padding, and what fairseq fills up with."""
    fill = [index for index, symbol in enumerate(dictionary.symbols) if symbol.startswith("madeupword")]
    return sorted({dictionary.bos(), dictionary.pad(), *fill})


@torch.no_grad()
def score(
    model: torch.nn.Module, batches: list[dict[str, Any]], dictionary: Any, log_thresholds: list[float], device: str
) -> dict[str, np.ndarray]:
    """Token statistics under the gold prefix; holds the logits of one batch at a time."""
    parts: dict[str, list[np.ndarray]] = {}
    thresholds, filler = [float(np.exp(one)) for one in log_thresholds], filler_entries(dictionary)
    for batch in batches:
        batch = utils.move_to_cuda(batch) if device == "cuda" else batch
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
        for name, value in values.items():
            parts.setdefault(name, []).append(value.cpu().numpy().astype(DTYPES[name]))
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    order = np.lexsort((columns["position"], columns["sentence"]))
    facts = {"log_thresholds": log_thresholds, "vocabulary_size": len(dictionary), "filler_entries": len(filler)}
    return {name: values[order] for name, values in columns.items()} | {k: np.array(v) for k, v in facts.items()}


def search(
    task: Any, model: torch.nn.Module, batches: list[dict[str, Any]], settings: Mapping[str, Any]
) -> Iterator[tuple[int, float, str]]:
    """Beam search; yields (sentence number, score, best hypothesis as subword tokens)."""
    decoding = settings["decoding"]
    config = OmegaConf.merge(
        OmegaConf.structured(GenerationConfig),
        {
            "beam": decoding["beam"],
            "lenpen": decoding["length_penalty"],
            "max_len_a": decoding["max_length_factor"],
            "max_len_b": decoding["max_length_offset"],
        },
    )
    generator = task.build_generator([model], config)
    for batch in batches:
        batch = utils.move_to_cuda(batch) if settings["device"] == "cuda" else batch
        for number, hypotheses in zip(
            batch["id"].tolist(), task.inference_step(generator, [model], batch), strict=True
        ):
            best = hypotheses[0]
            yield number, float(best["score"]), task.target_dictionary.string(best["tokens"])


def save_npz(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """A compressed npz whose bytes depend on the values alone (np.savez stamps no time)."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: columns[name] for name in sorted(columns)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
