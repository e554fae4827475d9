"""Directions, families and power of the claims: literal examples and limits."""

import numpy as np
import pytest
from scipy.stats import norm, ttest_ind

from entropyreg.comparing.claims.evidence import Evidence, normal, of_seed_values, weakest_of_curve
from entropyreg.comparing.claims.families import adjusted, joined, methods_of
from entropyreg.comparing.claims.power import Precision, detectable_effect, precision_of, seeds_to_decide
from entropyreg.comparing.claims.rules import decide, limits_of, verdict_of
from entropyreg.io.errors import UserError
from entropyreg.measures.significance import Resampled

OPTIONS = {"not_worse": {"margin": 0.2}, "equivalent": {"margin": 0.5}, "at_least": {"threshold": 0.9}}
OPTIONS |= {"at_most": {"threshold": 0.05}, "between": {"threshold": [0.69, 0.9]}}


def known(estimate: float, error: float) -> Resampled:
    """An estimate with a known standard error."""
    return normal(estimate, error, np.inf, 4000)


@pytest.mark.parametrize(
    ("direction", "inside", "outside", "edge"),
    [
        ("greater", 1.0, -1.0, 0.0),
        ("less", -1.0, 1.0, 0.0),
        ("at_least", 1.2, 0.5, 0.9),
        ("at_most", -0.5, 0.5, 0.05),
        ("not_worse", 0.0, -0.5, -0.2),
        ("equivalent", 0.0, 0.8, 0.5),
        ("equivalent", 0.0, -0.8, -0.5),
        ("between", 0.8, 1.2, 0.9),
        ("between", 0.8, 0.4, 0.69),
    ],
)
def test_each_direction_is_decided_on_both_sides_of_its_edge(direction, inside, outside, edge):
    def verdict(estimate: float, error: float = 0.01) -> str:
        decision = decide(direction, known(estimate, error), **OPTIONS.get(direction, {}))
        return verdict_of(float(decision.p_value), float(decision.p_opposite), 0.05)

    assert (verdict(inside), verdict(outside), verdict(edge)) == ("supported", "not_supported", "inconclusive")
    assert verdict(inside, error=10.0) == "inconclusive"  # not significant is never equal


def test_p_value_and_bounds_are_those_of_the_normal():
    decision = decide("greater", known(1.0, 0.5))
    assert decision.p_value == pytest.approx(norm.sf(2), rel=0.05)
    assert decision.lower == pytest.approx(1 - 1.6449 * 0.5, abs=0.01)
    assert decision.upper == pytest.approx(1 + 1.6449 * 0.5, abs=0.01)


def test_equivalence_takes_the_larger_p_value():
    both = decide("equivalent", known(0.3, 0.1), margin=0.5)
    assert both.p_value == pytest.approx(norm.sf(2), rel=0.05)


def test_unknown_direction_and_lacking_margin():
    with pytest.raises(UserError, match=r"direction is 'bigger'; allowed: greater, less"):
        limits_of("bigger", None, None)
    with pytest.raises(ValueError, match="needs a margin"):
        limits_of("equivalent", None, None)
    with pytest.raises(ValueError, match="needs a threshold"):
        limits_of("between", None, None)


def test_values_by_seed_are_welchs_test():
    a, b = np.array([1.0, 1.4, 0.9, 1.3]), np.array([0.5, 0.9, 0.2, 0.6, 0.4])
    found = of_seed_values([(1.0, a), (-1.0, b)], 4000)
    expected = ttest_ind(a, b, equal_var=False, alternative="greater")
    assert float(decide("greater", found.resampled).p_value) == pytest.approx(expected.pvalue, rel=0.1)
    assert found.resampled.degrees_of_freedom == pytest.approx(expected.df)
    assert found.seed_variance == pytest.approx(a.var(ddof=1) + b.var(ddof=1))


def test_spread_over_items_widens_an_interval_of_seeds():
    values = [(1.0, np.array([1.0, 1.1, 0.9]))]
    assert of_seed_values(values, 500, 0.04).standard_error > of_seed_values(values, 500).standard_error


