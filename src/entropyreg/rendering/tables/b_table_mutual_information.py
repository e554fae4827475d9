"""What makes the estimated mutual information fall, as Müller et al. 2019 (Figure 6) saw: every form of the estimate.

One line an objective, number of draws L, form of the variance and sample; networks differ in augmentation and length of
training. No replication known to us saw the published curve, so the table gives the end and the slope of each form.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.rendering.published import Published
from entropyreg.rendering.tables.aggregate import Value
from entropyreg.rendering.tables.by_network import Parts, sizes_text
from entropyreg.rendering.tables.by_network import build as build_by_network
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity, block
from entropyreg.rendering.tables.formats import Cell, Table
from entropyreg.rendering.tables.image_layout import INTERVAL, NATS, SMOOTHING, ImageLayout, measure
from entropyreg.rendering.tables.legend import Legend
from entropyreg.rendering.tables.runs import NO_PAIR, Arm, Column, at

Form = tuple[int, str, str]  # draws L, form of the variance, sample
CURVES = ("mutual_information", "curves")
VARIANCES = {"shared": "one", "per_input": "one an image"}
SAMPLES = {"fresh": "fresh draw", "same": "same draws"}
QUANTITIES = {  # of a curve: header, unit, format
    "final": ("at the end", NATS, ".3f"),  # the paper has its curve
    "slope": ("slope", "nats over the second half", "+.3f"),
    "peak": ("peak", NATS, ".3f"),
    "peak_update": ("peak at update", "updates", ".0f"),
}
DIVERGED = 1.0  # nats below 0, at any moment: an image whose draws coincide has (almost) no variance of its own
NO_NUMBER = "diverges: images whose few draws coincide have no variance of their own"
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
        INTERVAL + " paper: its curves cannot be read off, so no number stands there.",
    ),
    differences={},
)


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    return build_by_network(LAYOUT, collected, published, make)


def make(column: Column, arms: Sequence[Arm], published: Published, legend: Legend) -> Parts:
    """One line a network, objective and form of the estimate."""
    lines, entries = [], []
    for arm in arms:
        for form in forms(arm) or [None]:
            own = entries_of(arm, form, arms)
            lines.append((names_of(arm, form), own))
            entries.append((arm.named, own))
    labels = ["network", "updates", "targets", "L", "variance", "sample"]
    return Parts([block(column["title"], f"{images_text(arms)}{sizes_text(arms)}.", labels, lines, legend)], entries)


def entries_of(arm: Arm, form: Form | None, arms: Sequence[Arm]) -> list[Entry]:
    """What is shown of one form of the estimate, called 'final.draws5.shared.fresh' and so on."""
    entries = []
    for key, (header, unit, written) in QUANTITIES.items():
        beside = (Beside("B"),) if key == "final" else ()
        entries.append(Entry(quantity_of(key, form, header, unit, written), value(arm, form, key), beside))
    gap = quantity_of("final_minus_hard", form, "minus hard", NATS, "+.3f")
    return [*entries, Entry(gap, Value() if arm.row == "hard" else minus_hard(arm, form, arms))]


def quantity_of(key: str, form: Form | None, header: str, unit: str, written: str) -> Quantity:
    path = (f"draws{form[0]}", *form[1:]) if form else ()
    return measure((key, *path), header, unit, written)


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


def names_of(arm: Arm, form: Form | None) -> tuple[Cell, ...]:
    updates = arm.declared("updates")
    named = (str(form[0]), VARIANCES[form[1]], SAMPLES[form[2]]) if form else ("-", "-", "-")
    texts = (arm.declared("model_title") or "-", "-" if updates is None else str(updates), LAYOUT.label(arm), *named)
    return tuple(map(Cell, texts))


def number_of(run: Mapping[str, Any], form: Form | None, key: str) -> float | None:
    """What a run's curve of this form has; None without one."""
    curves = at(run["measures"], CURVES) or ()
    return next((curve[key] for curve in curves if form_of(curve) == form), None)


def diverges(arm: Arm, form: Form | None) -> bool:
    """Whether the estimate falls far below 0 for any seed: the others would be chosen by their luck."""
    curves = [curve for run in arm.done for curve in at(run["measures"], CURVES) or () if form_of(curve) == form]
    return any(value is not None and value < -DIVERGED for curve in curves for value in curve["values"])


def value(arm: Arm, form: Form | None, key: str) -> Value:
    """Mean over seeds of a quantity of the curve; none where the estimate diverges."""
    if diverges(arm, form):
        return arm.over_seeds(lambda run: None, absent=NO_NUMBER)
    return arm.over_seeds(lambda run: number_of(run, form, key))


def minus_hard(arm: Arm, form: Form | None, arms: Sequence[Arm]) -> Value:
    """The end of the curve minus that of the hard network of the same model and seed."""
    same = [one for one in arms if one.row == "hard" and one.declared("model") == arm.declared("model")]
    if any(diverges(one, form) for one in (arm, *same)):
        return arm.over_seeds(lambda run: None, absent=NO_NUMBER)
    hard = {run["seed"]: number_of(run, form, "final") for one in same for run in one.done}

    def gap(run: Mapping[str, Any]) -> float | None:
        pair = number_of(run, form, "final"), hard.get(run["seed"])
        return None if None in pair else pair[0] - pair[1]

    return arm.over_seeds(gap, absent=NO_PAIR)
