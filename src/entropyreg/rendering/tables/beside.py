"""What is published beside a cell: the paper's and the replication's number, their sources and their titles."""

from collections.abc import Iterable, Sequence

from entropyreg.io.errors import UserError
from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.cells import Beside
from entropyreg.rendering.tables.formats import Note
from entropyreg.rendering.tables.legend import OTHER_TASK
from entropyreg.rendering.tables.runs import Arm

ERROR = "_error"  # '<metric>_error': the plus-minus of a published number
ANOTHER = " (another data set: values are not to be equated)"
TITLES = {"A": "published numbers", "B": "numbers of the paper", "ReScience": "numbers of the replication"}
OF_B = ("B", "ReScience")


def beside(published: Published, key: tuple[str, str, str | None, str | None, str], task: str) -> Beside:
    """The number of `key` (source, artefact, row, published task, metric) beside a cell of `task`.

    A row or a published task that is None has nothing beside it.
    """
    source, artefact, row, name, metric = key
    if row is None or name is None:
        return Beside(source, applies=False)
    return Beside(
        source,
        published.find(*key),
        "" if is_same(task, name) else OTHER_TASK,
        error=published.find(source, artefact, row, name, metric + ERROR),
    )


def is_same(task: str, name: str) -> bool:
    """Whether a task is of the data set of a published task, whose name is that or '<data set>_<network>'."""
    return name == task or name.startswith(f"{task}_")


def counterparts_text(task: str, arms: Sequence[Arm], published: Published) -> str:
    """'MLP of 128 units beside published MNIST, MLP (another data set: values are not to be equated)'."""
    names = dict.fromkeys((arm.declared("model_title"), arm.declared("published_as")) for arm in arms)
    parts = [f"{title} {counterpart(task, name, published)}" for title, name in names if name]
    return "; ".join(parts) or "no published number is set beside it"


def counterpart(task: str, name: str, published: Published) -> str:
    """'beside published MNIST, MLP'; raises `UserError` for a published task that is not in the list."""
    title = published_title(task, name, published)
    return f"beside published {title}{'' if is_same(task, name) else ANOTHER}"


def published_title(task: str, name: str, published: Published) -> str:
    if name not in published.data_sets:
        raise UserError(f"task '{task}' has published_as '{name}'; allowed: {', '.join(published.data_sets)}.")
    return published.data_sets[name]


def notes(
    artefact: str, published: Published, shown: Iterable[str | None] | None = None, papers: Sequence[str] = OF_B
) -> tuple[Note, ...]:
    """Where the numbers of each source were read, remarks on them, and published tasks that are not `shown`."""
    found = []
    for source in papers:
        numbers = [one for one in published.numbers.values() if (one.paper, one.artefact) == (source, artefact)]
        certainties = ", ".join(sorted({number.certainty for number in numbers}))
        if certainties:
            found.append(f"Where the {TITLES[source]} were read: {certainties}.")
        found += published.notes.get((source, artefact), ())
    if shown is not None:
        names = [name for source in papers for name in published.columns(source, artefact)]
        absent = [published.data_sets[name] for name in dict.fromkeys(names) if name not in set(shown)]
        found += [f"Published, without a counterpart at this scale: {'; '.join(absent)}."] if absent else []
    return tuple(Note(text) for text in found)
