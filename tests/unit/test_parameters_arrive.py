"""Every declared parameter of a regularizer and of a model reaches the training that uses it."""

import tempfile
import types
from dataclasses import fields
from pathlib import Path

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
from entropyreg.io.errors import UserError
from entropyreg.regularizers import annealed_unigram, strength_for_entropy
from entropyreg.regularizers.divergence import SkewJensen
from entropyreg.regularizers.euclidean import Euclidean
from entropyreg.regularizers.plain import Plain
from entropyreg.regularizers.plugins import load
from entropyreg.regularizers.registry import built_in
from entropyreg.translation import USER_DIR, command

utils.import_user_module(types.SimpleNamespace(user_dir=str(USER_DIR)))
from entropyreg_fairseq import criterion  # noqa: E402

OWN = """
from entropyreg.regularizers import Kind, Parameter


def power(log_p, u, *, order):
    return (log_p.shape[-1] ** (order - 1) * (order * log_p).exp().sum(-1) - 1) / (order * (order - 1))


KIND = Kind("WORD", "power", parameters=(Parameter("order", above=1, most=3),), divergence=power)
"""
FILES = [Path(tempfile.mkdtemp()) / f"{word}.py" for word in ("one", "two")]
for file in FILES:
    file.write_text(OWN.replace("WORD", file.stem))
KINDS = {file.stem: load(str(file)) for file in FILES}


def own(name, order):
    kind = KINDS[name]
    return Regularizer(None, 0.7, generator=name, parameters={"order": order}, plugin=kind.plugin)


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
    "parameters": (own("one", 1.5), own("one", 2.0)),
    "plugin": (own("one", 1.5), own("two", 1.5)),
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
    settings = {"regularizer": regularizer.declared, "model": MODEL | model, "seed": 1, "device": "cpu"}
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


def member_for(regularizer):
    if regularizer.plugin:
        kind = load(regularizer.plugin["file"])
        return Like(kind.divergence.__code__, regularizer.parameters)
    return Euclidean() if regularizer.generator == "euclidean" else SkewJensen(regularizer.skew)


class Like:
    """Equal to a `Plain` with this code and these parameters: a file that is read again has functions of its own."""

    def __init__(self, code, parameters):
        self.wanted = code, parameters

    def __eq__(self, other):
        return isinstance(other, Plain) and (other.divergence.__code__, other.parameters) == self.wanted


def test_every_field_has_its_two_regularizers():
    assert set(CHANGES) == {one.name for one in fields(Regularizer)}
    assert set(criterion.KEYS) == set(CHANGES) - set(command.ORIGINS)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_is_in_the_names_of_runs(name):
    first, second = CHANGES[name]
    assert first.label != second.label
    assert ImageRegularizer(first).label != ImageRegularizer(second).label


@pytest.mark.parametrize("name", sorted(set(CHANGES) - set(command.ORIGINS)))
def test_every_field_is_read_back_from_the_criterion(name, monkeypatch):
    for regularizer in CHANGES[name]:
        found = built(regularizer, monkeypatch)
        assert found.regularizer == {
            key: value for key, value in regularizer.declared.items() if key not in command.ORIGINS
        }
        assert found.member == member_for(regularizer)
        if regularizer.baseline == "uniform":
            assert found.distribution is None
        else:
            words = COUNTS[: len(found.distribution.probabilities)].double()
            expected = words.pow(1 / regularizer.unigram_temperature)
            torch.testing.assert_close(found.distribution.probabilities.double(), expected / expected.sum())


def test_a_parameter_that_the_criterion_does_not_know_is_refused(monkeypatch):
    """As a new field of a regularizer would be that nobody teaches the criterion."""
    arguments = command.criterion_arguments(PLAIN.declared | {"order": 1.5})
    with pytest.raises(UserError, match=r"'order' is unknown; allowed: strength, skew"):
        criterion.declared(arguments[-1])


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"proposal"}))  # no search runs on images
def test_every_field_is_read_back_from_the_objective_of_images(name):
    for regularizer in CHANGES[name]:
        found = hard_objective(ImageRegularizer(regularizer).settings, COUNTS)
        kept = found.keywords
        assert kept["member"] == member_for(regularizer)
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


@pytest.mark.parametrize("kind", built_in().values(), ids=list(built_in()))
def test_every_key_of_a_kind_changes_the_loss_of_images_and_others_are_refused(kind):
    taken = ("smoothing",) if "smoothing" in kind.amounts else kind.keys  # label smoothing in paper B's form
    logits, targets = torch.linspace(-2, 2, 15, dtype=torch.float64).view(3, 5), torch.tensor([0, 2, 4])
    for key in VALUES:
        given = {one.name: VALUES[one.name][0] for one in kind.parameters}
        given |= {
            amount: VALUES[amount][0] for amount in ("smoothing", "strength") if amount in taken and key != "entropy"
        }
        if key == "unigram_temperature":
            given["baseline"] = "unigram"
        pair = [{"kind": kind.name, **given, key: value} for value in VALUES[key]]
        if key in taken:
            first, second = (hard_objective(one, COUNTS)(logits, targets) for one in pair)
            assert not torch.allclose(first, second), key
        else:
            with pytest.raises(UserError, match=f"'{kind.name}' takes no"):
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


def test_every_key_of_a_model_changes_what_fairseq_is_reported(workflow_dir):
    for key, declared in model_keys(workflow_dir).items():
        if key == "pretrained":  # the file of that name is an argument of its own
            continue
        first, second = (of_fairseq(PLAIN, **NEEDS.get(key, {}), **{key: value}) for value in value_of(declared))
        assert first != second, key


def test_a_key_that_no_option_takes_is_refused(workflow_dir):
    with pytest.raises(UserError, match=r"'label_smoothing' would reach no option of fairseq"):
        of_fairseq(PLAIN, label_smoothing=0.1)


@pytest.mark.parametrize("change", [{"share_embeddings": "none"}, {"layernorm_embedding": False}])
def test_a_fixed_property_of_an_architecture_cannot_be_switched_off(workflow_dir, change):
    """fairseq has no option that takes it back, so the key would be dropped."""
    with pytest.raises(UserError, match=rf"models\.bart_large\.{next(iter(change))} is .*arch 'bart_large'"):
        load_config(workflow_dir, {"scale": "paper", "models": {"bart_large": change}})
