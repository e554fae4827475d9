"""Joint byte-pair encoding by subword-nmt: one list of merges for both languages, learned on the training text alone.

Sennrich, Haddow and Birch 2016; marks the inside of a word as `wo@@ rd`. `segment_corpus` reads what
`prepare_corpus` wrote and writes `subwords/codes` and `subwords/{train,valid,test}.{language}`. Memory: the vocabulary.
"""

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from entropyreg.data.split import SPLITS
from entropyreg.io.errors import UserError
from entropyreg.io.files import atomic_path, sha256_of, write_atomically, write_json

FOLDER = "subwords"
SEPARATOR = "@@"


def learn(paths: Iterable[str | Path], n_merges: int, codes_path: str | Path) -> int:
    """Learn up to `n_merges` merges on the words of all files together, write them, and return how many there are.

    Learning ends early where no pair of symbols is seen twice. Words are ordered by count and spelling beforehand, so
    the merges do not depend on the order of the text.
    """
    from subword_nmt.learn_bpe import learn_bpe  # imported here, since measuring needs only `undo`

    counts: Counter[str] = Counter()
    for path in paths:
        with Path(path).open(encoding="utf-8", newline="\n") as file:
            for line in file:
                counts.update(line.split())
    if not any(len(word) > 1 for word in counts):
        raise UserError(f"There is nothing to learn subwords from: no word of two letters in {list(map(str, paths))}.")
    dictionary = [f"{word} {count}" for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    codes = io.StringIO()
    with redirect_stderr(io.StringIO()):  # subword-nmt draws a progress bar there
        learn_bpe(dictionary, codes, n_merges, is_dict=True)
    write_atomically(codes_path, codes.getvalue())
    return codes.getvalue().count("\n") - 1  # without the version line


def apply(codes_path: str | Path, text_path: str | Path, out_path: str | Path) -> int:
    """Cut the words of a tokenised file into subwords, line by line, and return the number of subwords."""
    from subword_nmt.apply_bpe import BPE

    with Path(codes_path).open(encoding="utf-8") as codes:
        encoder = BPE(codes, separator=SEPARATOR)
    n_subwords = 0
    with (
        atomic_path(out_path) as temporary,
        Path(text_path).open(encoding="utf-8", newline="\n") as text,
        temporary.open("w", encoding="utf-8", newline="\n") as out,
    ):
        for line in text:
            subwords = encoder.process_line(line.rstrip("\n"))
            n_subwords += len(subwords.split())
            out.write(subwords + "\n")
    return n_subwords


def undo(line: str) -> str:
    """Join the subwords of a line: 'wo@@ rd s' -> 'word s'; a mark at the end of a cut hypothesis goes as well."""
    return (line + " ").replace(f"{SEPARATOR} ", "").removesuffix(" ")


def segment_corpus(task: Mapping[str, Any], prepared_dir: str | Path) -> dict[str, Any]:
    """Learn `task['subwords']` merges on the prepared training text, apply them to every split, return the summary."""
    prepared_dir, languages = Path(prepared_dir), [task["languages"]["source"], task["languages"]["target"]]
    folder = prepared_dir / FOLDER
    training = [prepared_dir / f"train.{language}" for language in languages]
    n_learned = learn(training, task["subwords"], folder / "codes")
    names = [f"{split}.{language}" for split in SPLITS for language in languages]
    summary = {
        "merges": {"asked": task["subwords"], "learned": n_learned},
        "subwords": {name: apply(folder / "codes", prepared_dir / name, folder / name) for name in names},
        "outputs_sha256": {name: sha256_of(folder / name) for name in ["codes", *names]},
    }
    write_json(folder / "summary.json", summary)
    return summary
