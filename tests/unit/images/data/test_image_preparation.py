"""The prepared file: which images are where, and that the same settings give the same bytes."""

import numpy as np
import pytest

from entropyreg.images.data.preparation import load_prepared, prepare_images
from entropyreg.images.data.sources import read_image_set
from entropyreg.images.data.split import split_train_validation
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz, write_npz

DIGITS = {"dataset": "digits", "split": {"validation": 300, "train": None, "test": 400, "seed": 0}}


def test_the_split_is_a_partition_that_depends_on_the_seed_alone():
    train, validation = split_train_validation(50_000, 10_000, seed=3)
    assert (len(train), len(validation)) == (40_000, 10_000)
    assert sorted([*train, *validation]) == list(range(50_000))
    again = split_train_validation(50_000, 10_000, seed=3)
    assert np.array_equal(train, again[0])
    assert not np.array_equal(validation, split_train_validation(50_000, 10_000, seed=4)[1])


def test_smaller_training_sets_lie_inside_larger_ones():
    small, validation = split_train_validation(100, 20, seed=0, n_train=30)
    large, same = split_train_validation(100, 20, seed=0)
    assert len(small) == 30 and set(small) < set(large) and np.array_equal(validation, same)


@pytest.mark.parametrize(("n_validation", "n_train"), [(0, None), (10, None), (5, 6), (5, 0)])
def test_impossible_sizes_are_refused(n_validation, n_train):
    with pytest.raises(UserError, match="split"):
        split_train_validation(10, n_validation, 0, n_train)


def test_digits_are_split_without_overlap(tmp_path):
    summary = prepare_images(DIGITS, tmp_path)
    prepared = load_prepared(tmp_path)
    assert summary["n_images"] == {"train": 1097, "valid": 300, "test": 400}
    assert summary["shape"] == [1, 8, 8]
    all_images = read_image_set("digits").train.images.reshape(1797, -1)
    found = np.concatenate([prepared.parts[split].images.reshape(-1, 64) for split in ("train", "valid", "test")])
    assert sorted(map(bytes, found)) == sorted(map(bytes, all_images))
    pixels = prepared.parts["train"].images.astype(float)
    assert summary["channel_mean"][0] == pytest.approx(pixels.mean())
    assert summary["channel_std"][0] == pytest.approx(pixels.std())


def test_the_same_settings_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        prepare_images(DIGITS, tmp_path / name)
    for file in ("images.npz", "summary.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_embedded_set_keeps_its_own_test_images(tmp_path):
    settings = {"dataset": "fashion_mnist_6k", "split": {"validation": 1000, "train": None, "test": None, "seed": 0}}
    summary = prepare_images(settings, tmp_path)
    assert summary["n_images"] == {"train": 5000, "valid": 1000, "test": 1000}
    assert np.bincount(load_prepared(tmp_path).parts["test"].labels).tolist() == [100] * 10


def test_a_changed_file_is_noticed(tmp_path):
    prepare_images(DIGITS, tmp_path)
    path = tmp_path / "images.npz"
    whole, arrays = path.read_bytes(), dict(read_npz(path))
    content = bytearray(whole)
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"images\.npz is missing or damaged"):
        load_prepared(tmp_path)
    arrays["train_labels"] = arrays["train_labels"].copy()
    arrays["train_labels"][7] += 1
    write_npz(path, arrays)  # a whole file, of other data
    with pytest.raises(UserError, match=r"images\.npz is not what summary\.json describes"):
        load_prepared(tmp_path)
    path.write_bytes(whole)
    load_prepared(tmp_path)


def test_the_sum_of_the_data_does_not_depend_on_how_it_is_packed(tmp_path):
    """Releases of Python write zips of other bytes."""
    summary = prepare_images(DIGITS, tmp_path)
    np.savez(tmp_path / "images.npz", **read_npz(tmp_path / "images.npz"))
    assert load_prepared(tmp_path).summary["sha256"] == summary["sha256"]


def test_an_unknown_set_lists_the_known():
    with pytest.raises(UserError, match="allowed: digits, fashion_mnist_6k, mnist"):
        read_image_set("svhn")
