"""The scores of a run that searches and matches choose by: validation BLEU and normalised entropy.

They stand in the run's record too. They are a stage of their own so that a search follows the code of these two
measures alone: another measure, new or mended, makes records anew and trains nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from entropyreg.io.columns import StoredColumns
from entropyreg.io.errors import blaming
from entropyreg.io.predicted_files import verify_sums
from entropyreg.io.trained_weights import read_training
from entropyreg.measures import in_blocks
from entropyreg.measures.entropy import normalized_entropy
from entropyreg.measuring.hypotheses import read_hypotheses, read_texts
from entropyreg.measuring.text_quality import score_texts

SPLIT = "valid"


def score_run(settings: Mapping[str, Any], run_dir: Path, text_dir: Path) -> dict[str, Any]:
    """What `search.proposals` reads of a run, in the form of its record.

    `settings` is `entropyreg.config.settings.scoring_settings`; `text_dir` holds the prepared text with its references.
    """
    training = read_training(run_dir, settings["run"])
    verify_sums(run_dir, settings["run"], SPLIT)
    tokens = StoredColumns(run_dir / "predictions" / f"{SPLIT}.tokens.npz")
    path = run_dir / "predictions" / f"{SPLIT}.hypotheses.tsv"
    quality, _ = score_texts(settings, read_hypotheses(path), read_texts(settings, text_dir, SPLIT), str(path))
    with blaming(str(tokens)):
        vocabulary = int(np.asarray(tokens["vocabulary_size"]))
        entropy = normalized_entropy(np.float64(in_blocks.mean(tokens["entropy"])), vocabulary)
    scores = {"bleu": quality.get("bleu"), "entropy_normalized": entropy, "vocabulary_size": vocabulary}
    return {"run": settings["run"], "regularizer": training["regularizer"], "measures": {SPLIT: scores}}
