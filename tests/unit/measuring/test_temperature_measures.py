"""Measures of a run at several temperatures: planted temperatures, sums that add up, own output by hand."""

import numpy as np
import pytest

from entropyreg.io.errors import UserError
from entropyreg.measures.calibration import ece_of_sums, expected_calibration_error
from entropyreg.measures.temperature import grid_of, scaled_statistics
from entropyreg.measuring.projection_measures import projection_measures
from entropyreg.measuring.temperature_measures import fit_all, own_output, temperature_measures
from entropyreg.measuring.text_quality import Texts

DECODED = [0.8, 1.0, 1.25]
SETTINGS = {"temperatures": DECODED, "metric": "bleu", "subwords": 300, "lowercase": True, "target_language": "en"}
SETTINGS |= {"bleu_as_published": "tokenized", "decoding": {"valid": {"beam": 4}, "test": {"beam": 5}}}
REFERENCES = ["a red house", "the c@@ at is here", "we see"]
OWN = ["a red mouse", "is here the c@@ at now", "see"]  # right: ++-, +++++-, +
RIGHT = [True, True, False, True, True, True, True, True, False, True]


def predicted(planted, sentences=400, classes=30):
    """Columns of a model that is calibrated at temperature `planted`: targets are drawn from its softmax there."""
    generator = np.random.default_rng(5)
    lengths = generator.integers(3, 12, sentences)
    sentence = np.repeat(np.arange(sentences), lengths).astype(np.int32)
    calibrated = generator.normal(0, 2, (len(sentence), classes))
    target = (calibrated + generator.gumbel(size=calibrated.shape)).argmax(axis=1)
    grid = grid_of(0.5, 3, 41, DECODED)
    rows = [scaled_statistics(calibrated * planted, target, one) for one in grid]
    columns = {"temperatures": grid, "sentence": sentence, "correct": rows[0].correct}
    columns |= {"nll": np.stack([row.nll for row in rows]).astype(np.float32)}
    columns |= {"confidence": np.stack([row.confidence for row in rows]).astype(np.float32)}
    # own output: the words of OWN and an end of sentence after each
    ends = np.cumsum([len(line.split()) + 1 for line in OWN])
    own = np.arange(ends[-1])
    columns["own_sentence"] = np.searchsorted(ends, own, side="right").astype(np.int32)
    columns["own_temperatures"] = np.array(DECODED)
    columns["own_nll"] = np.stack([0.1 + 0.2 * own, 0.05 + 0.1 * own, 0.3 + 0 * own]).astype(np.float32)
    return columns


def measured(columns, chosen_on=None, **changed):
    fits, _ = fit_all(columns if chosen_on is None else chosen_on)
    labels = {f"{one:g}" for one in (*DECODED, *(fit["temperature"] for fit in fits.values()))}
    hypotheses = {label: OWN for label in labels} | {"0.8": REFERENCES} | changed
    texts = Texts(["a red house", "the cat is here", "we see"], [one.replace("@@ ", "") for one in REFERENCES], None)
    return temperature_measures(SETTINGS, columns, hypotheses, texts, REFERENCES, "run t: temperatures", chosen_on)


@pytest.mark.parametrize("planted", [0.8, 1.6])
def test_a_planted_miscalibration_is_recovered(planted):
    measures, _ = measured(predicted(planted, sentences=1500))
    for name, fit in measures["fits"].items():
        assert fit["temperature"] == pytest.approx(planted, rel=0.05 if name.startswith("nll") else 0.1)
        assert not fit["at_bound"]
    fits = measures["fits"]
    at_one = measures["ece"][1]
    assert at_one > 0.05 and fits["ece_all"]["ece"] < at_one / 3 and fits["ece_half"]["held_out_ece"] < at_one / 2
    assert measures["debiased_ece"] == pytest.approx(at_one, abs=0.01) and measures["calibrated_ece_upper"] < at_one
    confident = np.nansum(np.array(measures["reliability"]["confidence"], float))
    right = np.nansum(np.array(measures["reliability"]["accuracy"], float))
    assert (confident > right) == (planted > 1)  # over-confident where it is calibrated above 1


