"""The numbers that docs/tutorial.md leads to; tests/workflow/test_documentation.py follows it to its end."""

import re
import shlex

import pytest
import torch
import yaml
from tutorial_snippets import TUTORIAL, snippet

from entropyreg.cli.main import main
from entropyreg.regularizers import entropy_regularized_cross_entropy
from entropyreg.regularizers.equilibrium import equilibrium


def commands():
    """Every `python -m entropyreg ...` of the tutorial, as its words."""
    text = TUTORIAL.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(found.split("#")[0]) for found in re.findall(r"python -m entropyreg ([^`\n]+)", text)]


def test_the_loss_of_ones_own_training_is_computed_and_has_a_gradient():
    torch.manual_seed(0)
    names: dict = {}
    exec(compile(snippet(5, "python"), "tutorial, section 5", "exec"), names)
    expected = entropy_regularized_cross_entropy(names["logits"].detach(), names["targets"], skew=0.3, strength=0.9)
    gradient = names["logits"].grad
    assert torch.isfinite(expected) and gradient.shape == (8, 100) and gradient.abs().max() > 1e-3
    assert gradient.sum(dim=-1).abs().max() < 1e-6  # of any function of probabilities


def test_the_strength_that_the_tutorial_asks_for_gives_that_entropy(capsys):
    (words,) = [one for one in commands() if one[0] == "equilibrium"]
    assert main(words) == 0
    told = dict(line.rsplit(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert float(told["normalised entropy"]) == pytest.approx(0.4)
    assert equilibrium(0.3, float(told["strength"]), 10000).normalized_entropy == pytest.approx(0.4, abs=1e-5)


def test_the_arm_of_the_tutorial_makes_the_run_that_is_compared_afterwards():
    (arm,) = yaml.safe_load(snippet(3, "yaml"))
    (words,) = [one for one in commands() if one[0] == "compare"]
    assert f"jensen-skew{arm['skew']:.2f}-strength{arm['strength']:.2f}" in words[-1]
