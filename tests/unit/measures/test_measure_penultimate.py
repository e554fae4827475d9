"""Geometry of the projection, and the cluster measures against their definitions written out."""

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from entropyreg.measures.penultimate import (
    distance_variation,
    examples_of_classes,
    logit_distance_correlation,
    plane_basis,
    project,
    scatter_ratio,
    scatter_ratio_interval,
    squared_distances,
    with_bias,
)

TEMPLATES = np.random.default_rng(0).normal(size=(3, 20))


def clusters(spread: float, n: int = 50, classes: int = 4, dimension: int = 7, seed: int = 1):
    generator = np.random.default_rng(seed)
    means = np.random.default_rng(9).normal(size=(classes, dimension)) * 3
    labels = np.repeat(np.arange(classes), n)
    return means[labels] + spread * generator.normal(size=(classes * n, dimension)), labels


def test_the_basis_is_orthonormal_and_spans_the_templates_plane():
    basis = plane_basis(TEMPLATES)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-12)
    difference = TEMPLATES[0] - TEMPLATES[1]
    np.testing.assert_allclose(basis @ (basis.T @ difference), difference, atol=1e-12)


def test_distances_between_templates_are_kept_for_every_order_of_them():
    for order in itertools.permutations(range(3)):
        permuted = TEMPLATES[list(order)]
        points = project(permuted, plane_basis(permuted))
        for a, b in itertools.combinations(range(3), 2):
            assert np.linalg.norm(points[a] - points[b]) == pytest.approx(np.linalg.norm(permuted[a] - permuted[b]))


def test_the_first_template_lies_right_of_the_third_and_the_second_above_them():
    for order in itertools.permutations(range(3)):
        permuted = TEMPLATES[list(order)]
        first, second, third = project(permuted, plane_basis(permuted))
        assert first[1] == pytest.approx(third[1])
        assert first[0] > third[0]
        assert second[1] > third[1]


def test_permuted_templates_turn_or_mirror_the_picture():
    activations = np.random.default_rng(2).normal(size=(30, 20))
    points = project(activations, plane_basis(TEMPLATES))
    for order in itertools.permutations(range(3)):
        other = plane_basis(TEMPLATES[list(order)])
        turn = plane_basis(TEMPLATES).T @ other
        np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-12)
        np.testing.assert_allclose(project(activations, other), points @ turn, atol=1e-12)


def test_components_orthogonal_to_the_plane_are_dropped():
    basis = plane_basis(TEMPLATES)
    noise = np.random.default_rng(3).normal(size=(5, 20))
    noise -= noise @ basis @ basis.T
    np.testing.assert_allclose(project(TEMPLATES[:1] + noise, basis), np.tile(project(TEMPLATES[:1], basis), (5, 1)))


def test_templates_on_a_line_are_refused():
    with pytest.raises(ValueError, match="on one line"):
        plane_basis(np.array([[0.0, 0, 0], [1, 2, 3], [3, 6, 9]]))
    with pytest.raises(ValueError, match="on one line"):
        plane_basis(TEMPLATES[[0, 1, 0]])
    with pytest.raises(ValueError, match="shape"):
        plane_basis(TEMPLATES[:2])


def test_biases_join_the_logit():
    activations, bias = np.random.default_rng(4).normal(size=(6, 20)), np.array([0.5, -1.0, 2.0])
    joined = with_bias(activations, 1.0) @ with_bias(TEMPLATES, bias).T
    np.testing.assert_allclose(joined, activations @ TEMPLATES.T + bias)


def test_scatter_ratio_is_the_trace_of_its_definition():
    features, labels = clusters(1.0)
    labels_of_unequal_sizes = labels[30:]  # class 0 keeps 20 of 50
    for x, y in ((features, labels), (features[30:], labels_of_unequal_sizes)):
        means = np.stack([x[y == c].mean(axis=0) for c in range(4)])
        within = np.mean([np.cov(x[y == c].T, bias=True) for c in range(4)], axis=0)
        between = np.cov(means.T, bias=True)
        expected = np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / 4
        assert scatter_ratio(x, y, 4) == pytest.approx(expected, rel=1e-9)


