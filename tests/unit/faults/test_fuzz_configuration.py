"""Damaged configurations and declarations: each is refused in a sentence with the file or the key, or still is one."""

import random
import shutil
from pathlib import Path

import pytest
import yaml
from damage import LONG, STRANGE, damaged_bytes, damaged_value, places, told

from entropyreg.comparing.claims.declaration import load_claims, roles_of
from entropyreg.config.loading import load_config
from entropyreg.experiments import load_experiments
from entropyreg.forecast.devices import declared_devices
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml
from entropyreg.rendering.published import FOLDER as PUBLISHED
from entropyreg.rendering.published import published_numbers

SCALE = {"scale": "smoke"}
KEYS = ("configuration of", "tasks.", "models.", "decoding.", "scale")


@pytest.fixture(scope="module")
def declared(tmp_path_factory, workflow_dir):
    """A copy of the workflow's folder, whose experiments are those of the smoke scale alone (the others are slow)."""
    folder = tmp_path_factory.mktemp("declared") / "workflow"
    shutil.copytree(workflow_dir, folder, ignore=shutil.ignore_patterns("rules"))
    for path in (folder / "experiments").glob("paper_*.yaml"):
        paper = read_yaml(path)
        for key, value in paper.items():
            if isinstance(value, list):
                paper[key] = [one for one in value if one["scale"] == "smoke"]
        path.write_text(yaml.safe_dump(paper, sort_keys=False))
    load_experiments(folder, load_config(folder, SCALE))
    return folder


def yaml_damage(content: bytes, generator: random.Random) -> bytes:
    """Half of the time bytes, half of the time values."""
    if generator.random() < 0.5:
        return damaged_bytes(content, generator)
    value = damaged_value(yaml.safe_load(content), generator)
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode("utf-8", "surrogatepass")


def refusals(path, count, read, *names):
    """Damage the file `count` times; what `read` says of it. The file is put back."""
    content, found = path.read_bytes(), []
    try:
        for number in range(count):
            path.write_bytes(yaml_damage(content, random.Random(f"{path.name} {number}")))
            found.append(told(read, path.name, *names))
    finally:
        path.write_bytes(content)
    assert told(read) is None
    return [one for one in found if one]


def test_damaged_overrides_are_refused_by_key(declared):
    """What `--config` may hold: every part of the merged configuration, damaged."""
    config, refused, count = load_config(declared, SCALE), 0, 60 * LONG
    for number in range(count):
        overrides = damaged_value(config, random.Random(number))
        if not isinstance(overrides, dict):
            continue
        kept = {key: value for key, value in overrides.items() if key not in config or value is not config[key]}
        sentence = told(lambda kept=kept: load_config(declared, {**kept, **SCALE}), "configuration of", *config)
        refused += sentence is not None
    assert refused > count / 2


@pytest.mark.parametrize("value", STRANGE[:: 1 if LONG > 1 else 4], ids=repr)
def test_a_strange_value_of_any_key_of_the_command_line_is_refused_with_the_key(declared, value):
    refused = [told(lambda key=key: load_config(declared, {**SCALE, key: value}), key) for key in load_config(declared)]
    assert sum(one is not None for one in refused) > (0 if value == {} else 10)


@pytest.mark.parametrize("name", ["base", "smoke"])
def test_damaged_configuration_files_are_named(declared, name):
    path = declared / "config" / f"{name}.yaml"
    found = refusals(path, 30 * LONG, lambda: load_config(declared, SCALE), *KEYS)
    assert len(found) > 10 * LONG


@pytest.mark.parametrize("name", ["paper_a", "paper_b"])
def test_damaged_experiments_are_named(declared, name):
    config = load_config(declared, SCALE)
    path = declared / "experiments" / f"{name}.yaml"
    places = ("block '", "search '", "match '", "_table_", "_figure_", "run '", "runs share", "blocks of scale")
    found = refusals(path, 40 * LONG, lambda: load_experiments(declared, config), *places)
    assert len(found) > 12 * LONG


def test_damaged_claims_and_roles_are_named(declared):
    claims, roles = declared / "experiments" / "claims.yaml", declared / "experiments" / "roles.yaml"
    assert len(refusals(claims, 15 * LONG, lambda: load_claims(claims))) > 5 * LONG
    assert len(refusals(roles, 40 * LONG, lambda: roles_of(roles, "smoke"))) > 12 * LONG


def test_damaged_devices_and_lengths_are_named(declared):
    path = declared / "config" / "devices.yaml"
    assert len(refusals(path, 40 * LONG, lambda: declared_devices(declared, "cpu", None, 1), "device")) > 10 * LONG


@pytest.mark.parametrize("name", ["paper_a", "rescience"])
def test_damaged_published_numbers_are_named(tmp_path, name):
    shutil.copytree(PUBLISHED, tmp_path, dirs_exist_ok=True)
    found = refusals(tmp_path / f"{name}.yaml", 30 * LONG, lambda: published_numbers.__wrapped__(tmp_path))
    assert len(found) > 10 * LONG


def test_a_key_that_is_given_twice_is_refused_with_both_lines(tmp_path):
    path = Path(tmp_path / "mine.yaml")
    path.write_text("scale: demo\ntasks:\n  a: 1\n  a: 2\n")
    with pytest.raises(UserError, match=r"mine\.yaml .* the key 'a' is given twice, in line 3 and line 4\."):
        read_yaml(path)


def test_every_place_is_reached_by_the_damage():
    assert [key for _, key in places({"a": [1, {"b": 2}]})] == ["a", 0, 1, "b"]


@pytest.mark.parametrize("key", ["results_dir", "figures_dir", "data_dir", "download_dir"])
@pytest.mark.parametrize("value", ["a{b}", "{task}", "a\nb", "a\x00b", "\x1b[2J"], ids=repr)
def test_a_folder_that_snakemake_would_take_for_a_pattern_is_refused(declared, key, value):
    with pytest.raises(UserError, match=f"{key} is .*; allowed: a folder without braces and control characters"):
        load_config(declared, {**SCALE, key: value})
