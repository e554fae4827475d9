"""Measure one run: predictions in, `record.json` out. Reads arrays and text; no torch, no fairseq."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.data.detokenization import detokenize
from entropyreg.data.subwords import undo
from entropyreg.errors import UserError
from entropyreg.files import read_json
from entropyreg.measures.bleu import corpus_bleu
from entropyreg.measures.entropy import entropy_spread, normalized_entropy
from entropyreg.measures.reference_rank import mean_reference_rank
from entropyreg.measures.sparsity import shares_below


def measure_run(settings: Mapping[str, Any], run_dir: Path, text_dir: Path, claims_sha256: str) -> dict[str, Any]:
    """The record of a run: deterministic content only.

    `settings` is `entropyreg.settings.measuring_settings`; `text_dir` holds the prepared text with its references.
    """
    training = read_json(run_dir / "training.json")
    measures = {split: measure_split(settings, run_dir, text_dir, split) for split in settings["splits"]}
    kept = ("run", "task", "model", "regularizer", "seed", "lowercase", "selection", "training", "decoding")
    return {
        **{key: settings[key] for key in kept},
        "updates": training["updates"],
        "weights_sha256": training["weights_sha256"],
        "data": read_json(text_dir / "summary.json"),
        "claims_sha256": claims_sha256,
        "measures": measures,
    }


def measure_split(settings: Mapping[str, Any], run_dir: Path, text_dir: Path, split: str) -> dict[str, Any]:
    """All measures of one split: teacher-forced statistics and BLEU of the hypotheses."""
    tokens = read_tokens(run_dir / "predictions" / f"{split}.tokens.npz")
    hypotheses = read_hypotheses(run_dir / "predictions" / f"{split}.hypotheses.tsv")
    language = settings["target_language"]
    references = read_lines(text_dir / f"{split}.reference")
    tokenized = read_lines(text_dir / f"{split}.{language}")
    if not len(hypotheses) == len(references) == len(tokenized):
        raise UserError(
            f"{run_dir}: {len(hypotheses)} hypotheses for {len(references)} references of '{split}': predict again."
        )
    words = [undo(line) for line in hypotheses]
    bleu = corpus_bleu([detokenize(line.split(), language) for line in words], references, lowercase=settings["lowercase"])
    as_published = corpus_bleu(words, tokenized)
    vocabulary, filler = int(tokens["vocabulary_size"]), int(tokens["filler_entries"])
    return {
        "n_sentences": len(references),
        "n_tokens": int(tokens["nll"].size),
        "vocabulary_size": vocabulary,
        "filler_entries": filler,
        "nll": float(np.mean(tokens["nll"], dtype=np.float64)),
        "accuracy": float(np.mean(tokens["correct"], dtype=np.float64)),
        "confidence": float(np.mean(tokens["confidence"], dtype=np.float64)),
        "entropy_normalized": normalized_entropy(tokens["entropy"], vocabulary),
        "entropy_normalized_without_filler": normalized_entropy(tokens["entropy_without_filler"], vocabulary - filler),
        "entropy_spread": entropy_spread(tokens["entropy"], vocabulary),
        **shares_below(tokens["share"], tokens["log_thresholds"]),
        "reference_rank": mean_reference_rank(tokens["rank"], tokens["sentence"]),
        "bleu": bleu.score,
        "bleu_signature": bleu.signature,
        "bleu_as_published": as_published.score,
        "bleu_as_published_signature": as_published.signature,
    }


def read_tokens(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.tokens.npz`; a damaged file is a `UserError`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise UserError(f"{path} is missing or damaged ({error}): delete it and run again.") from None


def read_hypotheses(path: Path) -> list[str]:
    """Best hypotheses as subword tokens, in the order of the corpus."""
    rows = [line.split("\t") for line in read_lines(path)]
    if any(len(row) != 3 or row[0] != str(number) for number, row in enumerate(rows)):
        raise UserError(f"{path} is damaged: delete it and run again.")
    return [row[2] for row in rows]


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file that end in LF (other line separators belong to the text)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}).") from None
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
