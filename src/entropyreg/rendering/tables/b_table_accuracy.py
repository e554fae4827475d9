"""Paper B: accuracy of image classifiers without and with label smoothing 0.1, published beside reproduced."""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.beside import beside, counterparts_text
from entropyreg.rendering.tables.by_network import Parts, sizes_text
from entropyreg.rendering.tables.by_network import build as build_by_network
from entropyreg.rendering.tables.cells import Beside, Entry, block
from entropyreg.rendering.tables.formats import Cell, Table
from entropyreg.rendering.tables.image_layout import (
    DIFFERENCES,
    INTERVAL,
    NATS,
    PERCENT,
    PUBLISHED,
    SHARE_OF_LOG_K,
    SMOOTHING,
    VALIDATION,
    ImageLayout,
    accuracy,
    score,
    sources_of,
    split_of,
)
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Column

OF_TEST = (
    score("test", "nll", "NLL", NATS, ".4f"),
    score("test", "confidence", "confidence (%)", PERCENT, ".2f", 100),
)
LAYOUT = ImageLayout(
    name="b_table_accuracy",
    title="Paper B: accuracy without and with label smoothing",
    rows={"hard": "hard", "smoothed": "smoothed"},
    measures=(
        *OF_TEST,
        accuracy("train"),
        score("valid", "nll", "NLL", NATS, ".4f"),
        score("test", "entropy_normalized", "entropy", SHARE_OF_LOG_K, ".4f"),
    ),
    definitions=(
        SMOOTHING,
        VALIDATION + " The paper's accuracies are of validation images (of ImageNet the published validation set, our "
        "test images), the replication's of test images.",
        "confidence: mean probability of the predicted class. NLL: against the true label, without smoothing.",
        INTERVAL + PUBLISHED,
    ),
    differences=DIFFERENCES,
)
METRIC = "accuracy_percent"


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, make)


def make(column: Column, arms: Sequence[Arm], published: Published, legend: Legend) -> Parts:
    """One line a network and row."""
    lines, entries = [], []
    names = [arm.declared("published_as") for arm in arms]
    sources = {split: sources_of(split, names) for split in ("valid", "test")}
    for arm in arms:
        own = [accuracy_entry(split, arm, sources[split], published) for split in sources]
        own += [arm.entry(one) for one in OF_TEST]
        lines.append(((Cell(arm.declared("model_title") or "-"), Cell(LAYOUT.label(arm))), own))
        entries.append((arm.named, own))
    text = f"{counterparts_text(column['task'], arms, published)}; {sizes_text(arms)}."
    return Parts([block(column["title"], text, ["network", "targets"], lines, legend)], entries)


def accuracy_entry(split: str, arm: Arm, sources: Sequence[str], published: Published) -> Entry:
    name = arm.declared("published_as")
    found = []
    for source in sources:
        of_split = name and split_of(source, name) == split
        key = (source, LAYOUT.name, arm.row, name, METRIC)
        found.append(beside(published, key, arm.task) if of_split else Beside(source, applies=False))
    return arm.entry(accuracy(split), *found)
