"""Values as text: of runs with their spread and reason, of sources as printed."""

import math

from entropyreg.results.published import PublishedNumber
from entropyreg.tables.aggregate import Value
from entropyreg.tables.formats import Cell, Footnotes

NOT_APPLICABLE = Cell("-")
NOT_AVAILABLE = Cell("n/a (not available to us)")


def shown(value: Value, form: str, footnotes: Footnotes) -> Cell:
    """'31.2 ± 0.4 (n = 3)', '31.2', '-' where nothing applies, or 'n/a' with the reason in a footnote."""
    marks = (footnotes.mark(value.reason),) if value.reason else ()
    if value.mean is None:
        return Cell("n/a", marks) if value.reason else NOT_APPLICABLE
    text = number_text(value.mean, form)
    if value.deviation is not None:
        text += f" ± {format(value.deviation, form.lstrip('+'))} (n = {value.n})"
    return Cell(text, marks)


def shown_published(number: PublishedNumber | None, footnotes: Footnotes) -> Cell:
    """The number as printed in the source; its note, where there is one, in a footnote."""
    if number is None:
        return NOT_AVAILABLE
    marks = (footnotes.mark(f"published: {number.note}"),) if number.note else ()
    return Cell(number.printed or NOT_AVAILABLE.text, marks)


def number_text(value: float, form: str) -> str:
    """The formatted number; '-0.0' and '+0.0' are '0.0'."""
    text = format(value, form)
    return text.lstrip("+-") if float(text) == 0 else text


def percent_text(share: float, error: float | None) -> str:
    """A share in [0, 1] as a percentage, to two digits of its standard error (one to four decimals): '66.80 ± 0.12'."""
    decimals = 1
    if error:
        decimals = min(max(1 - math.floor(math.log10(100 * error)), 1), 4)
    text = f"{100 * share:.{decimals}f}"
    return text if error is None else f"{text} ± {100 * error:.{decimals}f}"


def p_text(p_value: float) -> str:
    """'p = 0.012', 'p < 0.001'."""
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"
