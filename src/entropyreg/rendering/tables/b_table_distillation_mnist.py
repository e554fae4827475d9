"""Paper B, distillation of logits on MNIST: test errors of teachers and students (Hinton, Vinyals & Dean 2015).

The paper's hard teacher had dropout and its smoothed one had none; here every combination is trained.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.beside import OF_B, beside, counterpart
from entropyreg.rendering.tables.by_network import Parts, in_rows, sizes_text
from entropyreg.rendering.tables.by_network import build as build_by_network
from entropyreg.rendering.tables.cells import block
from entropyreg.rendering.tables.formats import Cell, Table
from entropyreg.rendering.tables.image_layout import (
    DIFFERENCES,
    INTERVAL,
    NATS,
    PERCENT,
    PUBLISHED,
    VALIDATION,
    ImageLayout,
    score,
)
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Column

PUBLISHED_AS, METRIC = "mnist_mlp", "error_percent"
ERROR = score("test", "error", "error (%)", PERCENT, ".2f", 100)
OTHERS = (score("valid", "error", "error (%)", PERCENT, ".2f", 100), score("test", "nll", "NLL", NATS, ".4f"))
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
    measures=(score("train", "error", "error (%)", PERCENT, ".2f", 100),),
    definitions=(
        "Teachers: with or without dropout of the hidden layers, hard targets or the amount of smoothing in the row's "
        "column. A student learns from the logits of the teacher of its seed (half their squared difference, with the "
        "weight stated) and from hard targets (cross-entropy, with the rest of the weight).",
        VALIDATION + " Published errors are of test images. Nothing is chosen here.",
        INTERVAL + PUBLISHED,
    ),
    differences=DIFFERENCES,
    beside=(PUBLISHED_AS,),
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, make)


def make(column: Column, arms: Sequence[Arm], published: Published, legend: Legend) -> Parts:
    """Teachers, then students; all are set beside the paper's MNIST networks. A student's own targets are hard."""
    task, lines, entries = column["task"], [], []
    for arm in in_rows(arms, LAYOUT.rows):
        keys = ((source, LAYOUT.name, arm.row, PUBLISHED_AS, METRIC) for source in OF_B)
        own = [arm.entry(ERROR, *(beside(published, key, task) for key in keys)), *map(arm.entry, OTHERS)]
        settings = (*(arm.declared(name) for name in ("dropout", "smoothing")), arm.teaching("weight"))
        names = (Cell(LAYOUT.row(arm.row)), Cell(arm.declared("model_title") or "-"), *map(number, settings))
        lines.append((names, own))
        entries.append((arm.named, own))
    text = f"networks {counterpart(task, PUBLISHED_AS, published)}; {sizes_text(arms)}."
    labels = ["row", "network", "dropout", "smoothing", "weight of teacher"]
    return Parts([block(column["title"], text, labels, lines, legend)], entries)


def number(value: float | None) -> Cell:
    return Cell("-" if value is None else f"{value:.3g}")