def test_test_is_measured_at_what_validation_chose_and_chooses_nothing():
    validation, test = predicted(1.6), predicted(0.8)
    found, arrays = measured(test, chosen_on=validation)
    chosen, _ = measured(validation)
    for name, fit in found["fits"].items():
        assert fit["temperature"] == chosen["fits"][name]["temperature"]
        row = np.searchsorted(test["temperatures"], fit["temperature"])
        records = test["confidence"][row], test["correct"]
        assert fit["ece"] == pytest.approx(expected_calibration_error(*records, 15))
        if name.endswith("half"):
            assert fit["held_out_ece"] == fit["ece"]  # all of test is held out
    assert found["beam"] == 5 and chosen["beam"] == 4
    held_out = arrays["temperature_held_out_reliability"][..., :15].sum(axis=(0, 2))
    assert held_out.tolist() == [found["n_tokens"]] * 2


def test_a_calibrated_model_stays_as_it_is():
    measures, _ = measured(predicted(1.0))
    assert measures["fits"]["nll_all"]["temperature"] == pytest.approx(1, abs=0.05)
    assert measures["ece"][1] < measures["calibrated_ece_upper"]


def test_sums_of_sentences_add_up_to_the_measures():
    columns = predicted(1.6)
    measures, arrays = measured(columns)
    assert arrays["temperature_reliability"].shape == (400, 3, 45) and arrays["temperature_bleu"].shape == (3, 3, 10)
    total = arrays["temperature_reliability"].sum(axis=0)
    np.testing.assert_allclose(ece_of_sums(total), measures["ece"], atol=1e-12)
    nll = arrays["temperature_nll"].sum(axis=0) / arrays["temperature_tokens"].sum()
    np.testing.assert_allclose(nll, measures["nll"], atol=1e-7)
    assert arrays["temperature_tokens"].sum() == measures["n_tokens"] == columns["sentence"].size
    fits = measures["fits"]
    fitted = ece_of_sums(arrays["temperature_fitted_reliability"].sum(axis=0))
    np.testing.assert_allclose(fitted, [fits["ece_all"]["ece"], fits["nll_all"]["ece"]], atol=1e-12)
    held_out = arrays["temperature_held_out_reliability"]
    assert ece_of_sums(held_out[:, 1].sum(axis=0)) == pytest.approx(fits["ece_half"]["held_out_ece"], abs=1e-12)
    empty = ~held_out.any(axis=(1, 2))
    assert empty.sum() == 200  # chosen on half of the sentences, reported on the other
    words = arrays["gold_reliability"].sum(axis=0)[:15].sum()
    assert words == measures["n_tokens"] - 400  # without the ends of sentences
    assert measures["reliability"]["count"] == total[1, :15].astype(int).tolist()


def test_halves_are_fitted_on_one_and_reported_on_the_other():
    columns = predicted(1.6)
    fits, chosen = fit_all(columns)
    row = int(np.searchsorted(columns["temperatures"], fits["ece_half"]["temperature"]))
    for part, key in ((chosen, "ece"), (~chosen, "held_out_ece")):
        expected = expected_calibration_error(columns["confidence"][row][part], columns["correct"][part])
        assert fits["ece_half"][key] == expected
    assert set(columns["sentence"][chosen]).isdisjoint(columns["sentence"][~chosen])
    assert "held_out_ece" not in fits["ece_all"]


def test_bleu_is_of_each_temperature():
    measures, arrays = measured(predicted(1.6))
    assert measures["bleu"][0] == pytest.approx(100) and measures["bleu"][1] == measures["bleu"][2] < 60
    assert measures["fits"]["ece_all"]["bleu"] == measures["bleu"][1]
    assert "case:lc" in measures["bleu_signature"] and measures["bleu_as_published"][0] == pytest.approx(100)
    assert (arrays["temperature_fitted_bleu"][:, 0] == arrays["temperature_bleu"][:, 1]).all()
    assert (measures["n_sentences"], measures["beam"], measures["temperatures"]) == (3, 4, DECODED)


