"""Whether a claim was declared before its first record was made, as far as days can tell.

The declaration has a day and no hour: within a day, the order is in the repository's history, which no result reads.
"""

BEFORE, SAME, AFTER = "before", "same", "after"


def day_of_declaration(declared: str, made: str) -> str:
    """'before', 'same' or 'after': `declared` (2026-11-22) against the day of a record, `made` (ISO 8601, UTC)."""
    day = made[:10]
    return BEFORE if declared < day else SAME if declared == day else AFTER
