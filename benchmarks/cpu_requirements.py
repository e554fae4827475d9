"""Compares measured ratios with the speed and memory that the loss must and should reach on a CPU.

"must" applies to the path in plain torch, "aim" to the native kernel; both to the default allocator, at 4,000, 10,000
and 32,000 classes.
"""

from collections.abc import Callable
from typing import NamedTuple

from cpu_variants import SKEWS

Ratios = dict[str, float]  # {variant: its time, or its MiB, divided by that of its table's first line}


class Requirement(NamedTuple):
    label: str
    must: float
    aim: float | None
    value: Callable[[Ratios, str], float | None]  # of the path "native" or "torch"
    more_is_better: bool = False

    def misses(self, value: float, bound: float) -> bool:
        """Whether the value, as it is printed, is on the wrong side of the bound."""
        shown = float(number(value))
        return shown < bound if self.more_is_better else shown > bound


def worst(*skews: float, how: str = "overwriting") -> Callable[[Ratios, str], float | None]:
    """The largest ratio over some skews; None where one was not measured."""

    def value(ratios: Ratios, path: str) -> float | None:
        found = [ratios.get(f"ours, {path}, skew {skew:g}, {how}") for skew in skews]
        return None if None in found else max(found)

    return value


def times_faster(ratios: Ratios, path: str) -> float | None:
    own = ratios.get(f"ours, {path}, skew 0.5, overwriting")
    return own and ratios["naive autograd of the definition, skew 0.5"] / own


def of(variant: str) -> Callable[[Ratios, str], float | None]:
    return lambda ratios, path: ratios.get(variant.format(path=path))


REQUIREMENTS = [
    Requirement("overwriting, skew 0 and 1 (the slower)", 0.5, 0.15, worst(0.0, 1.0)),
    Requirement("overwriting, skew .5", 0.8, 0.3, worst(0.5)),
    Requirement("overwriting, skew .97", 1.0, 0.4, worst(0.97)),
    Requirement("not overwriting, the slowest of those skews", 1.1, 0.6, worst(*SKEWS, how="new array")),
    Requirement("naive autograd, skew .5: times slower than overwriting", 6.0, 20.0, times_faster, True),
    Requirement("fused linear against F.linear + F.cross_entropy", 1.1, 0.95, of("fused linear, {path}, skew 0.5")),
    Requirement(
        "token_statistics, two thresholds, against F.cross_entropy's forward",
        2.0, 0.5, of("token_statistics, {path}, two thresholds"),
    ),
    Requirement("MiB beyond the gradients: fused linear, less its rows * V * 4", 8.0, None, of("MiB linear, {path}")),
    Requirement("MiB beyond the logits: overwriting, skew .5", 8.0, None, of("MiB overwriting, {path}")),
]  # fmt: skip


def number(value: float) -> str:
    """About three digits, as many as `misses` uses."""
    return f"{value:.2f}" if value < 10.0 else f"{value:.1f}"


def cell(requirement: Requirement, ratios: Ratios) -> str:
    """`native / torch`, a star where native misses the aim or torch the must."""
    aim = requirement.must if requirement.aim is None else requirement.aim
    shown = []
    for path, bound in (("native", aim), ("torch", requirement.must)):
        value = requirement.value(ratios, path)
        star = "" if value is None or not requirement.misses(value, bound) else r"\*"
        shown.append("-" if value is None else number(value) + star)
    return " / ".join(shown)


def table(columns: dict[str, Ratios]) -> str:
    """Requirements by columns, in Markdown; a row that was not measured is left out."""
    lines = ["| native / torch | must | aim | " + " | ".join(columns) + " |"]
    lines += ["|---" + "|---:" * (len(columns) + 2) + "|"]
    for requirement in REQUIREMENTS:
        bounds = [f"{requirement.must:g}", "" if requirement.aim is None else f"{requirement.aim:g}"]
        cells = [cell(requirement, ratios) for ratios in columns.values()]
        if set(cells) != {"- / -"}:
            lines.append("| " + " | ".join([requirement.label, *bounds, *cells]) + " |")
    return "\n".join(lines)
