"""No template is on both sides of a split: on literal examples and on the shipped corpora."""

import random

import pytest

from entropyreg.data import embedded
from entropyreg.data.split import SPLITS, Splitter, masked_key, split_of, variants_of, words_of

FRACTIONS = {"valid": 0.05, "test": 0.05}


def are_near(first: str, second: str) -> bool:
    """The definition, between two sentences of frequent words."""
    keys = [masked_key(text, frozenset(words_of(f"{first} {second}"))) for text in (first, second)]
    return not set(variants_of(keys[0])).isdisjoint(variants_of(keys[1]))


def test_masked_key_of_literal_sentences():
    frequent = {"turn", "on", "the", "light"}
    assert masked_key("Turn ON the Zigbee light 17b!", frequent) == ("turn", "on", "the", "#", "light", "0", "#", "!")
    assert masked_key("Turn on the Hue light 3c!", frequent) == masked_key("turn on the Zigbee light 17b!", frequent)
    assert masked_key("", frequent) == ()


@pytest.mark.parametrize(
    "first, second, near",
    [
        ("Window contact front left", "Window contact front right", True),  # one word changed
        ("Delete the selected files", "Delete selected files", True),  # one word dropped
        ("Focus left editor group", "Left focus editor group", True),  # one word moved
        ("Window contact front left", "Window contact rear right", False),  # two words changed
        ("Add file", "Add folder", False),  # too short to vary
    ],
)
def test_near_duplicates(first, second, near):
    assert are_near(first, second) is near


def test_split_of_a_key_is_pinned():
    """These may never change: every result at the demo scale depends on them."""
    keys = [("turn", "on"), ("the", "state"), ("open", "#"), ("a", "0"), ("close", "all", "windows")]
    assert [split_of(key, {"valid": 0.3, "test": 0.3}) for key in keys] == ["train", "valid", "test", "train", "train"]
    assert split_of(("turn", "on"), {"valid": 0, "test": 0}) == "train"


def test_fractions_are_met():
    places = [split_of((str(number),), {"valid": 0.1, "test": 0.2}) for number in range(20_000)]
    assert [places.count(split) / 20_000 for split in SPLITS] == pytest.approx([0.7, 0.1, 0.2], abs=0.01)


@pytest.mark.parametrize("name", ["registry.de-en", "registry.fr-en"])
def test_no_template_is_in_two_splits_of_a_shipped_corpus(name):
    """By comparing everything with everything, in another way than the splitter does."""
    pairs = [(english, foreign) for foreign, english, _ in embedded.read_pairs(name)]
    splitter = Splitter(lambda: pairs, FRACTIONS)
    kept = {split: [] for split in SPLITS}
    n_near = 0
    for pair in pairs:
        place = splitter.place(*pair)
        n_near += place.near_duplicate
        if not place.near_duplicate:
            kept[place.split].append(splitter.keys_of(*pair))
    for side in (0, 1):
        keys = {split: {pair[side] for pair in kept[split]} for split in SPLITS}
        variants = {split: {variant for key in keys[split] for variant in variants_of(key)} for split in SPLITS}
        for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
            assert keys[first].isdisjoint(keys[second])
            assert variants[first].isdisjoint(variants[second])
    assert 0.04 < len(kept["test"]) / len(pairs) < 0.06  # test loses nothing
    assert 0.05 < n_near / len(pairs) < 0.11  # the price


def test_places_do_not_depend_on_the_order_of_the_corpus():
    pairs = [(english, foreign) for foreign, english, _ in embedded.read_pairs("registry.fr-en")][:4000]
    mixed = random.Random(1).sample(pairs, len(pairs))
    first, second = (Splitter(lambda order=order: order, FRACTIONS) for order in (pairs, mixed))
    assert [first.place(*pair) for pair in pairs] == [second.place(*pair) for pair in pairs]


def test_the_corpus_is_never_held_as_a_whole():
    """Two passes over a generator; only held-out keys and words stay."""
    passes = []

    def sentences():
        passes.append("started")
        return ((f"open window number {number} now", f"Fenster {number}") for number in range(1000))

    splitter = Splitter(sentences, FRACTIONS)
    assert passes == ["started", "started"]
    assert len(splitter.frequent[0]) < 10  # all numbers are one word
