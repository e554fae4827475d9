"""Paper A: share of the vocabulary of probability below a threshold, for pairs of models of equal entropy.

Thresholds: e^-10 and e^-15 as published, and the floor of each model's own equilibrium (`regularizers.equilibrium`)
times 1, .1 and .01: with a small vocabulary the floor lies above e^-10, and the published thresholds say little. All
values are of the validation set, on which the pairs are matched (`results.pairs`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entropyreg.comparing.pairs import SPLIT, TOLERANCE, Pair, Run, pairs_of
from entropyreg.experiments.kinds import by_kind, kind_of
from entropyreg.rendering.published import Published, published_numbers
from entropyreg.rendering.tables import beside, labels, tidy
from entropyreg.rendering.tables.aggregate import NOT_COLLECTED, Value, setting
from entropyreg.rendering.tables.cells import Beside, Entry, Quantity, block
from entropyreg.rendering.tables.collected import missing_text, scale_line
from entropyreg.rendering.tables.formats import Cell, Note, Section, Table
from entropyreg.rendering.tables.legend import NOT_MEASURED, WORDS, Legend
from entropyreg.rendering.tables.runs import at

NAME, PAPER, PUBLISHED_COLUMN = "a_table_sparsity", "A", "not_stated"
UNKNOWN_TASK = "unknown task: the source does not say on which data set it measured, so no difference is taken"
NOT_SHOWN = "not run: no pair here has this member"
ERROR, NORMAL = "_standard_error", 1.959964  # 97.5 % quantile of the normal distribution: thousands of sentences
SEED = Quantity(("seed",), Cell("seed"), "number", ".0f")
STRENGTH = Quantity(("strength",), Cell("strength"), "number", ".4g")
ENTROPY = Quantity(("entropy_normalized",), Cell("Ĥ"), "share of log V", ".4f")
MISMATCH = Quantity(("entropy_normalized_minus_label_smoothing",), Cell("Ĥ minus LS"), "share of log V", "+.4f")
PUBLISHED = tuple(
    Quantity((f"share_below_e-{power}",), Cell(f"% < e^-{power}"), "percent", ".2f", 100) for power in (10, 15)
)
FLOORS = (
    Quantity(("log_floor",), Cell("log floor"), "natural logarithm", ".2f"),
    Quantity(("entropy_spread",), Cell("spread of Ĥ"), "share of log V", ".3f"),
    Quantity(("share_below_floor_x1",), Cell("% < floor"), "percent", ".2f", 100),
    Quantity(("share_below_floor_x0.1",), Cell("% < 0.1 floor"), "percent", ".2f", 100),
    Quantity(("share_below_floor_x0.01",), Cell("% < 0.01 floor"), "percent", ".3f", 100),
)
UNMATCHED = f"not matched: the two Ĥ differ by more than {TOLERANCE}"
MEMBERS = {"label_smoothing": 1.0, "confidence_penalty": 0.0}  # that the paper has, by skew
ROWS = {"label_smoothing": "label_smoothing", "confidence_penalty": "confidence_penalty", "skew_jensen": "ger"}
OTHER = Cell("other member")
SIZES = ("n_sentences", "n_tokens", "vocabulary_size")
DEFINITIONS = (
    labels.ABBREVIATIONS,
    "Pairs: label smoothing and another member of the family, same model and seed; matched where their Ĥ differ by at "
    f"most {TOLERANCE} on validation. A pair that is not matched is the nearest of all finished runs: its shares "
    "differ also because its entropies do.",
    "Ĥ: entropy of the predicted next-token distribution under the gold prefix, mean over the validation tokens, "
    "divided by log V; spread of Ĥ: its standard deviation between tokens.",
    "Shares: percentage of the vocabulary below the threshold, mean over the validation tokens. mean [low, high] (n): "
    "95 % interval over sentences (of shares from a standard error, else by bootstrap) of n = 1 seed, so it is about "
    "this model, not about training.",
    "log floor: natural logarithm of the probability of every word but the target at the equilibrium of skew and "
    "strength (e^-10 has -10). It follows from the predicted entropy, so it may differ where measured entropies agree.",
    "published: the paper's one pair, beside every pair with its member.",
)


@dataclass(frozen=True)
class Side:
    """One member of the pair with this number: its run, or None with the pair's reason."""

    number: int
    pair: Pair
    run: Run | None
    member: str  # label_smoothing; confidence_penalty or ger, '' where the other member is not known

    @property
    def label(self) -> Cell:
        """'1: CP D_J0'."""
        if self.run is not None:
            label = labels.member(self.run["skew"], self.run["smoothing"])
        else:
            label = labels.LABEL_SMOOTHING if self.member == "label_smoothing" else OTHER
        return Cell(f"{self.number}: {label.text}", latex=label.latex and f"{self.number}: {label.latex}")

    def value(self, quantity: Quantity) -> Value:
        """The run's own value with its interval over sentences: of shares from their standard error."""
        if quantity == MISMATCH:
            applies = self.other and self.pair.complete
            return Value(self.pair.mismatch, n=1) if applies else Value(reason=self.absence if self.other else "")
        if self.run is None:
            return Value(reason=self.absence)
        if quantity in (SEED, STRENGTH):
            return setting(self.run[quantity.key], 1)
        measures = self.run["measures"][SPLIT]
        mean, error = measures.get(quantity.key), measures.get(quantity.key + ERROR)
        if mean is None:
            return Value(reason=NOT_MEASURED)
        if quantity.key == "log_floor":  # follows from skew and strength
            return setting(mean, 1)
        interval = at(self.run.get("intervals"), (SPLIT, quantity.key))
        if error is not None:
            interval = mean - NORMAL * error, mean + NORMAL * error
        return Value(mean, n=1).of_one_seed(interval).scaled(quantity.factor)

    @property
    def other(self) -> bool:
        """Whether it is the member that is set beside label smoothing."""
        return self.member != "label_smoothing"

    @property
    def absence(self) -> str:
        """Why there is no pair, its kind first: 'failed: out of memory (match 'x')'."""
        name = f"match '{self.pair.series}'"
        reason = self.pair.reason.removeprefix(f"{name}: ")
        known = any(reason.startswith(start) for start in WORDS)
        told = reason if known else NOT_COLLECTED if reason == "not collected" else f"no pair: {reason}"
        return f"{told} ({name})" if reason != self.pair.reason else told

    def entry(self, quantity: Quantity, published: Published) -> Entry:
        remark = UNMATCHED if quantity == MISMATCH and self.pair.complete and not self.pair.matched else ""
        return Entry(quantity, self.value(quantity), beside_share(quantity, self.member, published), remark)

    @property
    def named(self) -> dict[str, Any]:
        """What a csv line says of it: the row and run of the member, and the run of the other one."""
        run, (smoothed, other) = self.run or {}, (self.pair.smoothed or {}, self.pair.other or {})
        partner = smoothed if self.other else other
        return {
            "row": run.get("row") or self.member or OTHER.text,
            "model": run.get("model"),
            "run": run.get("run"),
            "compared_with": partner.get("run"),
        }


