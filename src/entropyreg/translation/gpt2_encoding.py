"""Cut a prepared corpus into GPT-2's subwords by fairseq's encoder, for a model pre-trained on them (BART).

As fairseq's recipe does: no tokenisation, no lower-casing, the published dictionary. BART has 1,024 positions: its
sources are cut when they are read (`truncate_source` of the model) and fairseq leaves out longer training summaries;
those of valid and test are cut here, so that every summary is scored. Their references stay whole.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq.data.encoders.gpt2_bpe_utils import Encoder, get_encoder

from entropyreg.data.gpt2_bpe import NAME
from entropyreg.data.split import SPLITS
from entropyreg.io.files import atomic_path, sha256_of, write_atomically, write_json

LONGEST_TARGET = 1023  # without the end of sentence


def encode_corpus(task: Mapping[str, Any], prepared_dir: str | Path) -> dict[str, Any]:
    """Write `subwords/{train,valid,test}.{language}` and `subwords/dict.txt`; return the entries for `summary.json`."""
    prepared_dir = Path(prepared_dir)
    folder, tables = prepared_dir / "subwords", prepared_dir / NAME
    encoder = get_encoder(tables / "encoder.json", tables / "vocab.bpe")
    source, target = task["languages"]["source"], task["languages"]["target"]
    counts, n_cut = {}, {}
    for split in SPLITS:
        for language in (source, target):
            name = f"{split}.{language}"
            longest = LONGEST_TARGET if language == target and split != "train" else None
            counts[name], n_cut[name] = encode(encoder, prepared_dir / name, folder / name, longest)
    write_atomically(folder / "dict.txt", (tables / "dict.txt").read_bytes())
    summary = {
        "merges": NAME,
        "subwords": counts,
        "cut": {name: n for name, n in n_cut.items() if n},
        "outputs_sha256": {name: sha256_of(folder / name) for name in ["dict.txt", *counts]},
    }
    write_json(folder / "summary.json", summary)
    return summary


def encode(encoder: Encoder, text_path: Path, out_path: Path, longest: int | None = None) -> tuple[int, int]:
    """Encode a file line by line; return the number of subwords and of lines that were cut to `longest` of them."""
    n_subwords = n_cut = 0
    with (
        atomic_path(out_path) as temporary,
        text_path.open(encoding="utf-8", newline="\n") as text,
        temporary.open("w", encoding="utf-8", newline="\n") as out,
    ):
        for line in text:
            subwords = encoder.encode(line.rstrip("\n"))
            n_cut += longest is not None and len(subwords) > longest
            subwords = subwords[:longest]
            n_subwords += len(subwords)
            out.write(" ".join(map(str, subwords)) + "\n")
    return n_subwords, n_cut