def test_scatter_ratio_ignores_scale_and_rotation_and_is_zero_for_collapsed_clusters():
    features, labels = clusters(1.0)
    rotation, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(7, 7)))
    assert scatter_ratio(7 * features @ rotation + 3, labels, 4) == pytest.approx(scatter_ratio(features, labels, 4))
    assert scatter_ratio(clusters(0.0)[0], labels, 4) == pytest.approx(0, abs=1e-20)
    twice = clusters(2.0, seed=1)[0] - clusters(1.0, seed=1)[0]  # the same noise once more
    assert twice.std() > 0
    assert scatter_ratio(clusters(0.2)[0], labels, 4) < scatter_ratio(clusters(0.4)[0], labels, 4) / 3


def test_the_scatter_interval_covers_a_larger_samples_value():
    truth = scatter_ratio(*clusters(1.0, n=20_000), 4)
    inside = 0
    for seed in range(30):
        features, labels = clusters(1.0, n=40, seed=seed + 10)
        interval = scatter_ratio_interval(features, labels, 4, np.random.default_rng(seed), n_replicates=100)
        inside += interval.low <= truth <= interval.high
    assert inside >= 25  # 28.5 are expected, 3 standard deviations below are 24.9


def test_the_scatter_interval_holds_its_estimate_even_of_few_examples_in_many_dimensions():
    generator = np.random.default_rng(3)
    features, labels = generator.normal(size=(36, 60)), np.repeat(np.arange(3), 12)
    found = scatter_ratio_interval(features, labels, 3, generator, n_replicates=100)
    assert found.low < found.estimate < found.high


def test_scatter_needs_classes_that_differ():
    features, labels = clusters(1.0)
    with pytest.raises(ValueError, match="all class means are equal"):
        scatter_ratio(np.ones((8, 3)), np.arange(8) % 4, 4)
    with pytest.raises(ValueError, match="every one of 5 classes"):
        scatter_ratio(features, labels, 5)


def test_squared_distances_and_their_variation_by_hand():
    activations, templates = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0], [0.0, 3.0]])
    np.testing.assert_allclose(squared_distances(activations, templates), [[25, 1, 9]], atol=1e-12)
    # to the wrong templates: 1 and 3, mean 2, standard deviation 1
    np.testing.assert_allclose(distance_variation(activations, np.array([0]), templates), [0.5])


def test_distances_at_the_centre_of_a_simplex_do_not_vary():
    templates = np.eye(6)
    activations = np.concatenate([np.zeros((1, 6)), 0.7 * np.eye(6)[2:3]])
    np.testing.assert_allclose(distance_variation(activations, np.array([1, 2]), templates), 0, atol=1e-12)


def test_logits_and_distances_of_equal_norm_templates_agree_in_order():
    generator = np.random.default_rng(6)
    activations, templates = generator.normal(size=(40, 9)), generator.normal(size=(12, 9))
    unit = templates / np.linalg.norm(templates, axis=1, keepdims=True)
    np.testing.assert_allclose(logit_distance_correlation(activations @ unit.T, activations, unit), 1)
    logits = activations @ templates.T
    ours = logit_distance_correlation(logits, activations, templates)
    distances = ((activations[:, None] - templates) ** 2).sum(axis=-1)
    theirs = [spearmanr(a, -b).statistic for a, b in zip(logits, distances, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert ours.mean() < 0.99


def test_examples_are_the_first_of_each_class_in_the_order_asked():
    labels = np.array([2, 0, 2, 1, 0, 2])
    np.testing.assert_array_equal(examples_of_classes(labels, (2, 0), 2), [0, 2, 1, 4])
    with pytest.raises(ValueError, match="class 1 has 1 examples; 2"):
        examples_of_classes(labels, (2, 1), 2)