def beside_share(quantity: Quantity, member: str, published: Published) -> tuple[Beside, ...]:
    """The paper's share for a member of the family, with its plus-minus."""
    if quantity not in PUBLISHED:
        return ()
    keys = quantity.key, f"{quantity.key}_plus_minus"
    number, error = (published.find(PAPER, NAME, member, PUBLISHED_COLUMN, key) for key in keys)
    return (Beside(PAPER, number, UNKNOWN_TASK, error=error),)


def sides_of(pairs: Sequence[Pair]) -> list[Side]:
    """Both members of every pair, label smoothing first."""
    found = []
    for number, pair in enumerate(pairs, start=1):
        member = "" if pair.other is None else by_kind(ROWS, kind_of(pair.other["skew"], pair.other["generator"]))
        found.append(Side(number, pair, pair.smoothed, "label_smoothing"))
        found.append(Side(number, pair, pair.other, member))
    return found


def build(collected: Mapping[str, Any], published: Published | None = None) -> Table:
    """The table of a collected table's content (pure)."""
    published, legend = published or published_numbers(), Legend()
    sections, lines, shown = [], [], []
    for column in collected["columns"]:
        pairs = pairs_of(collected["rows"], column["task"])
        sides = sides_of(pairs)
        sections += [
            main_section(collected, column, pairs, published, legend),
            floor_section(column, sides, published, legend),
        ]
        for side in sides:
            entries = [side.entry(one, published) for one in (STRENGTH, ENTROPY, MISMATCH, *PUBLISHED, *FLOORS)]
            shown += [one for entry in entries for one in entry.beside]
            lines += tidy.lines_of(collected, column, entries, published, **side.named)
    return Table(
        name=NAME,
        title="Paper A: sparsity at equal entropy",
        banner=scale_line(collected),
        sections=tuple(sections),
        notes=(*legend.notes(), *map(Note, DEFINITIONS), *beside.notes(NAME, published, papers=(PAPER,))),
        tidy_header=tidy.HEADER,
        tidy_rows=(*lines, *tidy.rest(collected, published, NAME, (PAPER,), shown, NOT_SHOWN)),
    )


def main_section(
    collected: Mapping[str, Any], column: Mapping[str, Any], pairs: Sequence[Pair], published: Published, legend: Legend
) -> Section:
    """The pairs of one data set, two lines each; a published member that no pair has follows."""
    found = [pair for pair in pairs if pair.complete]
    sizes = sorted({tuple(pair.smoothed["measures"][SPLIT][key] for key in SIZES) for pair in found})
    texts = [
        pairs_text(pairs),
        *(f"validation set of {sentences} sentences, {tokens} tokens, V = {v}" for sentences, tokens, v in sizes),
        missing_text(run for run in collected["rows"] if run["column"] == column["task"]),
    ]
    quantities = (SEED, STRENGTH, ENTROPY, MISMATCH, *PUBLISHED)
    sides = sides_of(pairs)
    lines = [((side.label,), [side.entry(one, published) for one in quantities]) for side in sides]
    for member, skew in MEMBERS.items():
        if member not in {side.member for side in sides}:
            absent = [Entry(one, Value(reason=NOT_SHOWN), beside_share(one, member, published)) for one in quantities]
            lines.append(((labels.member(skew),), absent))
    title = column["title"] + (": no pair of equal entropy" if found and not any(p.matched for p in found) else "")
    return block(title, "; ".join(text for text in texts if text) + ".", ["pair: member"], lines, legend)


def floor_section(column: Mapping[str, Any], sides: Sequence[Side], published: Published, legend: Legend) -> Section:
    """Shares below each model's own floor."""
    lines = [((side.label,), [side.entry(one, published) for one in FLOORS]) for side in sides]
    return block(f"{column['title']}: thresholds at each model's own floor", "", ["pair: member"], lines, legend)


def pairs_text(pairs: Sequence[Pair]) -> str:
    """'Pairs: 1 matched, 2 not matched, 1 missing'."""
    kinds = Counter("missing" if not p.complete else "matched" if p.matched else "not matched" for p in pairs)
    return "Pairs: " + ", ".join(
        f"{kinds[kind]} {kind}" for kind in ("matched", "not matched", "missing") if kinds[kind]
    )
