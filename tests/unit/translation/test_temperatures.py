"""Predictions at many temperatures, of a small model that has learned a little: aligned, and exact at T = 1."""

import json
import random
from dataclasses import asdict

import numpy as np
import pytest
import torch

from entropyreg.experiments import Regularizer
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz, write_npz
from entropyreg.measures.penultimate import distance_variation
from entropyreg.measures.temperature import best_on_grid, temperature_label
from entropyreg.translation.beam import build_generator, search
from entropyreg.translation.binarization import binarize
from entropyreg.translation.features import sentences_with, word_features
from entropyreg.translation.prediction import iterate_batches, lines_of, load_model, predict
from entropyreg.translation.scoring import filler_entries
from entropyreg.translation.temperatures import first_sentences, predict_temperatures

SENTENCES = 40
UPDATES = 25
LANGUAGES = {"source": "xx", "target": "yy"}
MODEL = {"arch": "transformer", "layers": 1, "embed_dim": 32, "ffn_dim": 48, "attention_heads": 2, "dropout": 0.1}
MODEL |= {"optimizer": "adam", "lr": 1e-3, "max_tokens": 100, "max_update": 1, "precision": "fp32"}
MODEL |= {"share_embeddings": "all", "selection": "last"}
DECODING = {"beam": 3, "length_penalty": 1.0, "max_length_factor": 1.2, "max_length_offset": 4, "max_tokens": 150}
SETTINGS = {"run": "t/m/none/seed1", "languages": LANGUAGES, "model": MODEL, "seed": 1, "device": "cpu"}
SETTINGS |= {"regularizer": asdict(Regularizer()), "decoding": DECODING}
PLAIN = SETTINGS | {"log_thresholds": [-10], "floor_factors": [1]}
SWEEP = SETTINGS | {"temperatures": [0.7, 1, 1.5], "sentences": None, "calibration_tokens": 150}
SWEEP |= {"grid": {"low": 0.5, "high": 2, "points": 4}, "triplets": [["a", "b", "c"], ["a", "d", "absent"]]}


@pytest.fixture(scope="module")
def binary_dir(tmp_path_factory):
    """Sentences of 3 to 7 of 12 words, the target with the same words."""
    generator = random.Random(1)
    folder = tmp_path_factory.mktemp("temperatures")
    lines = [" ".join(generator.choices("abcdefghijkl", k=generator.randint(3, 7))) for _ in range(SENTENCES)]
    for split in ("train", "valid", "test"):
        for language in LANGUAGES.values():
            (folder / f"{split}.{language}").write_text("\n".join(lines) + "\n")
    binarize({"languages": LANGUAGES, "joined_dictionary": True}, folder, folder / "binary")
    return folder / "binary"


