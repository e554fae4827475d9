"""fairseq plug-in (`--user-dir`): the criterion `entropy_regularized_cross_entropy`."""

import entropyreg.translation.checkpoints  # noqa: F401  allows what fairseq's checkpoints hold

from . import criterion  # noqa: F401  registers the criterion
