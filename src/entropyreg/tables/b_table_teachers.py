"""Teachers of equal predicted entropy and skew 0, 0.5 or 1, a hard one, and what their students learn.

Is it smoothing, or entropy, that erases what distillation needs? Each student learns from its teacher at the
temperature that gives it the training entropy of the label-smoothed teacher. Of neither paper: it joins both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import image_tidy
from entropyreg.tables.aggregate import Value
from entropyreg.tables.by_network import Column, sizes_text
from entropyreg.tables.by_network import build as build_by_network
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import (
    DEVIATION,
    DIFFERENCES,
    NATS,
    SHARE,
    SHARE_OF_LOG_K,
    VALIDATION,
    ImageLayout,
    Measure,
    accuracy,
    score,
)
from entropyreg.tables.image_runs import Arm, Collected, at, scaled
from entropyreg.tables.shown import shown

DRAWS = 5  # of the mutual information, with one variance for all inputs and a fresh draw: the paper's estimator
KINDS = {"hard": "hard", "skew0": "skew 0", "skew0.5": "skew 0.5", "skew1": "skew 1"}
OF_BOTH = (accuracy("valid"), accuracy("test"))
OF_TEACHERS = (
    score("train", "entropy_normalized", "entropy", SHARE_OF_LOG_K, ".4f"),
    *OF_BOTH,
    score("test", "nll", "NLL", NATS, ".4f"),
    Measure(("calibration", "test", "ece"), "test ECE", SHARE, ".4f"),
    Measure(("teaching", "equivalent_smoothing"), "equivalent smoothing", SHARE, ".4f"),
    Measure(("information_loss", "confidence_variance"), "confidence variance", "squared share", ".5f"),
    Measure(("information_loss", "similarity_correlation"), "similarity", "correlation", ".3f"),
)
SHOWN_TO_STUDENTS = {  # of the softened teacher, on the training images
    "temperature": ("T", "divider of logits", ".3f"),
    "entropy_normalized": ("entropy", SHARE_OF_LOG_K, ".4f"),
    "equivalent_smoothing": ("equivalent smoothing", SHARE, ".4f"),
}
NO_TEACHER = "the teacher of this seed has no such measure here"
INFORMATION, GAP = "mutual_information.final", "scores.test.accuracy_minus_teacher"
LAYOUT = ImageLayout(
    name="b_table_teachers",
    title="Teachers of equal entropy and their students",
    rows={
        **{f"teacher_{key}": f"teacher: {label}" for key, label in KINDS.items()},
        **{f"student_of_{key}": f"student of: {label}" for key, label in KINDS.items()},
    },
    measures=(*OF_TEACHERS, Measure(("calibration", "test", "debiased_ece"), "", SHARE, ".4f")),
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
        DEVIATION,
    ),
    differences=DIFFERENCES,
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, sections, more_lines)


def sections(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> list[Section]:
    """The teachers, and the students with what they were shown and what their teachers kept of the images."""
    teachers = [arm for arm in arms if not is_student(arm)]
    students = [arm for arm in arms if is_student(arm)]
    headers = ("row", "network", "strength", *(one.header for one in OF_TEACHERS), "mutual information")
    taught = ("row", "network", *(header for header, *_ in SHOWN_TO_STUDENTS.values()))
    taught += (*(one.header for one in OF_BOTH), "minus teacher (points)", "mutual information of teacher")
    return [
        Section(
            title=f"{column['title']}: teachers",
            text=f"{sizes_text(teachers)}.",
            groups=(("", len(headers)),),
            headers=tuple(map(Cell, headers)),
            rows=tuple(teacher_line(arm, footnotes) for arm in teachers),
        ),
        Section(
            title=f"{column['title']}: students",
            text=f"{sizes_text(students)}.",
            groups=(("", 2), ("shown by teacher:", len(SHOWN_TO_STUDENTS)), ("student:", 3), ("", 1)),
            headers=tuple(map(Cell, taught)),
            rows=tuple(student_line(arm, teachers, footnotes) for arm in students),
        ),
    ]


def is_student(arm: Arm) -> bool:
    return arm.row.startswith("student_of_")


def teacher_line(arm: Arm, footnotes: Footnotes) -> tuple[Cell, ...]:
    strength = arm.declared("strength")
    return (
        Cell(LAYOUT.rows[arm.row]),
        Cell(arm.declared("model_title") or "-"),
        Cell("-" if strength is None else f"{strength:.4g}"),
        *(one.cell(arm, footnotes) for one in OF_TEACHERS),
        shown(final_information(arm), ".3f", footnotes),
    )


def student_line(arm: Arm, teachers: Sequence[Arm], footnotes: Footnotes) -> tuple[Cell, ...]:
    return (
        Cell(LAYOUT.rows[arm.row]),
        Cell(arm.declared("model_title") or "-"),
        *(shown(arm.value_of_teacher(key), form, footnotes) for key, (_, _, form) in SHOWN_TO_STUDENTS.items()),
        *(one.cell(arm, footnotes) for one in OF_BOTH),
        shown(scaled(minus_teacher(arm, teachers), 100), "+.2f", footnotes),
        shown(information_of_teacher(arm, teachers), ".3f", footnotes),
    )


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


def more_lines(collected: Collected, column: Column, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """What is not a measure of one run: the mutual information by the paper's estimator, and what students see."""
    teachers, lines = [arm for arm in arms if not is_student(arm)], []
    for arm in arms:
        found = {INFORMATION: (NATS, final_information(arm))}
        if is_student(arm):
            found = {f"teacher.{key}": (one[1], arm.value_of_teacher(key)) for key, one in SHOWN_TO_STUDENTS.items()}
            found[GAP] = (SHARE, minus_teacher(arm, teachers))
            found[f"teacher.{INFORMATION}"] = (NATS, information_of_teacher(arm, teachers))
        lines += [image_tidy.line_of(collected, column, arm, key, *rest) for key, rest in found.items()]
    return lines
