"""What makes the estimated mutual information fall, as Müller et al. 2019 (Figure 6) saw: every form of the estimate.

One line an objective, number of draws L, form of the variance and sample; networks differ in augmentation and length of
training. No replication known to us saw the published curve, so the table gives the end and the slope of each form.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.results.published import Published
from entropyreg.tables import image_tidy
from entropyreg.tables.by_network import Column, sizes_text
from entropyreg.tables.by_network import build as build_by_network
from entropyreg.tables.formats import Cell, Footnotes, Section, Table
from entropyreg.tables.image_layout import DEVIATION, NATS, SMOOTHING, ImageLayout
from entropyreg.tables.image_runs import Arm, Collected, at
from entropyreg.tables.shown import shown

Form = tuple[int, str, str]  # draws L, form of the variance, sample
CURVES = ("mutual_information", "curves")
VARIANCES = {"shared": "one", "per_input": "one an image"}
SAMPLES = {"fresh": "fresh draw", "same": "same draws"}
QUANTITIES = {  # of a curve: header, unit, format
    "final": ("at the end", NATS, ".3f"),
    "slope": ("slope", "nats over the second half", "+.3f"),
    "peak": ("peak", NATS, ".3f"),
    "peak_update": ("peak at update", "updates", ".0f"),
}
DIVERGED = 1.0  # nats below 0, at any moment: an image whose draws coincide has (almost) no variance of its own
NO_NUMBER = "the estimate diverges: images whose few draws coincide have no variance of their own"
NO_HARD = "no finished network of this seed with hard targets"
LAYOUT = ImageLayout(
    name="b_table_mutual_information",
    title="Mutual information of images and logits, by every form of the estimate",
    rows={"hard": "hard", "smoothed": "smoothed"},
    measures=(),
    definitions=(
        SMOOTHING,
        "L: draws of the augmentation that an image's mean comes from. variance: one for all images (the paper's form) "
        "or one an image. fresh draw: the estimate is of draws that no mean has seen; same draws: of those of the mean "
        "itself, which lies too high. The paper's L is 5, with one variance; which sample it has it does not say.",
        "slope: of the second half of training, least squares, in nats; the paper's curves fall. at the end: log 2 = "
        "0.693 if only the class is left of an image.",
        "minus hard: at the end, smoothed minus hard by seed; the paper's is negative.",
        DEVIATION,
        "The published curves cannot be read off, so no number stands beside these.",
    ),
    differences={},
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, sections, more_lines)


def sections(column: Column, arms: Sequence[Arm], published: Published, footnotes: Footnotes) -> list[Section]:
    """One line a network, objective and form of the estimate."""
    headers = ("network", "updates", "targets", "L", "variance", "sample")
    headers += (*(header for header, *_ in QUANTITIES.values()), "minus hard")
    return [
        Section(
            title=column["title"],
            text=f"{images_text(arms)}{sizes_text(arms)}.",
            groups=(("", len(headers)),),
            headers=tuple(map(Cell, headers)),
            rows=tuple(line(arm, form, arms, footnotes) for arm in arms for form in forms(arm) or [None]),
        )
    ]


def images_text(arms: Sequence[Arm]) -> str:
    """'300 images of shirt and coat, at most log N = 5.70 nats; '."""
    found = {
        (measured["n_inputs"], " and ".join(measured["classes"]), f"{measured['upper_bound']:.2f}")
        for arm in arms
        for run in arm.done
        if (measured := at(run["measures"], ("mutual_information",)))
    }
    return "".join(
        f"{n} training images of {names}, at most log N = {bound} nats; " for n, names, bound in sorted(found)
    )


def forms(arm: Arm) -> list[Form]:
    """The forms of the estimate that any seed has, in the order of the record."""
    found = [form_of(curve) for run in arm.done for curve in at(run["measures"], CURVES) or ()]
    return list(dict.fromkeys(found))


def form_of(curve: Mapping[str, Any]) -> Form:
    return curve["draws"], curve["variance"], curve["sample"]


def line(arm: Arm, form: Form | None, arms: Sequence[Arm], footnotes: Footnotes) -> tuple[Cell, ...]:
    updates = arm.declared("updates")
    named = ("-", "-", "-")
    if form:
        draws, variance, sample = form
        named = (str(draws), VARIANCES[variance], SAMPLES[sample])
    return (
        Cell(arm.declared("model_title") or "-"),
        Cell("-" if updates is None else str(updates)),
        Cell(LAYOUT.label(arm)),
        *map(Cell, named),
        *(shown(value(arm, form, key), written, footnotes) for key, (*_, written) in QUANTITIES.items()),
        shown(minus_hard(arm, form, arms), "+.3f", footnotes) if arm.row != "hard" else Cell("-"),
    )


def quantity_of(run: Mapping[str, Any], form: Form | None, key: str) -> float | None:
    """What a run's curve of this form has; None without one."""
    curves = at(run["measures"], CURVES) or ()
    return next((curve[key] for curve in curves if form_of(curve) == form), None)


def diverges(arm: Arm, form: Form | None) -> bool:
    """Whether the estimate falls far below 0 for any seed: the others would be chosen by their luck."""
    curves = [curve for run in arm.done for curve in at(run["measures"], CURVES) or () if form_of(curve) == form]
    return any(value is not None and value < -DIVERGED for curve in curves for value in curve["values"])


def value(arm: Arm, form: Form | None, key: str) -> Any:
    """Mean over seeds of a quantity of the curve; none where the estimate diverges."""
    if diverges(arm, form):
        return arm.over_seeds(lambda run: None, absent=NO_NUMBER)
    return arm.over_seeds(lambda run: quantity_of(run, form, key))


def minus_hard(arm: Arm, form: Form | None, arms: Sequence[Arm]) -> Any:
    """The end of the curve minus that of the hard network of the same model and seed."""
    same = [one for one in arms if one.row == "hard" and one.declared("model") == arm.declared("model")]
    if any(diverges(one, form) for one in (arm, *same)):
        return arm.over_seeds(lambda run: None, absent=NO_NUMBER)
    hard = {run["seed"]: quantity_of(run, form, "final") for one in same for run in one.done}

    def gap(run: Mapping[str, Any]) -> float | None:
        pair = quantity_of(run, form, "final"), hard.get(run["seed"])
        return None if None in pair else pair[0] - pair[1]

    return arm.over_seeds(gap, absent=NO_HARD)


def more_lines(collected: Collected, column: Column, arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """Every quantity of every form, named 'final.draws5.shared.fresh' and so on."""
    lines = []
    for arm in arms:
        for form in forms(arm):
            name = f"draws{form[0]}.{form[1]}.{form[2]}"
            found = {f"{key}.{name}": (unit, value(arm, form, key)) for key, (_, unit, _) in QUANTITIES.items()}
            if arm.row != "hard":
                found[f"final_minus_hard.{name}"] = (NATS, minus_hard(arm, form, arms))
            lines += [image_tidy.line_of(collected, column, arm, key, *rest) for key, rest in found.items()]
    return lines
