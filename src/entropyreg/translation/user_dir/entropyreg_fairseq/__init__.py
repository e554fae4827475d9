"""fairseq plug-in (`--user-dir`): the criterion `entropy_regularized_cross_entropy`."""

import argparse

import torch

from . import criterion  # noqa: F401  registers the criterion

# fairseq's checkpoints hold an argparse.Namespace, which torch.load refuses since 2.6. Allowing this one harmless class
# keeps torch's protection against arbitrary pickles for everything else.
torch.serialization.add_safe_globals([argparse.Namespace])
