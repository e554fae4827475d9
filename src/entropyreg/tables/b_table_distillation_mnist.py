"""Paper B, distillation of logits on MNIST: test errors of teachers and students (Hinton, Vinyals & Dean 2015).

The paper's hard teacher had dropout and its smoothed one had none; here every combination is trained.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import beside
from entropyreg.tables.by_network import Column, sizes_text
from entropyreg.tables.by_network import build as build_by_network
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import (
    DEVIATION,
    DIFFERENCES,
    NATS,
    SHARE,
    SOURCES,
    VALIDATION,
    ImageLayout,
    score,
)
from entropyreg.tables.image_runs import Arm

PUBLISHED_AS, METRIC = "mnist_mlp", "error_percent"
SHOWN = (
    score("test", "error", "error (%)", SHARE, ".2f", 100),
    score("valid", "error", "error (%)", SHARE, ".2f", 100),
    score("test", "nll", "NLL", NATS, ".4f"),
)
TEACHERS = {
    "hard": "hard",
    "hard_dropout": "hard, dropout",
    "smoothed": "smoothed",
    "smoothed_dropout": "smoothed, dropout",
}
LAYOUT = ImageLayout(
    name="b_table_distillation_mnist",
    title="Paper B, in the text: test errors of teachers and of students distilled from their logits",
    rows={
        **{f"teacher_{key}": f"teacher: {label}" for key, label in TEACHERS.items()},
        **{f"student_of_{key}": f"student of: {label}" for key, label in TEACHERS.items()},
    },
    measures=(*SHOWN, score("train", "error", "error (%)", SHARE, ".2f", 100)),
    definitions=(
        "Teachers: with or without dropout of the hidden layers, hard targets or the amount of smoothing in the row's "
        "column. A student learns from the logits of the teacher of its seed (half their squared difference, with the "
        "weight stated) and from hard targets (cross-entropy, with the rest of the weight).",
        VALIDATION + " Published errors are of test images. Nothing is chosen here.",
        DEVIATION,
    ),
    differences=DIFFERENCES,
    beside=(PUBLISHED_AS,),
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, sections)


def sections(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> list[Section]:
    """Teachers, then students; all are set beside the paper's MNIST networks."""
    own = sorted(arms, key=lambda arm: list(LAYOUT.rows).index(arm.row))
    headers = ("row", "network", "dropout", "smoothing", "weight of teacher", *(one.header for one in SHOWN))
    return [
        Section(
            title=column["title"],
            text=f"networks {beside.counterpart(column['task'], PUBLISHED_AS, published)}; {sizes_text(arms)}.",
            groups=(("", 5), ("reproduced", len(SHOWN)), *((title, 1) for title in SOURCES.values())),
            headers=tuple(map(Cell, (*headers, *("test error (%)" for _ in SOURCES)))),
            rows=tuple(line(arm, published, footnotes) for arm in own),
        )
    ]


def line(arm: Arm, published: Published, footnotes: Footnotes) -> tuple[Cell, ...]:
    """A student's smoothing is that of its own targets: none."""
    key = (LAYOUT.name, arm.row, PUBLISHED_AS, METRIC)
    return (
        Cell(LAYOUT.rows[arm.row]),
        Cell(arm.declared("model_title") or "-"),
        *(number(arm.declared(name)) for name in ("dropout", "smoothing")),
        number(arm.teaching("weight")),
        *(one.cell(arm, footnotes) for one in SHOWN),
        *(beside.cell(published, (source, *key), footnotes) for source in SOURCES),
    )


def number(value: float | None) -> Cell:
    return Cell("-" if value is None else f"{value:.3g}")
