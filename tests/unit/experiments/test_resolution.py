"""A regularizer whose strength is found when the run starts."""

import json
from dataclasses import asdict

import pytest

from entropyreg.experiments import Regularizer
from entropyreg.experiments.resolution import resolve
from entropyreg.io.errors import UserError
from entropyreg.regularizers.equilibrium import equilibrium


def test_a_known_strength_stays():
    known = asdict(Regularizer(0.5, 1.0))
    assert resolve(known, 1000) == known


def test_a_wanted_entropy_becomes_the_strength_that_leads_to_it():
    found = resolve(asdict(Regularizer(0.25, None, entropy=0.45)), 1584)
    assert equilibrium(0.25, found["strength"], 1584).normalized_entropy == pytest.approx(0.45)
    assert found["entropy"] == 0.45


def test_a_proposal_is_read(tmp_path):
    path = tmp_path / "trial4.json"
    path.write_text(json.dumps({"skew": 0.3, "strength": 0.9, "method": "m"}))
    found = resolve(asdict(Regularizer(None, None, proposal="ger/trial4")), 1000, path)
    assert (found["skew"], found["strength"], found["proposal"]) == (0.3, 0.9, "ger/trial4")


def test_a_missing_or_damaged_proposal_is_told(tmp_path):
    waiting = asdict(Regularizer(None, None, proposal="ger/trial4"))
    with pytest.raises(UserError, match="waits for the proposal 'ger/trial4'"):
        resolve(waiting, 1000)
    path = tmp_path / "trial4.json"
    for content in ("", "{}", '{"skew": "x", "strength": 1}'):
        path.write_text(content)
        with pytest.raises(UserError, match=r"trial4\.json is missing or damaged"):
            resolve(waiting, 1000, path)