def test_the_weakest_point_of_a_curve_has_simultaneous_bounds():
    generator = np.random.default_rng(0)
    estimate = np.array([1.0, 0.0, 0.6])
    replicates = estimate + generator.normal(0, [0.2, 0.0, 0.2], (4000, 3))
    curve = Resampled(estimate, estimate, estimate, estimate, replicates, np.full(3, np.inf))
    index, weakest = weakest_of_curve(curve, 0.0, 1, 0.05)
    assert index == 2  # the second does not vary: it is the reference itself
    bound = decide("greater", weakest).lower
    assert bound == pytest.approx(0.6 - 1.955 * 0.2, abs=0.02)  # max of two: quantile .95 ** .5, not .95
    with pytest.raises(ValueError, match="no point of the curve varies"):
        weakest_of_curve(curve._replace(replicates=np.tile(estimate, (10, 1))), 0.0, 1, 0.05)


def test_all_must_hold_of_each_and_one_is_enough_of_any():
    tasks = [[(0.01, 0.99)], [(0.2, 0.8)]]
    assert joined("each", tasks) == (0.2, 1.0)
    assert joined("any", tasks) == (0.02, 0.99)
    assert joined("pooled", [[(0.03, 0.97)]]) == (0.03, 0.97)
    assert joined("each", [[(0.9, 0.01), (0.001, 0.9)]]) == (0.9, 0.02)  # parts, and Holm for the opposite
    with pytest.raises(UserError, match="quantifier is 'some'"):
        joined("some", tasks)


def test_families_are_corrected_by_their_own_method():
    p_values = {"A2": 0.01, "A5": 0.04, "B2": 0.03, "A1": 0.01, "A3": 0.04}
    family = {"A2": "one", "A5": "one", "B2": "other", "A1": "more", "A3": "more"}
    methods = {"one": "holm", "other": "holm", "more": "benjamini_hochberg"}
    found = adjusted(p_values, family, methods)
    assert found == pytest.approx({"A2": 0.02, "A5": 0.04, "B2": 0.03, "A1": 0.02, "A3": 0.04})
    with pytest.raises(UserError, match="family is 'none'"):
        adjusted({"A2": 0.5}, {"A2": "none"}, methods)


def test_methods_are_read_from_the_declared_rules():
    declared = {"primary": {"method": "holm", "primary_A": ["A2"]}, "secondary": {"method": "b", "families": ["s"]}}
    assert methods_of(declared) == {"primary_A": "holm", "s": "b"}


def precision(seed_sd: float, seeds: int, item_variance: float = 0.0) -> Precision:
    variance = 2 * seed_sd**2 / seeds + item_variance
    return Precision(np.sqrt(variance), 2 * (seeds - 1), 2 * seed_sd**2, seeds, 2)


def test_detectable_effect_is_that_of_the_declared_table():
    # CLAIMS: 12 seeds see 1.05 standard deviations between seeds, 10 see 1.16
    assert detectable_effect(precision(1.0, 12), 0.05) == pytest.approx(1.05, abs=0.02)
    assert detectable_effect(precision(1.0, 10), 0.05) == pytest.approx(1.16, abs=0.02)


def test_seeds_that_would_decide():
    infinity = float("inf")
    assert seeds_to_decide(1.05, precision(1.0, 5), (0.0, infinity), 0.05) in (12, 13)
    assert seeds_to_decide(-1.05, precision(1.0, 5), (0.0, infinity), 0.05) in (12, 13)  # to be refuted
    assert seeds_to_decide(0.0, precision(0.4, 5), (-0.5, 0.5), 0.05) == pytest.approx(10, abs=2)
    assert seeds_to_decide(0.001, precision(1.0, 5), (0.0, infinity), 0.05) is None
    assert seeds_to_decide(1.0, precision(1.0, 5, item_variance=1.0), (0.0, infinity), 0.05) is None  # the test set is
    # too small: no number of seeds averages its sentences out


def test_what_is_not_resampled_by_seeds_is_decided_by_no_seeds():
    cells = precision_of(Evidence(known(0.4, 0.1), None, (3,), 100))
    assert cells.standard_error == pytest.approx(0.1)
    assert seeds_to_decide(0.4, cells, (0.5, float("inf")), 0.05) is None
