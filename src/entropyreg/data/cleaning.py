"""Drops training pairs by length and ratio, as Moses' clean-corpus-n.perl does on tokenised text."""


def drop_reason(
    n_source: int, n_target: int, *, shortest: int = 1, longest: int | None = None, ratio: float | None = None
) -> str | None:
    """Why a pair of so many tokens is dropped: 'too_short', 'too_long', 'ratio', or None where it is kept.

    Both sides need `shortest` to `longest` tokens, and the longer side at most `ratio` times those of the shorter one.
    """
    shorter, longer = sorted((n_source, n_target))
    if shorter < max(shortest, 1):
        return "too_short"
    if longest is not None and longer > longest:
        return "too_long"
    if ratio is not None and longer > ratio * shorter:
        return "ratio"
    return None
