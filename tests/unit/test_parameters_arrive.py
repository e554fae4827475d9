"""Every declared parameter of a regularizer and of a model is read back from what is trained with it."""

import types
from dataclasses import asdict, fields

import pytest
import torch
import yaml
from fairseq import options, utils
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from entropyreg.config.loading import load_config
from entropyreg.experiments import Regularizer
from entropyreg.experiments.images import ImageRegularizer
from entropyreg.images.objective import hard_objective
from entropyreg.images.settings import REGULARIZERS
from entropyreg.io.errors import UserError
from entropyreg.regularizers import annealed_unigram, strength_for_entropy
from entropyreg.translation import USER_DIR, command

utils.import_user_module(types.SimpleNamespace(user_dir=str(USER_DIR)))
from entropyreg_fairseq import criterion  # noqa: E402

PLAIN = Regularizer(skew=0.3, strength=0.7)
UNIGRAM = Regularizer(skew=0.3, strength=0.7, baseline="unigram", unigram_temperature=2.0)
CHANGES = {  # field: two regularizers that differ in it
    "skew": (PLAIN, Regularizer(skew=0.4, strength=0.7)),
    "strength": (PLAIN, Regularizer(skew=0.3, strength=0.8)),
    "baseline": (PLAIN, UNIGRAM),
    "unigram_temperature": (UNIGRAM, Regularizer(0.3, 0.7, baseline="unigram", unigram_temperature=3.0)),
    "generator": (PLAIN, Regularizer(strength=0.7, generator="euclidean")),
    "entropy": (Regularizer(0.3, None, entropy=0.4), Regularizer(0.3, None, entropy=0.5)),
    "proposal": (Regularizer(None, None, proposal="a/winner"), Regularizer(None, None, proposal="b/winner")),
}
COUNTS = torch.tensor([9.0, 4.0, 3.0, 2.0, 2.0])
MODEL = {
    "arch": "transformer",
    "optimizer": "adam",
    "lr": 1e-3,
    "lr_scheduler": "inverse_sqrt",
    "max_tokens": 100,
    "max_update": 5,
    "precision": "fp32",
    "selection": "best_validation_nll",
}


def of_fairseq(regularizer, **model):
    """fairseq's configuration, as its checkpoints hold it."""
    settings = {"regularizer": asdict(regularizer), "model": MODEL | model, "seed": 1, "device": "cpu"}
    settings["languages"] = {"source": "de", "target": "en"}
    arguments = command.training_arguments(settings, "BINARY", "CHECKPOINTS")
    parsed = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    return convert_namespace_to_omegaconf(parsed)


def built(regularizer, monkeypatch):
    """The criterion that fairseq builds from that configuration."""
    words = Dictionary()
    monkeypatch.setattr(criterion, "target_counts", lambda task: COUNTS[: len(words)])
    text = of_fairseq(regularizer).criterion.regularizer
    task = types.SimpleNamespace(target_dictionary=words)
    return criterion.EntropyRegularizedCrossEntropy(task, text, sentence_avg=False)


def test_every_field_has_its_two_regularizers():
    assert set(CHANGES) == {one.name for one in fields(Regularizer)}
    assert {one.name for one in fields(criterion.Declaration)} == set(CHANGES) - set(command.ORIGINS)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_is_in_the_names_of_runs(name):
    first, second = CHANGES[name]
    assert first.label != second.label
    assert ImageRegularizer(first).label != ImageRegularizer(second).label


@pytest.mark.parametrize("name", sorted(set(CHANGES) - set(command.ORIGINS)))
def test_every_field_is_read_back_from_the_criterion(name, monkeypatch):
    for regularizer in CHANGES[name]:
        found = built(regularizer, monkeypatch)
        assert asdict(found.regularizer) == {
            key: value for key, value in asdict(regularizer).items() if key not in command.ORIGINS
        }
        keywords = {key: getattr(regularizer, key) for key in ("skew", "strength")}
        assert found.objective.keywords == {key: value for key, value in keywords.items() if value is not None}
        assert ("euclidean" in found.objective.func.__name__) == (regularizer.generator == "euclidean")
        if regularizer.baseline == "uniform":
            assert found.distribution is None
        else:
            words = COUNTS[: len(found.distribution.probabilities)].double()
            expected = words.pow(1 / regularizer.unigram_temperature)
            torch.testing.assert_close(found.distribution.probabilities.double(), expected / expected.sum())