@pytest.fixture(scope="module")
def run_dir(binary_dir, tmp_path_factory):
    """A run that was trained a little and predicted, plainly and at all temperatures."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "training.json").write_text(json.dumps({"regularizer": SETTINGS["regularizer"]}))
    torch.manual_seed(1)
    task, model = built(binary_dir)
    batches, pad = list(iterate_batches(task, "train", 1000)), task.target_dictionary.pad()
    for _ in range(UPDATES):
        for batch in batches:
            logits = model(**batch["net_input"])[0]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["target"].flatten(), ignore_index=pad)
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter.sub_(3e-3 * gradient.sign())
    torch.save(model.state_dict(), folder / "model.pt")
    predict(PLAIN, binary_dir, folder, "valid", 1)
    predict_temperatures(SWEEP, binary_dir, folder, 1)
    return folder


def built(binary_dir):
    """The task and a model with random weights, by way of weights that fit any model of these settings."""
    from fairseq import options, tasks, utils
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    from entropyreg.translation.command import training_arguments

    arguments = training_arguments(SETTINGS, binary_dir, "unused")
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    config = convert_namespace_to_omegaconf(parsed)
    utils.import_user_module(config.common)
    task = tasks.setup_task(config.task)
    return task, task.build_model(config.model).eval()


@pytest.fixture(scope="module")
def model(binary_dir, run_dir):
    return load_model(SETTINGS, binary_dir, run_dir / "model.pt")


@pytest.fixture(scope="module")
def columns(run_dir):
    return read_npz(run_dir / "predictions" / "valid.temperatures.npz")


def lines_at(run_dir, temperature):
    lines = (run_dir / "predictions" / "valid.temperatures.tsv").read_text().splitlines(keepends=True)
    return [line.split("\t", 1)[1] for line in lines if line.split("\t")[0] == temperature]


def test_at_temperature_one_the_lines_are_those_of_plain_decoding(run_dir):
    plain = (run_dir / "predictions" / "valid.hypotheses.tsv").read_text()
    assert len(plain.splitlines()) == SENTENCES and len(set(plain.splitlines())) > 30
    assert "".join(lines_at(run_dir, "1")) == plain


def test_test_is_decoded_at_the_temperatures_that_validation_chose(run_dir, binary_dir, columns, tmp_path):
    chosen = columns["temperatures"][1]
    planted = dict(columns) | {"nll": columns["nll"].copy(), "confidence": np.full_like(columns["confidence"], 0.5)}
    planted["nll"][np.arange(len(planted["nll"])) != 1] += 10  # least NLL at the second, whatever the test split says
    for name in ("model.pt", "training.json"):
        (tmp_path / name).write_bytes((run_dir / name).read_bytes())
    write_npz(tmp_path / "predictions" / "valid.temperatures.npz", planted)
    predict_temperatures(SWEEP, binary_dir, tmp_path, 1, "test")
    lines = (tmp_path / "predictions" / "test.temperatures.tsv").read_text().splitlines()
    assert temperature_label(chosen) in {line.split("\t")[0] for line in lines}
    assert not (tmp_path / "predictions" / "features.npz").exists()
    found = read_npz(tmp_path / "predictions" / "test.temperatures.npz")  # the same sentences as validation here
    np.testing.assert_array_equal(found["nll"], columns["nll"])


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_the_search_at_a_temperature_is_the_plain_one_of_a_model_with_scaled_logits(run_dir, binary_dir, temperature):
    task, scaled = load_model(SETTINGS, binary_dir, run_dir / "model.pt")
    projection = scaled.decoder.output_projection
    copied = torch.nn.Linear(projection.in_features, projection.out_features, bias=False)
    copied.weight = torch.nn.Parameter(projection.weight.detach() / temperature)
    scaled.decoder.output_projection = copied
    generator = build_generator(task, scaled, DECODING)
    with torch.no_grad():
        found = list(search(task, scaled, generator, iterate_batches(task, "valid", 150)))
    expected = [line.split("\t") for line in lines_of(found, task.target_dictionary)]
    ours = [line.split("\t") for line in lines_at(run_dir, f"{temperature:g}")]
    assert [one[2] for one in ours] == [one[2] for one in expected]
    assert [float(one[1]) for one in ours] == pytest.approx([float(one[1]) for one in expected], abs=2e-6)
    assert [one[2] for one in ours] != [line.split("\t")[2] for line in lines_at(run_dir, "1")]


def logits_of(model, sentence):
    """Logits (T, V), float64, and targets (T,) of one sentence alone, under its gold prefix."""
    task, network = model
    (batch,) = iterate_batches(task, "valid", 150, only=[sentence])
    with torch.no_grad():
        return network(**batch["net_input"])[0][0].double().numpy(), batch["target"][0].numpy()


def test_every_token_is_scored_as_by_hand_at_every_temperature(model, columns):
    grid = columns["temperatures"]
    assert grid.tolist() == [0.5, 0.7, 0.7937, 1.0, 1.26, 1.5, 2.0]
    assert columns["nll"].shape == columns["confidence"].shape == (7, columns["sentence"].size)
    assert columns["nll"].dtype == columns["confidence"].dtype == np.float32
    for sentence in range(int(columns["sentence"].max()) + 1):
        logits, targets = logits_of(model, sentence)
        mine = columns["sentence"] == sentence
        assert columns["position"][mine].tolist() == list(range(len(targets)))
        assert columns["target"][mine].tolist() == targets.tolist()
        assert columns["correct"][mine].tolist() == (logits.argmax(axis=1) == targets).tolist()
        for row, temperature in enumerate(grid):
            scaled = logits / temperature
            log_probs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
            own = -log_probs[np.arange(len(targets)), targets]
            np.testing.assert_allclose(columns["nll"][row][mine], own, atol=5e-6)
            np.testing.assert_allclose(columns["confidence"][row][mine], np.exp(log_probs.max(axis=1)), atol=2e-6)


def test_targets_are_the_words_of_the_references(columns, model, binary_dir):
    words = model[0].target_dictionary
    references = (binary_dir.parent / "valid.yy").read_text().splitlines()
    for sentence in (0, 3):
        targets = columns["target"][columns["sentence"] == sentence]
        assert [words[number] for number in targets] == [*references[sentence].split(), "</s>"]


def test_whole_sentences_are_taken_until_there_are_enough_tokens(columns, model):
    lengths = np.bincount(columns["sentence"])
    assert lengths.sum() >= 150 > lengths[:-1].sum()
    assert first_sentences(model[0], "valid", 1) == 1
    assert first_sentences(model[0], "valid", 10**6) == SENTENCES


def test_own_statistics_are_those_of_the_hypotheses_at_one(run_dir, columns):
    assert columns["own_temperatures"].tolist() == [0.7, 1, 1.5]
    for line in lines_at(run_dir, "1"):
        number, score, words = line.rstrip("\n").split("\t")
        mine = columns["own_sentence"] == int(number)
        assert mine.sum() == len(words.split()) + 1
        assert -columns["own_nll"][1][mine].mean() == pytest.approx(float(score), abs=2e-5)
    assert "own_correct" not in columns


def test_the_fitted_temperatures_are_decoded_too(run_dir, columns):
    records = [columns[name] for name in ("temperatures", "nll", "confidence", "correct")]
    for criterion in ("ece", "nll"):
        label = f"{best_on_grid(*records, criterion).temperature:g}"
        assert len(lines_at(run_dir, label)) == SENTENCES


def test_features_times_templates_are_the_logits_of_the_words(run_dir, model):
    task, network = model
    found = read_npz(run_dir / "predictions" / "features.npz")
    assert found["words"].tolist() == ["a", "b", "c", "d"]  # the absent word is left out
    numbers = [task.target_dictionary.index(word) for word in found["words"]]
    expected = {number: [] for number in numbers}
    hits = total = 0
    for sentence in range(SENTENCES):
        logits, targets = logits_of(model, sentence)
        if not set(targets.tolist()) & set(numbers):
            continue  # not seen
        hits, total = hits + int((logits.argmax(axis=1) == targets).sum()), total + len(targets)
        for position, target in enumerate(targets):
            if target in expected:
                expected[int(target)].append(logits[position, numbers])
    logits = found["valid_features"] @ found["templates"].T  # (N, W)
    for label, number in enumerate(numbers):
        np.testing.assert_allclose(logits[found["valid_labels"] == label], expected[number], atol=2e-5)
    assert found["train_accuracy"] == pytest.approx(hits / total)  # the splits are the same sentences
    weights = network.decoder.output_projection.weight.detach().numpy()
    kept = np.setdiff1d(np.arange(len(weights)), filler_entries(task.target_dictionary))
    labels = np.searchsorted(kept, np.array(numbers)[found["valid_labels"]])
    variation = distance_variation(found["valid_features"], labels, weights[kept])
    np.testing.assert_allclose(found["valid_variation"], variation)


def test_sentences_are_taken_until_each_word_has_its_examples():
    rows = [np.array(row) for row in ([4, 4, 2], [5, 2], [6, 2], [4, 5, 2], [4, 2])]
    assert sentences_with(rows, [4], 2) == [0]
    assert sentences_with(rows, [4, 5], 2) == [0, 1, 3]
    assert sentences_with(rows, [7], 2) == []
    assert sentences_with(iter(rows), [4, 5, 6], 100) == [0, 1, 2, 3, 4]


def test_without_triplets_there_are_no_features_and_without_a_projection_none_can_be(model):
    assert word_features(None, None, {"triplets": []})["words"].size == 0
    with pytest.raises(UserError, match=r"t/m/none/seed1: triplets are projected of a Transformer"):
        word_features(model[0], torch.nn.ModuleDict({"decoder": torch.nn.Linear(1, 1)}), SWEEP)
