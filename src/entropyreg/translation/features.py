"""Features of some words for the projection of the penultimate layer: the last hidden layer before the softmax.

Under the gold prefix, at the positions whose target is one of the words; a word's template is its row of the output
projection (Müller et al. 2019, Figure 7). Of each split the first examples of each word in the order of the corpus.
Each example comes with the coefficient of variation of its distances to the templates of all wrong words of the
vocabulary, since those templates are too many to keep.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from entropyreg.io.errors import UserError
from entropyreg.measures.penultimate import distance_variation
from entropyreg.translation.prediction import iterate_batches
from entropyreg.translation.scoring import filler_entries, on_device

PER_WORD = 100  # examples, as in the paper
SPLITS = ("train", "valid")
ROWS_AT_ONCE = 64  # distances (rows, V) in float64


def word_features(task: Any, model: torch.nn.Module, settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """`words` (W,), their `templates` (W, D); of each split `<split>_features` (N, D), `_labels` (N,) and `_variation`.

    `<split>_accuracy` is the share of right next tokens on the sentences that were seen. Words that the dictionary
    lacks are left out; without any there are no splits. Raises `UserError` for a model that is no Transformer.
    """
    if not settings["triplets"]:
        return {"words": np.zeros(0, dtype="U1")}
    if not hasattr(model.decoder, "output_projection"):
        raise UserError(f"{settings['run']}: triplets are projected of a Transformer's output layer, and this is none.")
    dictionary = task.target_dictionary
    known = {word for triplet in settings["triplets"] for word in triplet if word in dictionary.indices}
    words = sorted(known)
    numbers = [dictionary.index(word) for word in words]
    weights = model.decoder.output_projection.weight.detach().float().cpu().numpy()  # (V, D)
    found = {"words": np.array(words, dtype=np.str_), "templates": weights[numbers]}
    for split in SPLITS if words else ():
        task.load_dataset(split)
        chosen = sentences_with(rows_of(task.dataset(split).tgt), numbers, PER_WORD)
        batches = iterate_batches(task, split, settings["decoding"]["max_tokens"], only=chosen)
        part = features_of(model, on_device(batches, settings["device"]), dictionary.pad(), numbers)
        part["variation"] = variation_of(part, numbers, weights, filler_entries(dictionary))
        found |= {f"{split}_{name}": values for name, values in part.items()}
    return found


def sentences_with(targets: Iterable[np.ndarray], numbers: Sequence[int], per_word: int) -> list[int]:
    """The sentences, from the first, that hold the first `per_word` occurrences of each of the `numbers`."""
    left, chosen = dict.fromkeys(numbers, per_word), []
    for sentence, row in enumerate(targets):
        present = [number for number in left if number in row]
        if present:
            chosen.append(sentence)
            for number in present:
                left[number] -= int((row == number).sum())
            left = {number: count for number, count in left.items() if count > 0}
        if not left:
            break
    return chosen


def rows_of(dataset: Any) -> Iterator[np.ndarray]:
    """The sentences of a fairseq data set, which knows no end when it is iterated."""
    return (dataset[number].numpy() for number in range(len(dataset)))


@torch.no_grad()
def features_of(
    model: torch.nn.Module, batches: Iterable[Mapping[str, Any]], padding: int, numbers: Sequence[int]
) -> dict[str, np.ndarray]:
    """The first `PER_WORD` features of each word: `features` (N, D), `labels` (N,) into `numbers`; `accuracy` ()."""
    place = {number: label for label, number in enumerate(numbers)}
    rows: list[tuple[int, int, int, np.ndarray]] = []  # sentence, position, label, feature
    right = total = 0
    for batch in batches:
        hidden = hidden_states(model, batch["net_input"])  # (B, T, D)
        target = batch["target"]
        real = target != padding
        right += int((model.decoder.output_layer(hidden).argmax(-1) == target)[real].sum())
        total += int(real.sum())
        wanted = torch.isin(target, torch.tensor(list(numbers), device=target.device))
        for (row, position), feature in zip(
            wanted.nonzero().tolist(), hidden[wanted].float().cpu().numpy(), strict=True
        ):
            rows.append((int(batch["id"][row]), position, place[int(target[row, position])], feature))
    rows.sort(key=lambda one: one[:2])
    kept = [one for label in range(len(numbers)) for one in [row for row in rows if row[2] == label][:PER_WORD]]
    width = model.decoder.output_projection.weight.shape[1]
    return {
        "features": np.array([row[3] for row in kept], np.float32).reshape(-1, width),
        "labels": np.array([row[2] for row in kept], np.int32),
        "accuracy": np.array(right / total if total else np.nan),
    }


def hidden_states(model: torch.nn.Module, net_input: Mapping[str, Any]) -> torch.Tensor:
    """What the output projection is applied to, (B, T, D), under the gold prefix."""
    encoded = model.encoder(net_input["src_tokens"], src_lengths=net_input["src_lengths"])
    return model.decoder(net_input["prev_output_tokens"], encoder_out=encoded, features_only=True)[0]


def variation_of(
    part: Mapping[str, np.ndarray], numbers: Sequence[int], weights: np.ndarray, filler: Collection[int]
) -> np.ndarray:
    """`measures.penultimate.distance_variation` (N,) over the vocabulary; `filler` entries are no words."""
    if not len(part["labels"]):
        return np.zeros(0)
    kept = np.setdiff1d(np.arange(len(weights)), list(filler))
    labels = np.searchsorted(kept, np.array(numbers)[part["labels"]])
    parts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(labels), ROWS_AT_ONCE)]
    return np.concatenate([distance_variation(part["features"][one], labels[one], weights[kept]) for one in parts])
