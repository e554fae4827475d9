"""Paper B, Table 2: accuracy of image classifiers without and with label smoothing 0.1, published beside reproduced."""

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
    SHARE_OF_LOG_K,
    SMOOTHING,
    SOURCES,
    VALIDATION,
    ImageLayout,
    accuracy,
    score,
)
from entropyreg.tables.image_runs import Arm

SHOWN = (
    accuracy("valid"),
    accuracy("test"),
    score("test", "nll", "NLL", NATS, ".4f"),
    score("test", "confidence", "confidence (%)", SHARE, ".2f", 100),
)
LAYOUT = ImageLayout(
    name="b_table_accuracy",
    title="Paper B, Table 2: accuracy without and with label smoothing",
    rows={"hard": "hard", "smoothed": "smoothed"},
    measures=(
        *SHOWN,
        accuracy("train"),
        score("valid", "nll", "NLL", NATS, ".4f"),
        score("test", "entropy_normalized", "entropy", SHARE_OF_LOG_K, ".4f"),
    ),
    definitions=(
        SMOOTHING,
        VALIDATION + " The paper's accuracies are of validation images (of ImageNet the published validation set, our "
        "test images), the replication's of test images.",
        "confidence: mean probability of the predicted class. NLL: against the true label, without smoothing.",
        DEVIATION,
    ),
    differences=DIFFERENCES,
)
METRIC = "accuracy_percent"


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, sections)


def sections(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> list[Section]:
    """One line a network and row."""
    headers = ("network", "targets", *(one.header for one in SHOWN), *("accuracy (%)" for _ in SOURCES))
    return [
        Section(
            title=column["title"],
            text=f"{beside.counterparts_text(column['task'], arms, published)}; {sizes_text(arms)}.",
            groups=(("", 2), ("reproduced", len(SHOWN)), *((title, 1) for title in SOURCES.values())),
            headers=tuple(map(Cell, headers)),
            rows=tuple(line(arm, published, footnotes) for arm in arms),
        )
    ]


def line(arm: Arm, published: Published, footnotes: Footnotes) -> tuple[Cell, ...]:
    key = (LAYOUT.name, arm.row, arm.declared("published_as"), METRIC)
    return (
        Cell(arm.declared("model_title") or "-"),
        Cell(LAYOUT.label(arm)),
        *(one.cell(arm, footnotes) for one in SHOWN),
        *(beside.cell(published, (source, *key), footnotes) for source in SOURCES),
    )