def test_own_output_is_right_where_the_reference_has_the_word():
    columns = predicted(1.0)
    measures, sums = own_output(columns, OWN, REFERENCES)
    places = [0, 1, 2, 4, 5, 6, 7, 8, 9, 11]  # 3, 10 and 12 end sentences
    confidence = np.exp(-(0.05 + 0.1 * np.array(places)))
    assert measures["n_tokens"] == 10 and measures["accuracy"] == pytest.approx(0.8)
    assert measures["confidence"] == pytest.approx(confidence.mean(), abs=1e-6)
    expected = expected_calibration_error(confidence.astype(np.float32), np.array(RIGHT))
    assert measures["ece"] == pytest.approx(expected, abs=1e-6)
    assert sums.shape == (3, 45)
    assert sums[:, :15].sum(axis=1).tolist() == [3, 6, 1] and sums[:, 30:].sum(axis=1).tolist() == [2, 5, 1]


def test_own_output_that_is_empty_has_no_accuracy():
    columns = {"own_temperatures": np.array([1.0]), "own_sentence": np.array([0, 1], np.int32)}
    measures, sums = own_output(columns | {"own_nll": np.zeros((1, 2), np.float32)}, ["", ""], ["a", "b"])
    assert (measures["n_tokens"], measures["accuracy"], measures["ece"]) == (0, None, None)
    assert sums.shape == (2, 45) and not sums.any()


def test_other_temperatures_than_those_wanted_are_refused():
    columns = predicted(1.6)
    with pytest.raises(UserError, match=r"run t: temperatures: nothing was decoded at temperature 0\.8"):
        temperature_measures(SETTINGS, columns, {"1": OWN}, Texts([], [], None), REFERENCES, "run t: temperatures")
    with pytest.raises(UserError, match="other temperatures were predicted"):
        temperature_measures(
            SETTINGS | {"temperatures": [0.83, 1]}, columns, {}, Texts([], [], None), REFERENCES, "run t"
        )


def test_words_are_projected_onto_the_plane_of_their_templates():
    generator = np.random.default_rng(2)
    templates = np.array([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])
    labels = np.repeat([0, 1, 2], [20, 5, 1])
    features = {"words": np.array(["a", "b", "c"]), "templates": templates, "train_accuracy": np.array(0.8)}
    for split, spread in (("train", 0.01), ("valid", 1.0)):
        cloud = templates[labels] + generator.normal(0, spread, (26, 4))
        features |= {f"{split}_features": cloud.astype(np.float32), f"{split}_labels": labels}
        features |= {f"{split}_variation": np.full(26, 0.25)}
    found = projection_measures({"triplets": [["a", "b", "c"], ["a", "x", "y"]]}, features)
    first, second = found["projection"]
    assert second == {"words": ["a", "x", "y"], "reason": "the dictionary has no 'x', 'y'"}
    assert [len(points) for points in first["train"]["points"]] == [20, 5, 1]
    corners = np.array(first["train"]["templates"])
    distances = [np.linalg.norm(corners[one] - corners[other]) for one, other in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(distances, 3 * np.sqrt(2), atol=1e-4)
    np.testing.assert_allclose(np.array(first["train"]["points"][0]), np.tile(corners[0], (20, 1)), atol=0.1)
    train, valid = (found["clusters"][split] for split in ("train", "valid"))
    assert (train["n_examples"], train["n_words"]) == (25, 2)  # one example is no cluster
    assert train["scatter_ratio"] < 0.001 < valid["scatter_ratio"]
    assert train["distance_variation"] == 0.25 and found["training_accuracy"] == 0.8


def test_without_triplets_nothing_is_projected():
    found = projection_measures({"triplets": []}, {"words": np.zeros(0, "U1")})
    assert found == {"projection": None, "clusters": None, "training_accuracy": None}


@pytest.mark.parametrize("label", ["0.8", "1", "1.25"])
def test_lost_hypotheses_of_a_temperature_do_not_shorten_the_references(label):
    with pytest.raises(UserError, match=rf"run t: temperatures, temperature {label}: 2 hypotheses for 3 references"):
        measured(predicted(1.0), **{label: OWN[:2]})
