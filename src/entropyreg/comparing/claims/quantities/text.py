"""Differences between rows of translation and summarisation: BLEU, ROUGE-L, NLL (A1-A4, A10, A13, B5, B6)."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from entropyreg.comparing.claims.evaluators import Case, Evaluator, Plan
from entropyreg.comparing.claims.quantities.shared import arm, fresh, n_seeds, text_contrast
from entropyreg.comparing.claims.records import Row

TRANSLATION, SUMMARIZATION = ("a_table_translation",), ("a_table_summarization",)
PERPLEXITY = ("b_table_perplexity",)  # paper B's own runs of translation
TUNED = ("label_smoothing_tuned", "confidence_penalty", "ger")
ENDS = ("label_smoothing_tuned", "confidence_penalty")
MEAN_OF_TUNED = {**dict.fromkeys(TUNED, 1 / len(TUNED)), "none": -1.0}


def difference(artefacts: Sequence[str], weights: Mapping[str, float], metric: str) -> Evaluator:
    """Rows of a table with their weights, by a metric, on the declared split."""

    def plan(case: Case) -> Plan:
        found = {name: arm(case, artefacts, name, case.split) for name in weights}
        arms, remarks = fresh(case, found)
        return Plan(
            {"seeds": n_seeds(arms)}, lambda: {None: text_contrast(case, arms, weights, metric, case.split)}, remarks
        )

    return Evaluator(tuple(artefacts), plan)


def interior_and_end(case: Case) -> Plan:
    """A4: the tuned interior member against the end that is better on validation, by the mean over seeds."""
    found = {name: arm(case, TRANSLATION, name, case.split) for name in TUNED}
    arms, remarks = fresh(case, found)
    end = max(ENDS, key=lambda name: mean_of(arms[name], lambda row: row["measures"]["valid"]["bleu"]))
    weights = {"ger": 1.0, end: -1.0}
    return Plan(
        {"seeds": n_seeds({name: arms[name] for name in weights})},
        lambda: {None: text_contrast(case, arms, weights, "bleu", case.split)},
        (*remarks, f"the better end on validation: {end}"),
    )


def mean_of(rows: Sequence[Row], value: Callable[[Row], float]) -> float:
    """Mean over seeds."""
    return fmean(value(row) for row in rows)


SMOOTHED_MINUS_HARD = {"smoothed": 1.0, "hard": -1.0}
EVALUATORS = {
    "BLEU, mean of the tuned regularizers minus none": difference(TRANSLATION, MEAN_OF_TUNED, "bleu"),
    "BLEU, tuned label smoothing minus smoothing 0.1": difference(
        TRANSLATION, {"label_smoothing_tuned": 1.0, "label_smoothing_0.1": -1.0}, "bleu"
    ),
    "BLEU, tuned confidence penalty minus tuned label smoothing": difference(
        TRANSLATION, {"confidence_penalty": 1.0, "label_smoothing_tuned": -1.0}, "bleu"
    ),
    "BLEU, best interior skew minus the better end, both chosen on validation": Evaluator(
        TRANSLATION, interior_and_end
    ),
    "BLEU, tuned GER minus label smoothing 0.1": difference(
        TRANSLATION, {"ger": 1.0, "label_smoothing_0.1": -1.0}, "bleu"
    ),
    "ROUGE-L, mean of the tuned regularizers minus none": difference(SUMMARIZATION, MEAN_OF_TUNED, "rouge_l"),
    "BLEU, smoothing 0.1 minus 0": difference(PERPLEXITY, SMOOTHED_MINUS_HARD, "bleu"),
    "NLL a token, smoothing 0.1 minus 0": difference(PERPLEXITY, SMOOTHED_MINUS_HARD, "nll"),
}
