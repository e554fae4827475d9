"""Teachers of equal predicted entropy and skew 0, 0.5 or 1, a hard one, and what their students learn.

Is it smoothing, or entropy, that erases what distillation needs? Each student learns from its teacher at the
temperature that gives it the training entropy of the label-smoothed teacher. Of neither paper: it joins both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.aggregate import Value
from entropyreg.rendering.tables.by_network import Parts, sizes_text
from entropyreg.rendering.tables.by_network import build as build_by_network
from entropyreg.rendering.tables.cells import Entry, block
from entropyreg.rendering.tables.formats import Cell, Table
from entropyreg.rendering.tables.image_layout import (
    DIFFERENCES,
    DIVIDER,
    INTERVAL,
    NATS,
    PERCENT,
    SHARE,
    SHARE_OF_LOG_K,
    VALIDATION,
    ImageLayout,
    accuracy,
    measure,
    score,
)
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import Arm, Column, at

DRAWS = 5  # of the mutual information, with one variance for all inputs and a fresh draw: the paper's estimator
KINDS = {"hard": "hard", "skew0": "skew 0", "skew0.5": "skew 0.5", "skew1": "skew 1"}
OF_BOTH = (accuracy("valid"), accuracy("test"))
OF_TEACHERS = (
    score("train", "entropy_normalized", "entropy", SHARE_OF_LOG_K, ".4f"),
    *OF_BOTH,
    score("test", "nll", "NLL", NATS, ".4f"),
    measure(("calibration", "test", "ece"), "test ECE", SHARE, ".4f"),
    measure(("teaching", "equivalent_smoothing"), "equivalent smoothing", SHARE, ".4f"),
    measure(("information_loss", "confidence_variance"), "confidence variance", "squared share", ".5f"),
    measure(("information_loss", "similarity_correlation"), "similarity", "correlation", ".3f"),
)
INFORMATION = measure(("mutual_information", "final"), "mutual information", NATS, ".3f")
SHOWN_TO_STUDENTS = (  # of the softened teacher, on the training images
    measure(("teacher", "temperature"), "T of teacher", DIVIDER, ".3f"),
    measure(("teacher", "entropy_normalized"), "entropy of teacher", SHARE_OF_LOG_K, ".4f"),
    measure(("teacher", "equivalent_smoothing"), "equivalent smoothing of teacher", SHARE, ".4f"),
)
GAP = measure(("scores", "test", "accuracy_minus_teacher"), "minus teacher (points)", PERCENT, "+.2f", 100)
TAUGHT = measure(("teacher", "mutual_information", "final"), "mutual information of teacher", NATS, ".3f")
NO_TEACHER = "no pair: the teacher of this seed has no such measure here"
LAYOUT = ImageLayout(
    name="b_table_teachers",
    title="Teachers of equal predicted entropy and their students",
    rows={
        **{f"teacher_{key}": f"teacher: {label}" for key, label in KINDS.items()},
        **{f"student_of_{key}": f"student of: {label}" for key, label in KINDS.items()},
    },
    measures=(*OF_TEACHERS, measure(("calibration", "test", "debiased_ece"), "", SHARE, ".4f")),
    definitions=(
        "Teachers: trained with NLL + strength J_skew; skew 1 is label smoothing, skew 0 the confidence penalty. "
        "Strengths are set so that the optimum has one predicted entropy for all skews; the entropy that was measured "
        "stands in the table. hard: no regularizer.",
        "Students: learn from softened teachers alone, each from the teacher of its seed. T brings every teacher to "
        "the measured training entropy of the skew 1 teacher, which itself has T = 1.",
        VALIDATION + " train: the training images that were predicted.",
        "entropy: mean entropy of the predictions over log K. equivalent smoothing: mean probability of the wrong "
        "classes times K / (K - 1). mutual information: of images and the difference of two logits, two classes, at "
        f"the end of training, {DRAWS} augmentations, one variance, a fresh draw. confidence variance: of the correct "
        "class's probability within classes, training images. similarity: correlation of the wrong classes' "
        "logits with the similarity of the classes' mean images.",
        "minus teacher: test accuracy of the student minus that of its own teacher, by seed.",
        "Nothing of this table is published, and nothing in it is chosen.",
        INTERVAL,
    ),
    differences=DIFFERENCES,
    compared=tuple(f"student_of_{key}" for key in KINDS),  # a teacher minus a student says nothing
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, make)


def make(column: Column, arms: Sequence[Arm], published: Published, legend: Legend) -> Parts:
    """The teachers, and the students with what they were shown and what their teachers kept of the images."""
    teachers = [arm for arm in arms if not is_student(arm)]
    students = [arm for arm in arms if is_student(arm)]
    of_teachers = [(arm, teacher_entries(arm)) for arm in teachers]
    of_students = [(arm, student_entries(arm, teachers)) for arm in students]
    lines = [((*names_of(arm), strength_of(arm)), entries) for arm, entries in of_teachers]
    taught = [(names_of(arm), entries) for arm, entries in of_students]
    labels, title = ["row", "network"], column["title"]
    return Parts(
        [
            block(f"{title}: teachers", f"{sizes_text(teachers)}.", [*labels, "strength"], lines, legend),
            block(f"{title}: students", f"{sizes_text(students)}.", labels, taught, legend),
        ],
        [(arm.named, entries) for arm, entries in [*of_teachers, *of_students]],
    )


def names_of(arm: Arm) -> tuple[Cell, Cell]:
    return Cell(LAYOUT.row(arm.row)), Cell(arm.declared("model_title") or "-")


def strength_of(arm: Arm) -> Cell:
    strength = arm.declared("strength")
    return Cell("-" if strength is None else f"{strength:.4g}")


def is_student(arm: Arm) -> bool:
    return arm.row.startswith("student_of_") or arm.declared("teacher") is not None


def teacher_entries(arm: Arm) -> list[Entry]:
    return [*map(arm.entry, OF_TEACHERS), Entry(INFORMATION, final_information(arm))]


def student_entries(arm: Arm, teachers: Sequence[Arm]) -> list[Entry]:
    return [
        *(Entry(one, arm.value_of_teacher(one.path[-1])) for one in SHOWN_TO_STUDENTS),
        *map(arm.entry, OF_BOTH),
        Entry(GAP, minus_teacher(arm, teachers).scaled(GAP.factor)),
        Entry(TAUGHT, information_of_teacher(arm, teachers)),
    ]


def final_information(arm: Arm) -> Value:
    """Mutual information at the end of training, by the paper's estimator."""
    return arm.over_seeds(information_of)


