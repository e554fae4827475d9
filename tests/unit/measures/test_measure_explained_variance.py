"""Cross-validated R2 against a slow reference, and its limits."""

import numpy as np
import pytest

from entropyreg.measures.explained_variance import cross_validated_r2, levels, quadratic, r2


def slow(design: np.ndarray, y: np.ndarray) -> float:
    """Leave one out by refitting, with least squares."""
    residuals, spreads = [], []
    for index in range(len(y)):
        kept = np.arange(len(y)) != index
        coefficients = np.linalg.lstsq(design[kept], y[kept], rcond=None)[0]
        residuals.append(y[index] - design[index] @ coefficients)
        spreads.append(y[index] - y[kept].mean())
    return 1 - np.square(residuals).sum() / np.square(spreads).sum()


def test_equals_refitting_without_each_cell():
    generator = np.random.default_rng(0)
    x, y = generator.uniform(0, 1, 12), generator.normal(0, 1, 12)
    design = quadratic(x[None])
    assert cross_validated_r2(design, y[None], np.ones((1, 12)))[0] == pytest.approx(slow(design[0], y), abs=1e-6)


def test_copies_of_a_cell_are_left_out_with_it():
    generator = np.random.default_rng(1)
    x, y = generator.uniform(0, 1, 10), generator.normal(0, 1, 10)
    once = cross_validated_r2(quadratic(x[None]), y[None], np.ones((1, 10)))
    twice = cross_validated_r2(quadratic(x[None]), y[None], np.full((1, 10), 2.0))
    assert once == pytest.approx(twice, abs=1e-6)


def test_a_quadratic_is_explained_and_noise_is_not():
    x = np.linspace(0.1, 0.8, 20)[None]
    assert cross_validated_r2(quadratic(x), 1 + x - 2 * x**2, np.ones((1, 20)))[0] == pytest.approx(1, abs=1e-6)
    noise = np.random.default_rng(2).normal(0, 1, (200, 20))
    values = cross_validated_r2(quadratic(np.tile(x, (200, 1))), noise, np.ones((200, 20)))
    assert values.mean() < 0


def test_a_level_that_was_not_drawn_does_no_harm():
    factor, weights = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2]), np.array([[1.0] * 6 + [0.0] * 3])
    y = np.array([[1.0, 1.1, 0.9, 3.0, 3.1, 2.9, 7.0, 7.0, 7.0]])
    design = np.concatenate([np.ones((1, 9, 1)), levels(factor, 1)], axis=-1)
    assert cross_validated_r2(design, y, weights)[0] > 0.95


def test_straight_line_is_the_squared_correlation():
    generator = np.random.default_rng(3)
    x, y = generator.normal(0, 1, (2, 30))
    assert r2(x[None], y[None], np.ones((1, 30)))[0] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    counts = generator.multinomial(30, np.full(30, 1 / 30)).astype(float)
    repeated = np.repeat(np.arange(30), counts.astype(int))
    assert r2(x[None], y[None], counts[None])[0] == pytest.approx(np.corrcoef(x[repeated], y[repeated])[0, 1] ** 2)