def test_a_parameter_that_the_criterion_does_not_know_is_refused(monkeypatch):
    """As a new field of a regularizer would be that nobody teaches the criterion."""
    arguments = command.criterion_arguments(asdict(PLAIN) | {"order": 1.5})
    with pytest.raises(UserError, match=r"'order' is unknown; allowed: strength, skew"):
        criterion.declared(arguments[-1])


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"proposal"}))  # no search runs on images
def test_every_field_is_read_back_from_the_objective_of_images(name):
    for regularizer in CHANGES[name]:
        found = hard_objective(ImageRegularizer(regularizer).settings, COUNTS)
        kept = found.settings
        assert ("Euclidean" in type(found).__name__) == (regularizer.generator == "euclidean")
        assert kept.get("skew") == regularizer.skew
        strength = regularizer.strength
        if strength is None:
            strength = strength_for_entropy(regularizer.skew, regularizer.entropy, len(COUNTS))
        assert kept["strength"] == strength
        if regularizer.baseline == "uniform":
            assert kept["baseline"] is None
        else:
            expected = annealed_unigram(COUNTS, regularizer.unigram_temperature).probabilities
            assert torch.equal(kept["baseline"].probabilities, expected)


VALUES = {"smoothing": (0.1, 0.2), "skew": (0.3, 0.4), "strength": (0.7, 0.8), "entropy": (0.4, 0.5)}
VALUES |= {"baseline": ("uniform", "unigram"), "unigram_temperature": (2.0, 3.0)}


@pytest.mark.parametrize("kind", REGULARIZERS)
def test_every_key_of_a_kind_changes_the_loss_of_images_and_others_are_refused(kind):
    required, further = REGULARIZERS[kind]
    logits, targets = torch.linspace(-2, 2, 15, dtype=torch.float64).view(3, 5), torch.tensor([0, 2, 4])
    for key in VALUES:
        given = {name: VALUES[name][0] for name in required}
        if "entropy" in further and key != "entropy":
            given["strength"] = VALUES["strength"][0]
        if key == "unigram_temperature":
            given["baseline"] = "unigram"
        pair = [{"kind": kind, **given, key: value} for value in VALUES[key]]
        if key in (*required, *further):
            first, second = (hard_objective(one, COUNTS)(logits, targets) for one in pair)
            assert not torch.allclose(first, second), key
        else:
            with pytest.raises(UserError, match=f"'{kind}' takes no"):
                hard_objective(pair[0], COUNTS)


def value_of(declared):
    """Two values that a key's schema allows."""
    if "enum" in declared:
        return declared["enum"][:2]
    if declared["type"] == "boolean":
        return [False, True]
    if declared["type"] == "array":
        return [[0.8, 0.9], [0.7, 0.9]]
    return [3, 4] if declared["type"] == "integer" else [0.25, 0.5]


NEEDS = {  # key of a model: what else it takes to be allowed
    "selection_beam": {"selection": "best_validation_bleu"},
    "momentum": {"optimizer": "nag"},
    "total_updates": {"lr_scheduler": "polynomial_decay"},
    "lr_shrink": {"lr_scheduler": "fixed"},
    "force_anneal": {"lr_scheduler": "fixed"},
}


def model_keys(workflow_dir):
    schema = yaml.safe_load((workflow_dir / "schemas" / "config.schema.yaml").read_text())
    return schema["$defs"]["model"]["properties"]


def test_every_key_of_a_model_changes_what_fairseq_is_told(workflow_dir):
    for key, declared in model_keys(workflow_dir).items():
        if key == "pretrained":  # the file of that name is an argument of its own
            continue
        first, second = (of_fairseq(PLAIN, **NEEDS.get(key, {}), **{key: value}) for value in value_of(declared))
        assert first != second, key


def test_a_key_that_no_option_takes_is_refused(workflow_dir):
    with pytest.raises(UserError, match=r"'label_smoothing' would reach no option of fairseq"):
        of_fairseq(PLAIN, label_smoothing=0.1)


@pytest.mark.parametrize("change", [{"share_embeddings": "none"}, {"layernorm_embedding": False}])
def test_what_an_architecture_always_does_is_not_switched_off_in_vain(workflow_dir, change):
    """fairseq has no option that takes it back, so the key would be dropped."""
    with pytest.raises(UserError, match=rf"models\.bart_large\.{next(iter(change))} is .*arch 'bart_large'"):
        load_config(workflow_dir, {"scale": "paper", "models": {"bart_large": change}})