def information_of(run: Mapping[str, Any]) -> float | None:
    curves = at(run["measures"], ("mutual_information", "curves")) or ()
    wanted = {"draws": DRAWS, "variance": "shared", "sample": "fresh"}
    return next((curve["final"] for curve in curves if wanted.items() <= curve.items()), None)


def teacher_of(student: Mapping[str, Any], teachers: Sequence[Arm]) -> Mapping[str, Any] | None:
    """The finished entry of the teacher's own run and seed, or None."""
    key = (student["teacher"]["run"], student["teacher"].get("seed"))
    return next((run for arm in teachers for run in arm.done if (run["run"], run["seed"]) == key), None)


def information_of_teacher(arm: Arm, teachers: Sequence[Arm]) -> Value:
    return arm.over_seeds(
        lambda run: information_of(found) if (found := teacher_of(run, teachers)) else None, absent=NO_TEACHER
    )


def minus_teacher(arm: Arm, teachers: Sequence[Arm]) -> Value:
    """Test accuracy of the student minus that of its own teacher."""
    path = ("scores", "test", "accuracy")

    def gap(run: Mapping[str, Any]) -> float | None:
        teacher = teacher_of(run, teachers)
        pair = (at(run["measures"], path), at(teacher["measures"], path)) if teacher else (None, None)
        return None if None in pair else pair[0] - pair[1]

    return arm.over_seeds(gap, absent=NO_TEACHER)
