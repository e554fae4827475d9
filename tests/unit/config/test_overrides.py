"""What users give Snakemake is read by us: types as in a file, nothing lost, nothing merged that does not belong."""

import re

import pytest
import yaml

from entropyreg.config.overrides import check_command_line, read_arguments
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import parse_yaml, read_keys


@pytest.fixture(scope="module")
def schema(workflow_dir):
    return read_keys(workflow_dir / "schemas" / "config.schema.yaml")["properties"]


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("partial=true", True),
        ("partial=False", False),
        ("partial=", None),
        ("scale=smoke", "smoke"),
        ("device=cuda", "cuda"),
        ("data_dir=2024", "2024"),  # the name of a folder stays text, whatever it looks like
        ("data_dir='2024'", "2024"),  # so Snakemake hands on what a profile says
        ("data_dir=no", "no"),
        ("data_dir=", None),
        ("data_dir=null", None),
        ("results_dir=a: [b", "a: [b"),
        ("scale_note={x}", "{x}"),
        ("scale_note=a=b", "a=b"),
        ('threads={"train":2}', {"train": 2}),
        ("threads={'train': 2, 'predict': 1}", {"train": 2, "predict": 1}),  # of Python, as Snakemake's help has it
        ("statistics={log_thresholds: [-10, -1.5e1]}", {"log_thresholds": [-10, -15.0]}),
        ('models={"a": {"lr": 1e-3, "layers": 2, "layernorm_embedding": true, "adam_betas": [0.9, .98]}}', None),
        ("unknown=3", 3),  # refused by the schema, which names what is allowed
    ],
)
def test_values_of_config_have_the_types_of_the_schema(schema, entry, value):
    key = entry.partition("=")[0]
    if key == "models":
        value = {"a": {"lr": 0.001, "layers": 2, "layernorm_embedding": True, "adam_betas": [0.9, 0.98]}}
    assert repr(read_arguments([entry], schema)) == repr({key: value})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["scale=demo", "scale=smoke"], "--config gives the key 'scale' twice, as 'demo' and 'smoke': give it once"),
        (['threads={"train":2'], "--config threads is not valid YAML"),
        (['threads={"train":2,"train":3}'], "--config threads is not valid YAML: the key 'train' is given twice"),
    ],
)
def test_what_config_cannot_hold_is_told(schema, entries, message):
    with pytest.raises(UserError, match=message):
        read_arguments(entries, schema)


@pytest.mark.parametrize("name", ["1e-3", "1.5E+4", "-2e3", ".5", "5.", "0.1", "-.inf", "12", "007", "1_000"])
def test_numbers_are_read_as_numbers(name):
    assert parse_yaml(name, "here") == (float("-inf") if name == "-.inf" else float(name))


@pytest.mark.parametrize("text", ["no", "yes", "on", "Off", "y", "1.2.3", "e5", "1e", "zh-CN", "v9"])
def test_words_are_read_as_words(text):
    assert parse_yaml(text, "here") == text


def test_keys_of_merged_maps_are_not_given_twice():
    """Anchors that are merged before they are read themselves: nothing is refused, and aliases may form a circle."""
    text = "a: {b: &x {<<: &y {k: 1, l: 1}, k: 2}}\nc: {<<: *x, l: 3}\n"
    assert parse_yaml(text, "here") == {"a": {"b": {"k": 2, "l": 1}}, "c": {"k": 2, "l": 3}}
    circle = parse_yaml("&a [*a]", "here")
    assert circle[0] is circle


@pytest.mark.parametrize(
    "nested", ["a: [{b: 1, b: 2}]", "? [c]\n: {b: 1, b: 2}", "a: &x {<<: {b: 1, b: 2}}", "b: 1\n'b': 2"]
)
def test_a_repeated_key_is_found_at_any_depth(nested):
    with pytest.raises(UserError, match=r"here is not valid YAML: the key 'b' is given twice, in line \d and line \d"):
        parse_yaml(nested, "here")


def test_every_yaml_file_of_the_project_has_each_key_once(root):
    files = [path for folder in ("workflow", "profiles", "envs", "src") for path in (root / folder).glob("**/*.yaml")]
    assert len(files) > 20
    for path in files:
        read_keys(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "a=1", "-n", "--config", "b=2"], "--config is given twice, of which Snakemake takes the last"),
        (["-C", "a=1", "--config=b=2"], "--config is given twice"),
        (["--configfile", "a", "--configfiles", "b"], "--configfile is given twice"),
        (
            ["--profile", "mine"],
            "mine/config.yaml is not valid YAML: the key 'jobs' is given twice, in line 1 and line 2",
        ),
        (
            ["--profile=none", "--workflow-profile", "own"],
            "profiles/own/config.yaml is not valid YAML: the key 'jobs'",
        ),
        (["-n", "--config", "a=1", "b=2", "--configfile", "a", "b", "--", "target"], None),
        (["--profile", "profiles/slurm", "--cores", "1"], None),
        (["--profile", "nowhere"], None),  # Snakemake itself refuses it
    ],
)
def test_what_snakemake_would_drop_is_refused(root, tmp_path, monkeypatch, arguments, message):
    for folder in ("mine", "profiles/own"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.yaml").write_text("jobs: 1\njobs: 2\n")
    monkeypatch.setenv("PWD", str(tmp_path))  # where the shell is, though Snakemake went elsewhere
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    if message is None:
        check_command_line(arguments, root)
    else:
        with pytest.raises(UserError, match=re.escape(message)):
            check_command_line(arguments, root)


def test_a_profile_named_by_the_environment_is_checked_too(root, tmp_path, monkeypatch):
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"jobs": 1}) * 2)
    monkeypatch.setenv("SNAKEMAKE_PROFILE", str(tmp_path / "p.yaml"))
    with pytest.raises(UserError, match=r"p\.yaml is not valid YAML: the key 'jobs' is given twice"):
        check_command_line([], root)
