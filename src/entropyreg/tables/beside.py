"""What is published beside an image run: the paper's and the replication's number, their sources and their titles."""

from collections.abc import Iterable, Sequence

from entropyreg.errors import UserError
from entropyreg.results.published import Published
from entropyreg.tables.formats import Cell, Footnotes, Note
from entropyreg.tables.image_layout import SOURCES
from entropyreg.tables.image_runs import Arm
from entropyreg.tables.shown import NOT_APPLICABLE, shown_published

ERROR = "_error"  # '<metric>_error': the plus-minus of a published number


def cell(published: Published, key: tuple[str, str, str, str | None, str], footnotes: Footnotes) -> Cell:
    """The number of `key` (source, artefact, row, network, metric) as printed: '86.8 ± 0.2'.

    '-' where nothing is to be set beside the network, 'n/a' for an unknown number.
    """
    *place, name, metric = key
    if name is None:
        return NOT_APPLICABLE
    number = shown_published(published.find(*key), footnotes)
    error = published.find(*place, name, metric + ERROR)
    return number if error is None else Cell(f"{number.text} ± {error.printed}", number.marks)


def counterparts_text(task: str, arms: Sequence[Arm], published: Published) -> str:
    """'MLP of 128 units beside published MNIST, MLP (another data set: values are not to be equated)'."""
    names = dict.fromkeys((arm.declared("model_title"), arm.declared("published_as")) for arm in arms)
    parts = [f"{title} {counterpart(task, name, published)}" for title, name in names if name]
    return "; ".join(parts) or "no published number is set beside it"


def counterpart(task: str, name: str, published: Published) -> str:
    """'beside published MNIST, MLP'; published names are '<data set>_<network>'."""
    if name not in published.data_sets:
        raise UserError(f"task '{task}' has published_as '{name}'; allowed: {', '.join(published.data_sets)}.")
    other = "" if name.startswith(f"{task}_") else " (another data set: values are not to be equated)"
    return f"beside published {published.data_sets[name]}{other}"


def notes(artefact: str, published: Published, shown: Iterable[str | None] | None = None) -> tuple[Note, ...]:
    """Where the numbers of each source were read, remarks on them, and published networks that are not `shown`."""
    found = []
    for source, title in SOURCES.items():
        numbers = [one for one in published.numbers.values() if (one.paper, one.artefact) == (source, artefact)]
        certainties = ", ".join(sorted({number.certainty for number in numbers}))
        if certainties:
            found.append(f"Where the numbers of the {title} were read: {certainties}.")
        found += published.notes.get((source, artefact), ())
    if shown is not None:
        names = [name for source in SOURCES for name in published.columns(source, artefact)]
        absent = [published.data_sets[name] for name in dict.fromkeys(names) if name not in set(shown)]
        found += [f"Published, without a counterpart at this scale: {'; '.join(absent)}."] if absent else []
    return tuple(Note(text) for text in found)
