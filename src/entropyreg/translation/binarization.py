"""Turn subword text into fairseq's binary data set, with dictionaries made from the training text alone.

A corpus for a pre-trained model comes with that model's dictionary (`dict.txt`), which is taken as it is.
`left_out` says before a training which of its sentences are too long for a model: fairseq would leave such pairs out of
the training text with a line in its log, and end at the first one of validation.
"""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.io.errors import UserError, blaming
from entropyreg.io.files import read_json, sha256_of, write_json

NOT_DATA = ("preprocess.log", "binary.json")
FEWEST_PAIRS = 2  # of valid and test: standard errors over sentences need two
POSITIONS = 1024  # most subwords of a sentence, its end included, in the translation task and models of fairseq
NAMED = 10  # lines that are named, of the sentences that are too long


def binarize(settings: Mapping[str, Any], subwords_dir: Path, out_dir: Path) -> None:
    """Run `fairseq-preprocess` on `subwords_dir/{train,valid,test}.{language}`; write `out_dir` and its `binary.json`.

    `settings` (see `settings.preparation_settings`) gives the languages and whether they share a dictionary.
    `binary.json` maps every file to its sha256.
    """
    source, target = settings["languages"]["source"], settings["languages"]["target"]
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out_dir.parent, prefix=".binary."))
    arguments = ["--source-lang", source, "--target-lang", target, "--destdir", str(temporary), "--workers", "1"]
    for split in ("train", "valid", "test"):
        arguments += [f"--{split}pref", str(subwords_dir / split)]
    if settings.get("subwords") == "gpt2":  # a pre-trained model's dictionary, whose numbering must stay
        for side in ("--srcdict", "--tgtdict"):
            arguments += [side, str(subwords_dir / "dict.txt")]
    elif settings["joined_dictionary"]:
        arguments.append("--joined-dictionary")
    logging.basicConfig(level=logging.WARNING, force=True)
    from fairseq import options
    from fairseq_cli import preprocess

    try:
        preprocess.main(options.get_preprocessing_parser().parse_args(arguments))
        files = sorted(path for path in temporary.iterdir() if path.name not in NOT_DATA)
        if not any(path.suffix == ".idx" for path in files):
            raise UserError(f"fairseq-preprocess wrote no data from {subwords_dir}.")
        for split in ("valid", "test"):
            n_pairs = len(sizes(temporary, split, source, target)[0])
            if n_pairs < FEWEST_PAIRS:
                raise UserError(
                    f"The {split} set of {subwords_dir} has {n_pairs} pair; allowed: {FEWEST_PAIRS} or more, which "
                    "standard errors need: give the corpus more."
                )
        out_dir.mkdir(exist_ok=True)
        for path in files:
            path.replace(out_dir / path.name)
        write_json(out_dir / "binary.json", {path.name: sha256_of(out_dir / path.name) for path in files})
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)


def vocabulary_size(binary_dir: Path, language: str) -> int:
    """Entries of the softmax for a target language: a line each, and fairseq's own four symbols."""
    return (binary_dir / f"dict.{language}.txt").read_bytes().count(b"\n") + 4


def left_out(binary_dir: Path, languages: Mapping[str, str], model: Mapping[str, Any]) -> dict[str, Any] | None:
    """The training pairs that are too long for a model of the configuration, and None where there are none.

    `pairs` are too long `of` so many: more than `limit` subwords on a side, the end included; the longest has
    `longest`, and `lines` are the first ones in the prepared text. Raises `UserError` where all are too long, and for a
    sentence of valid or test that the model cannot take.
    """
    source, target = languages["source"], languages["target"]
    limit = min(POSITIONS, model["max_tokens"])
    most = {
        "valid": POSITIONS if model.get("skip_invalid_size") else limit,  # left out of validation, but predicted
        "test": POSITIONS,  # a longer one than max_tokens is a batch of its own in predictions
    }
    for split, allowed in most.items():
        for language, found in zip((source, target), sizes(binary_dir, split, source, target, model), strict=True):
            if lines := lines_above(found, allowed):
                is_key = allowed < POSITIONS
                raise UserError(
                    f"{binary_dir}: line {lines[0]} of the prepared {split}.{language} has {found[lines[0] - 1]} "
                    f"subwords, its end included, and {len(lines) - 1} more lines are too long; allowed by "
                    f"{'models.*.max_tokens' if is_key else 'the positions of a model'}: {allowed}; "
                    f"{'raise that, or ' if is_key else ''}shorten or remove the sentences in the corpus."
                )
    found = np.maximum(*sizes(binary_dir, "train", source, target, model))
    lines = lines_above(found, limit)
    if len(lines) == len(found):
        raise UserError(
            f"{binary_dir}: all {len(found)} training pairs have more than {limit} subwords, the most that the model "
            f"takes (models.*.max_tokens is {model['max_tokens']}): raise that, or shorten the sentences."
        )
    if not lines:
        return None
    of_pairs = {"pairs": len(lines), "of": len(found), "limit": limit, "longest": int(found.max())}
    return {**of_pairs, "lines": lines[:NAMED]}


def sizes(
    binary_dir: Path, split: str, source: str, target: str, model: Mapping[str, Any] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Subwords of every sentence of both sides, its end included, (n,) each; as a model reads them, if one is given."""
    from fairseq.data import data_utils

    prefix = binary_dir / f"{split}.{source}-{target}"
    data = [data_utils.load_indexed_dataset(f"{prefix}.{one}", None) for one in (source, target)]
    sides = [np.array(one.sizes) for one in data]  # copied: they lie in a mapped file, which is closed with `data`
    if model and model.get("truncate_source"):
        sides[0] = np.minimum(sides[0], POSITIONS)
    return sides[0], sides[1]


def lines_above(found: np.ndarray, limit: int) -> list[int]:
    """Numbers, from 1, of the lines with more than so many subwords."""
    return (np.flatnonzero(found > limit) + 1).tolist()


def verify_binary(binary_dir: Path) -> None:
    """Raise `UserError` unless every file of the data set has the sha256 that `binary.json` says."""
    listed = read_json(binary_dir / "binary.json")
    if not isinstance(listed, dict) or not listed:
        raise UserError(f"{binary_dir / 'binary.json'} lists no files: delete {binary_dir} and run again.")
    with blaming(binary_dir / "binary.json"):  # a name may be none that a file can have
        for name, expected in listed.items():
            path = binary_dir / name
            if not path.is_file() or sha256_of(path) != expected:
                raise UserError(
                    f"{path} is missing or damaged: delete {binary_dir} and run again, which makes it anew."
                )
