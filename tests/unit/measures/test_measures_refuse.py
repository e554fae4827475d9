"""Every measure refuses a NaN or an infinity, naming the argument."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

from entropyreg import measures
from entropyreg.io.columns import Column
from entropyreg.measures import (
    agreement,
    bernoulli_divergence,
    bleu,
    bleu_statistics,
    calibration,
    checks,
    distillation,
    entropy,
    expected_best,
    explained_variance,
    in_blocks,
    information_loss,
    logits,
    matched_entropy,
    multiple_tests,
    mutual_information,
    penultimate,
    rank_correlation,
    significance,
    temperature,
)

GENERATOR = np.random.default_rng(0)
LOGITS, LABELS = GENERATOR.normal(size=(6, 3)), np.array([0, 1, 2, 0, 1, 2])
PLANE = GENERATOR.normal(size=(3, 4))
SUMS = np.array([4.0, 2.0, 1.0, 1.5, 3.0, 1.0])  # two bins: counts, confidences, hits
TEN = np.array([5.0, 6.0, 4.0, 3.0, 2.0, 1.0, 5.0, 4.0, 3.0, 2.0])
ITEMS = np.abs(GENERATOR.normal(size=(2, 5, 2))) + 1.0
RECORDS = {"confidence": np.array([0.5, 0.9, 0.7]), "correct": np.array([0.0, 1.0, 1.0])}
CELLS = {"y": GENERATOR.normal(size=(2, 5)), "weights": np.ones((2, 5))}
FEATURES = {"features": GENERATOR.normal(size=(6, 4)), "labels": LABELS, "classes": 3}


def arms(statistics, weight, score=significance.mean_of_sums):
    return significance.crossed_contrast(
        [significance.Arm(weight, statistics, score)], 9, generator=np.random.default_rng(1)
    )


RESAMPLED = arms(ITEMS, 1.0).resampled
CURVE = arms(ITEMS, 1.0, lambda sums: sums).resampled


def of_bins(count, confidence, accuracy):
    return calibration.sums_of_bins(calibration.ReliabilityBins(count, confidence, accuracy))


def of_column(function):
    def compute(column):
        rows = Column(column.dtype, column.shape[1:])
        rows.append(column)
        return function(rows)

    return compute


# a public function, and arguments that it takes
CASES = {
    "agreement.agreement": (agreement.agreement, {"predicted": [1.0, 2.0, 4.0], "measured": [1.0, 3.0, 4.0]}),
    "bernoulli_divergence.skew_jensen": (bernoulli_divergence.skew_jensen, {"p": np.array([0.1, 0.5]), "skew": 0.5}),
    "bernoulli_divergence.euclidean": (bernoulli_divergence.euclidean, {"p": np.array([0.1, 0.5])}),
    "bernoulli_divergence.entropy": (bernoulli_divergence.entropy, {"p": np.array([0.1, 0.5])}),
    "bleu_statistics.bleu_of_sums": (bleu_statistics.bleu_of_sums, {"sums": TEN}),
    "calibration.bin_index": (calibration.bin_index, {"confidence": RECORDS["confidence"], "n_bins": 5}),
    "calibration.reliability_sums": (calibration.reliability_sums, RECORDS),
    "calibration.reliability_bins": (calibration.reliability_bins, RECORDS),
    "calibration.expected_calibration_error": (calibration.expected_calibration_error, RECORDS),
    "calibration.debiased_ece": (calibration.debiased_ece, RECORDS),
    "calibration.smooth_ece": (calibration.smooth_ece, RECORDS),
    "calibration.calibrated_ece": (
        calibration.calibrated_ece,
        {"confidence": RECORDS["confidence"], "generator": GENERATOR, "n_simulations": 9},
    ),
    "calibration.sums_of_bins": (
        of_bins,
        {"count": np.array([2.0, 1.0]), "confidence": np.array([0.4, 0.9]), "accuracy": np.array([0.5, 1.0])},
    ),
    "calibration.ece_of_sums": (calibration.ece_of_sums, {"sums": SUMS}),
    "calibration.debiased_ece_of_sums": (calibration.debiased_ece_of_sums, {"sums": SUMS}),
    "calibration.squared_calibration_error": (calibration.squared_calibration_error, RECORDS),
    "calibration.squared_error_of_sums": (calibration.squared_error_of_sums, {"sums": SUMS}),
    "significance.crossed_contrast": (arms, {"statistics": ITEMS, "weight": 1.0}),
    "distillation.equivalent_smoothing": (
        distillation.equivalent_smoothing,
        {"logits": LOGITS, "labels": LABELS, "temperature": 1.0},
    ),
    "distillation.equivalent_smoothing_of_targets": (
        distillation.equivalent_smoothing_of_targets,
        {"targets": np.eye(3)[LABELS], "labels": LABELS},
    ),
    "entropy.normalized_entropy": (
        entropy.normalized_entropy,
        {"entropy": np.array([0.5, 1.0]), "vocabulary_size": 9},
    ),
    "expected_best.expected_best": (expected_best.expected_best, {"values": [1.0, 3.0, 2.0]}),
    "explained_variance.cross_validated_r2": (
        explained_variance.cross_validated_r2,
        {"design": GENERATOR.normal(size=(2, 5, 2)), **CELLS},
    ),
    "explained_variance.left_out_predictions": (
        explained_variance.left_out_predictions,
        {"design": GENERATOR.normal(size=(2, 5, 2)), **CELLS},
    ),
    "explained_variance.r2": (explained_variance.r2, {"x": GENERATOR.normal(size=(2, 5)), **CELLS}),
    "explained_variance.quadratic": (explained_variance.quadratic, {"x": CELLS["y"]}),
    "explained_variance.levels": (explained_variance.levels, {"factor": np.array([0.1, 0.2, 0.1]), "replicates": 2}),
    "in_blocks.mean": (of_column(in_blocks.mean), {"column": np.array([1.0, 2.0])}),
    "in_blocks.mean_of": (
        of_column(lambda column: in_blocks.mean_of(lambda values: values.astype(np.float64), column)),
        {"column": np.array([1.0, 2.0], np.float32)},
    ),
    "in_blocks.standard_deviation": (
        of_column(in_blocks.standard_deviation),
        {"column": np.array([1.0, 2.0])},
    ),
    "in_blocks.mean_rows": (of_column(in_blocks.mean_rows), {"column": np.ones((3, 2))}),
    "in_blocks.added": (in_blocks.added, {"total": np.ones(2), "rows": np.ones((3, 2))}),
    "in_blocks.per_sentence": (
        lambda values: in_blocks.per_sentence(np.array([0, 0, 1]), [values]),
        {"values": np.ones(3, np.float32)},
    ),
    "in_blocks.histogram": (
        of_column(lambda column: in_blocks.histogram(column, 3, (0, 1))),
        {"column": np.array([0.1, 0.9])},
    ),
    "information_loss.confidence_variance": (
        information_loss.confidence_variance,
        {"logits": LOGITS, "labels": LABELS, "temperature": 1.0},
    ),
    "information_loss.mean_variance_within": (
        information_loss.mean_variance_within,
        {"values": LOGITS[:, 0], "labels": LABELS},
    ),
    "information_loss.class_means": (information_loss.class_means, FEATURES),
    "information_loss.class_similarity": (information_loss.class_similarity, {"points": PLANE}),
    "information_loss.similarity_correlation": (
        information_loss.similarity_correlation,
        {
            "logits": LOGITS,
            "labels": LABELS,
            "similarity": np.eye(3) + 0.1,
        },
    ),
    "logits.logit_statistics": (logits.logit_statistics, {"logits": LOGITS, "labels": LABELS, "temperature": 1.0}),
    "logits.check_temperature": (logits.check_temperature, {"temperature": 1.0}),
    "matched_entropy.mean_normalized_entropy": (
        matched_entropy.mean_normalized_entropy,
        {"logits": LOGITS, "temperature": 1.0},
    ),
    "matched_entropy.temperature_of_entropy": (
        matched_entropy.temperature_of_entropy,
        {"logits": LOGITS, "wanted": 0.5},
    ),
    "multiple_tests.holm": (multiple_tests.holm, {"p_values": np.array([0.1, 0.5])}),
    "multiple_tests.benjamini_hochberg": (multiple_tests.benjamini_hochberg, {"p_values": np.array([0.1, 0.5])}),
    "mutual_information.mutual_information": (
        mutual_information.mutual_information,
        {"draws": GENERATOR.normal(size=(5, 3)), "evaluated": GENERATOR.normal(size=5)},
    ),
    "mutual_information.same_draw_information": (
        mutual_information.same_draw_information,
        {"draws": GENERATOR.normal(size=(5, 3))},
    ),
    "mutual_information.without_one_over_n": (
        mutual_information.without_one_over_n,
        {"information": 1.0, "n_inputs": 5},
    ),
    "penultimate.with_bias": (penultimate.with_bias, {"vectors": PLANE, "bias": np.ones(3)}),
    "penultimate.plane_basis": (penultimate.plane_basis, {"templates": PLANE}),
    "penultimate.project": (penultimate.project, {"vectors": PLANE, "basis": np.eye(4)[:, :2]}),
    "penultimate.scatter_ratio": (penultimate.scatter_ratio, FEATURES),
    "penultimate.scatter_ratio_interval": (
        penultimate.scatter_ratio_interval,
        {**FEATURES, "generator": GENERATOR, "n_replicates": 3},
    ),
    "penultimate.squared_distances": (
        penultimate.squared_distances,
        {"activations": FEATURES["features"], "templates": PLANE},
    ),
    "penultimate.distance_variation": (
        penultimate.distance_variation,
        {"activations": FEATURES["features"], "labels": LABELS, "templates": PLANE},
    ),
    "penultimate.logit_distance_correlation": (
        penultimate.logit_distance_correlation,
        {"logits": LOGITS, "activations": FEATURES["features"], "templates": PLANE},
    ),
    "rank_correlation.spearman_rows": (
        rank_correlation.spearman_rows,
        {"x": CELLS["y"], "y": GENERATOR.normal(size=(2, 5))},
    ),
    "rank_correlation.spearman_interval": (
        rank_correlation.spearman_interval,
        {"x": CELLS["y"][0], "y": CELLS["y"][1], "generator": GENERATOR, "n_replicates": 9},
    ),
    "significance.bootstrap_mean": (
        significance.bootstrap_mean,
        {"values": LOGITS[:, 0], "generator": GENERATOR, "n_replicates": 9},
    ),
    "significance.mean_of_sums": (significance.mean_of_sums, {"sums": np.array([[1.0, 2.0]])}),
    "significance.p_value_above": (significance.p_value_above, {"result": RESAMPLED, "null": 0.0}),
    "significance.p_value_below": (significance.p_value_below, {"result": RESAMPLED, "null": 0.0}),
    "significance.p_value_of": (
        significance.p_value_of,
        {"estimate": np.array(1.0), "replicates": RESAMPLED.replicates, "freedom": np.array(3)},
    ),
    "significance.simultaneous_band": (
        lambda **changed: significance.simultaneous_band(CURVE._replace(**changed)),
        {"estimate": CURVE.estimate, "replicates": CURVE.replicates},
    ),
    "significance.equivalence": (significance.equivalence, {"p_lower": 0.1, "p_upper": 0.2}),
    "temperature.scaled_statistics": (
        temperature.scaled_statistics,
        {"logits": LOGITS, "labels": LABELS, "temperature": 1.0},
    ),
    "temperature.fit_temperature": (temperature.fit_temperature, {"logits": LOGITS, "labels": LABELS}),
    "temperature.best_on_grid": (
        temperature.best_on_grid,
        {
            "temperatures": np.array([0.5, 1.0]),
            "nll": np.ones((2, 3)),
            "confidence": np.full((2, 3), 0.5),
            "correct": RECORDS["correct"],
        },
    ),
    "temperature.criterion_value": (
        temperature.criterion_value,
        {"criterion": "ece", "nll": np.ones(3), "n_bins": 5, **RECORDS},
    ),
    "temperature.grid_of": (temperature.grid_of, {"low": 0.5, "high": 2.0, "points": 3, "also": [1.0]}),
}
WITHOUT_CASE = {  # why there is no number in their arguments that could be other than finite
    "takes a declaration": {"catalogue.declare"},
    "takes text": {
        "bleu.corpus_bleu",
        "bleu.sentence_statistics",
        "edit_alignment.right_words",
        "edit_alignment.shifted",
        "rouge.corpus_rouge",
        "rouge.lines",
        "rouge.signature",
    },
    "takes integers": {
        "bleu.bleu_of_statistics",
        "mutual_information.upper_bound",
        "penultimate.examples_of_classes",
        "temperature.half_of_groups",
    },
    "checks shapes and labels, the caller the numbers": {"logits.check_logits", "logits.check_labels"},
    "is what refuses": {"checks.check_finite", "checks.check_counts", "checks.check_outcomes"},
    "gives the rows that it is given": {"in_blocks.whole_sentences"},
    "writes names": {"sparsity.threshold_names", "temperature.temperature_label"},
}


def test_every_public_function_of_the_measures_has_a_case_or_a_reason_for_having_none():
    found = set()
    for module in iter_modules(measures.__path__):
        for name, value in vars(import_module(f"entropyreg.measures.{module.name}")).items():
            if inspect.isfunction(value) and value.__module__.endswith(f"measures.{module.name}") and name[0] != "_":
                found.add(f"{module.name}.{name}")
    assert found == set().union(CASES, *WITHOUT_CASE.values())


def spoiled(value, bad):
    """`value` with one number replaced; None where there is no floating-point number in it."""
    if isinstance(value, float):
        return bad
    array = np.array(value) if isinstance(value, (list, np.ndarray)) else np.array(0)
    if array.dtype.kind != "f":
        return None
    array.flat[array.size // 2] = bad
    return array if isinstance(value, np.ndarray) else array.tolist()


ALSO = {  # what an error may call an argument instead
    **dict.fromkeys(("low", "high", "also", "temperatures"), "temperature"),
    **dict.fromkeys(("column", "total", "rows", "values"), "the sum of a column"),
    **dict.fromkeys(("p_values", "p_lower", "p_upper"), "p-values"),
    "weight": "weights",
}


@pytest.mark.parametrize("name", CASES)
def test_a_number_that_is_not_finite_is_refused_by_its_argument(name):
    function, arguments = CASES[name]
    function(**arguments)
    tried = 0
    for argument, value in arguments.items():
        for bad in (np.nan, np.inf, -np.inf):
            if (wrong := spoiled(value, bad)) is None:
                continue
            tried += 1
            with pytest.raises(ValueError, match=f"^({argument}|{ALSO.get(argument)}) must"):
                function(**(arguments | {argument: wrong}))
    assert tried >= 3


@pytest.mark.parametrize("wrong", [0.5, 2, -1])
def test_outcomes_are_zero_or_one(wrong):
    with pytest.raises(ValueError, match="correct must be 0 or 1"):
        calibration.expected_calibration_error(RECORDS["confidence"], np.array([0, wrong, 1]))


IMPOSSIBLE = {
    "entropy must be at most log V": lambda: entropy.normalized_entropy(np.array([0.5, 2.4]), 9),
    "entropy must not be negative": lambda: entropy.normalized_entropy(np.array([0.5, -0.1]), 9),
    "sums must not be negative": lambda: bleu_statistics.bleu_of_sums(-TEN),
    "sums must not hold more matches than n-grams": lambda: bleu_statistics.bleu_of_sums(TEN[[0, 1, *range(9, 1, -1)]]),
    "totals must be the ten sums .* got .1, 2": lambda: bleu.bleu_of_statistics([1, 2]),
    "totals must be the ten sums .* nan": lambda: bleu.bleu_of_statistics([*TEN[1:], np.nan]),
    "totals must not be negative": lambda: bleu.bleu_of_statistics([-1, *range(9)]),
    "weights must not be 0": lambda: arms(ITEMS, 0.0),
    r"column must lie in \[0, 1\]; 1 values do not": lambda: CASES["in_blocks.histogram"][0](np.array([0.5, 1.1])),
    "groups for .* confidences": lambda: calibration.reliability_sums(**RECORDS, group=np.zeros(2, int)),
    "a mean needs at least one row": lambda: CASES["in_blocks.mean_rows"][0](np.ones((0, 2))),
    "n_inputs must be at least 1": lambda: mutual_information.upper_bound(0),
    "all wrong templates lie at an example": lambda: penultimate.distance_variation(
        np.zeros((1, 4)), np.array([0]), np.array([[1.0] * 4, [0.0] * 4, [0.0] * 4])
    ),
    "sums must not hold more confidence or hits than records": lambda: calibration.ece_of_sums(
        SUMS[[2, 3, 0, 1, 4, 5]]
    ),
}


@pytest.mark.parametrize("message", IMPOSSIBLE)
def test_impossible_values_are_refused(message):
    with pytest.raises(ValueError, match=message):
        IMPOSSIBLE[message]()


def test_without_any_record_the_result_is_nan_not_a_number():
    with np.errstate(invalid="ignore"):
        assert np.isnan(calibration.ece_of_sums(np.zeros(6)))
        assert np.isnan(significance.mean_of_sums(np.zeros(2)))


def test_a_score_that_is_undefined_on_a_resample_is_refused():
    with pytest.raises(ValueError, match="replicates must be finite; got nan"), np.errstate(invalid="ignore"):
        items = significance.Arm(1.0, np.array([[[1.0, 1.0], [0.0, 0.0]]]), significance.mean_of_sums)
        significance.crossed_contrast([items], 99, generator=np.random.default_rng(0))


def test_text_and_integers_are_always_finite():
    checks.check_finite(text=np.array(["a"]), whole=np.array([1]), none=np.array([]))
