"""Predict a run at many temperatures: one process, one pass over the gold prefix, one beam search a temperature.

    p_T = softmax(logits / T)        (Müller et al. 2019, Figures 3, 4 and 7)

`<split>.temperatures.npz`: NLL and confidence (G, N) of the first tokens at every temperature of a fine grid, and
`own_*`, the same at the temperatures that are decoded for the model's own best hypotheses at T = 1 (G', N').
`<split>.temperatures.tsv`: as `valid.beams.tsv`, with the temperature before each line; beside the configuration's
temperatures those of least ECE and of least NLL on validation are decoded, on test too: test chooses nothing. At T = 1
the search is the plain one, bit for bit.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from entropyreg.io.devices import one_device
from entropyreg.io.errors import blaming
from entropyreg.io.files import read_npz, write_atomically, write_npz
from entropyreg.measures.temperature import CRITERIA, best_on_grid, grid_of, temperature_label
from entropyreg.regularizers import token_statistics
from entropyreg.translation.beam import build_generator, search
from entropyreg.translation.features import word_features
from entropyreg.translation.prediction import iterate_batches, lines_of, prepare
from entropyreg.translation.repairs import forget_beam
from entropyreg.translation.scoring import on_device, own_batch

NUMBERS = ("sentence", "position", "target")


def predict_temperatures(
    settings: Mapping[str, Any], binary_dir: Path, run_dir: Path, threads: int, split: str = "valid"
) -> None:
    """Write the predictions of the run at all temperatures (`settings.temperature_settings`).

    Of validation features of words too; test reads what was written of validation.
    """
    with one_device(settings["device"]):
        task, model, _ = prepare(settings, binary_dir, run_dir, threads)
        dictionary, device, out_dir = task.target_dictionary, settings["device"], run_dir / "predictions"
        max_tokens = settings["decoding"]["max_tokens"]
        decoded = np.array(settings["temperatures"], np.float64)
        grid = grid_of(**settings["grid"], also=settings["temperatures"])
        first = first_sentences(task, split, settings["calibration_tokens"])
        gold = on_device(iterate_batches(task, split, max_tokens, first), device)
        columns = temperature_statistics(model, gold, dictionary, grid)
        if split == "valid":
            fitted = best_temperatures(grid, columns)
        else:
            known = out_dir / "valid.temperatures.npz"
            with blaming(known):
                fitted = best_temperatures(grid, read_npz(known))
        batches = list(iterate_batches(task, split, max_tokens, settings["sentences"]))
        lines, tokens = [], {}
        for temperature in np.unique([*decoded, *fitted]):
            generator = build_generator(task, model, {**settings["decoding"], "temperature": float(temperature)})
            found = list(search(task, model, generator, on_device(batches, device)))
            lines += [f"{temperature_label(temperature)}\t{line}" for line in lines_of(found, dictionary)]
            if temperature == 1:
                tokens = {one.number: one.tokens for one in found}
        forget_beam(model)
        own = (own_batch(batch, tokens, dictionary) for batch in on_device(batches, device))
        own_columns = temperature_statistics(model, own, dictionary, decoded)
        del own_columns["correct"]  # by definition; whether the reference has the word is measured
        columns |= {"temperatures": grid, "own_temperatures": decoded}
        columns |= {f"own_{name}": values for name, values in own_columns.items()}
        write_npz(out_dir / f"{split}.temperatures.npz", columns)
        write_atomically(out_dir / f"{split}.temperatures.tsv", "".join(lines))
        if split == "valid":
            write_npz(out_dir / "features.npz", word_features(task, model, settings))


def best_temperatures(grid: np.ndarray, columns: Mapping[str, np.ndarray]) -> list[float]:
    """The temperatures of the grid (G,) with least ECE and least NLL of what was written of a split."""
    records = [columns[name] for name in ("nll", "confidence", "correct")]
    return [best_on_grid(grid, *records, criterion).temperature for criterion in CRITERIA]


def first_sentences(task: Any, split: str, tokens: int) -> int:
    """How many sentences of the split, from the first, have `tokens` target tokens (all, if there are not as many)."""
    task.load_dataset(split)
    reached = np.cumsum(task.dataset(split).tgt_sizes) >= tokens
    return int(reached.argmax()) + 1 if reached.any() else len(reached)


@torch.no_grad()
def temperature_statistics(
    model: torch.nn.Module, batches: Iterable[Mapping[str, Any]], dictionary: Any, temperatures: Sequence[float]
) -> dict[str, np.ndarray]:
    """`nll` and `confidence` (G, N) of the batches' targets at each temperature; `correct` (N,) and where they stand.

    In the order of the corpus; holds the logits of one batch at a time.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        output = model(**batch["net_input"])[0]  # (B, T, V)
        real = batch["target"] != dictionary.pad()
        targets = batch["target"][real]  # (N,)
        found = token_statistics(output[real], targets, temperatures=tuple(temperatures))
        shape = (len(temperatures), len(targets))
        values = {"nll": found.nll.reshape(shape), "confidence": found.max_prob.reshape(shape)}
        values |= {"correct": found.correct.reshape(shape)[0], "target": targets}
        values["sentence"] = batch["id"].unsqueeze(1).expand_as(real)[real]
        values["position"] = torch.arange(real.size(1), device=real.device).expand_as(real)[real]
        for name, value in values.items():
            parts.setdefault(name, []).append(value.cpu().numpy())
    columns = {name: np.concatenate(values, axis=-1) for name, values in parts.items()}
    order = np.lexsort((columns["position"], columns["sentence"]))
    columns = {name: values[..., order] for name, values in columns.items()}
    return columns | {name: columns[name].astype(np.int32) for name in NUMBERS}
