"""Turn subword text into fairseq's binary data set, with dictionaries made from the training text alone.

A corpus for a pre-trained model comes with that model's dictionary (`dict.txt`), which is taken as it is.
"""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError, blaming
from entropyreg.files import read_json, sha256_of, write_json

NOT_DATA = ("preprocess.log", "binary.json")


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
