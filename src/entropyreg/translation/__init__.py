"""Everything that touches fairseq: the plug-in with the criterion, training, predicting. Import sub-modules lazily."""

from pathlib import Path

USER_DIR = Path(__file__).parent / "user_dir" / "entropyreg_fairseq"
"""The folder for fairseq's `--user-dir`: it registers the criterion `entropy_regularized_cross_entropy`."""
