"""Blocks become validated runs with readable, stable ids."""

import copy
import json

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.config.settings import collecting_settings, measuring_settings, prediction_settings, training_settings
from entropyreg.experiments import Regularizer, expand, kinds, load_experiments, regularizer, regularizer_of
from entropyreg.experiments.checks import check_files
from entropyreg.io.errors import UserError

CONFIG = {"scale": "demo", "tasks": {"de_en": {}, "fr_en": {}}, "models": {"transformer": {}}}
PAPER = {
    "paper": "A",
    "artefacts": {
        "a_table_x": {"title": "T", "rows": ["none", "smoothed"], "tasks": {"demo": ["de_en", "fr_en"]}},
        "a_figure_y": {"title": "F", "tasks": {"demo": ["de_en"]}},
    },
    "blocks": [
        {
            "name": "one",
            "scale": "demo",
            "tasks": ["de_en"],
            "models": ["transformer"],
            "seeds": [1, 2],
            "test": True,
            "artefacts": ["a_table_x", "a_figure_y"],
            "arms": [
                {"row": "none", "regularizer": "none"},
                {"row": "smoothed", "regularizer": "label_smoothing", "smoothing": 0.1},
            ],
        }
    ],
}


def paper(**block):
    """PAPER with a second block."""
    changed = copy.deepcopy(PAPER)
    second = {"name": "two", "scale": "demo", "tasks": ["de_en"], "models": ["transformer"], "seeds": [1]}
    second |= {"artefacts": ["a_figure_y"], "arms": [{"regularizer": "confidence_penalty", "strength": 0.76}]}
    changed["blocks"].append(second | block)
    return changed


def test_ids_are_readable():
    assert list(expand([paper()], CONFIG).runs) == [
        "de_en/transformer/jensen-skew0.00-strength0.76/seed1",
        "de_en/transformer/jensen-skew1.00-strength0.1111/seed1",
        "de_en/transformer/jensen-skew1.00-strength0.1111/seed2",
        "de_en/transformer/none/seed1",
        "de_en/transformer/none/seed2",
    ]


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        ({"regularizer": "skew_jensen", "skew": 0.5, "strength": 0.7}, "jensen-skew0.50-strength0.70"),
        ({"regularizer": "skew_jensen", "skew": 0.001, "strength": 1.23456}, "jensen-skew0.001-strength1.235"),
        ({"regularizer": "skew_jensen", "skew": 0.3, "strength": 0}, "none"),
        (
            {"regularizer": "confidence_penalty", "strength": 1, "baseline": "unigram", "unigram_temperature": 20},
            "jensen-skew0.00-strength1.00-unigram20.00",
        ),
    ],
)
def test_labels(arm, label):
    assert regularizer_of(arm, "here").label == label


def test_label_smoothing_and_skew_one_are_one_run():
    smoothing = regularizer_of({"regularizer": "label_smoothing", "smoothing": 0.1}, "here")
    divergence = regularizer_of({"regularizer": "skew_jensen", "skew": 1, "strength": 0.1 / 0.9}, "here")
    assert smoothing == divergence
    assert smoothing.smoothing == pytest.approx(0.1)


def test_runs_that_differ_under_one_id_are_refused():
    arm = {"regularizer": "skew_jensen", "skew": 1, "strength": 0.1111}
    with pytest.raises(UserError, match=r"two runs share the id .*strength0\.1111/seed1.*four significant digits"):
        expand([paper(arms=[arm])], CONFIG)


def test_a_run_of_two_blocks_is_one_run_and_keeps_its_test_set():
    experiments = expand([paper(arms=[{"regularizer": "none"}])], CONFIG)
    assert len(experiments.runs) == 4
    assert experiments.runs["de_en/transformer/none/seed1"].splits == ("valid", "test")


def test_a_cell_without_a_run_stays_in_the_table():
    cells = expand([PAPER], CONFIG).artefacts["a_table_x"].cells
    assert [(cell.row, cell.task) for cell in cells if cell.run is None] == [("none", "fr_en"), ("smoothed", "fr_en")]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"tasks": ["de_fr"]},
            r"block 'two' names the task 'de_fr', which scale 'demo' does not have \(did you mean",
        ),
        ({"models": ["rnn"]}, "names the model 'rnn', which scale 'demo' does not have; allowed: transformer"),
        ({"artefacts": ["a_figure_z"]}, "names the artefact 'a_figure_z', which scale 'demo' does not have"),
        ({"name": "one"}, "two blocks of scale 'demo' are named 'one'"),
        ({"tasks": ["fr_en"]}, "run 'fr_en/transformer/jensen-skew0.00-strength0.76/seed1' serves no artefact"),
        ({"arms": [{"regularizer": "none", "skew": 1}]}, "'none' takes no 'skew'; allowed: nothing"),
        ({"arms": [{"regularizer": "skew_jensen", "skew": 1}]}, "'skew_jensen' needs either 'strength' or 'entropy'"),
        ({"arms": [{"regularizer": "label_smoothing"}]}, "needs either 'smoothing' or 'strength'"),
        (
            {"arms": [{"regularizer": "confidence_penalty", "strength": 1, "unigram_temperature": 2}]},
            "'unigram_temperature' needs baseline 'unigram'",
        ),
    ],
)
def test_mistakes_are_named(block, message):
    with pytest.raises(UserError, match=message):
        expand([paper(**block)], CONFIG)


def test_an_artefact_without_tasks_at_a_scale_may_be_named_there_and_shows_nothing():
    """A list of artefacts that blocks of several scales share (an anchor) need not be taken apart."""
    shared = paper(artefacts=["a_figure_y", "a_figure_z"])
    shared["artefacts"]["a_figure_z"] = {"title": "Z", "tasks": {"paper": ["de_en"]}}
    with_it, without = (expand([one], CONFIG) for one in (shared, paper()))
    assert with_it.runs == without.runs and with_it.artefacts.keys() == without.artefacts.keys()
    assert with_it.elsewhere == {"a_figure_z": ("paper",)}


@pytest.mark.parametrize("lost", ["figures/a_figure_mine.py", "report/a_figure_mine.rst"])
def test_an_artefact_without_module_or_caption_is_refused_before_anything_runs(tmp_path, monkeypatch, lost):
    monkeypatch.setattr("entropyreg.experiments.checks.PACKAGE", tmp_path)
    for path in (tmp_path / "figures" / "a_figure_mine.py", tmp_path / "report" / "a_figure_mine.rst"):
        path.parent.mkdir()
        path.touch()
    check_files("a_figure_mine", tmp_path, "paper_a.yaml")
    (tmp_path / lost).unlink()
    with pytest.raises(UserError, match=rf"paper_a\.yaml: artefact 'a_figure_mine' has no .*{lost} does not exist"):
        check_files("a_figure_mine", tmp_path, "paper_a.yaml")


@pytest.mark.parametrize(
    ("keys", "generator", "skew", "message"),
    [
        ((("strength",), ()), None, None, r"no generator: declare it in GENERATORS \(experiments/kinds\.py\)"),
        (
            ((), ("order",)),
            "entropy",
            0.3,
            r"no amount: .* smoothing, strength, entropy in ARM_KEYS \(experiments",
        ),
        (
            (("strength",), ()),
            "entropy",
            None,
            r"no skew: require the key 'skew' in ARM_KEYS \(experiments",
        ),
        ((("strength", "skew"), ()), "entropy", None, "generator 'entropy', is that of 'skew_jensen'; it must be"),
        (
            (("strength",), ()),
            "euclidean",
            None,
            "generator 'euclidean', is that of 'euclidean'; it must be",
        ),
        ((("strength",), ()), "renyi", None, "generator 'renyi', is none; it must be its own"),
        ((("strength",), ()), "entropy", 0.3, None),
        ((("strength",), ()), "entropy", 0.5, None),
    ],
)
def test_a_kind_of_regularizer_that_is_not_declared_whole_is_refused(monkeypatch, keys, generator, skew, message):
    """What somebody forgets who adds a kind: the key and the file are named, and no run gets another one's name."""
    monkeypatch.setitem(regularizer.ARM_KEYS, "mine", keys)
    if generator:
        monkeypatch.setitem(kinds.GENERATORS, "mine", generator)
        monkeypatch.setitem(kinds.CHOICES, "generator", ("entropy", "euclidean", "renyi"))
    if skew:
        monkeypatch.setitem(kinds.FIXED_SKEW, "mine", skew)
    arm = {"regularizer": "mine", "strength": 1.0}
    if message is None:
        assert regularizer_of(arm, "block 'b', arm 2").skew == skew
    else:
        with pytest.raises(UserError, match=rf"^block 'b', arm 2: .*'mine'.*{message}"):
            regularizer_of(arm, "block 'b', arm 2")


def test_every_kind_of_regularizer_is_declared_whole():
    for kind in regularizer.ARM_KEYS:
        regularizer.check_declaration(kind, "here")


def test_an_artefact_without_runs_is_refused():
    lonely = copy.deepcopy(PAPER)
    lonely["blocks"][0]["artefacts"] = ["a_table_x"]
    with pytest.raises(UserError, match="artefact 'a_figure_y' has no run at scale 'demo'"):
        expand([lonely], CONFIG)


def test_shared_embeddings_need_a_joined_dictionary():
    apart = CONFIG | {"tasks": {"de_en": {"joined_dictionary": False}, "fr_en": {}}}
    apart["models"] = {"transformer": {"share_embeddings": "all"}}
    with pytest.raises(UserError, match=r"share_embeddings is 'all', which needs tasks\.de_en\.joined_dictionary true"):
        expand([PAPER], apart)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_expands_and_seeds_are_paired_across_the_rows_of_a_table(workflow_dir, scale):
    config = load_config(workflow_dir, {"scale": scale})
    experiments = load_experiments(workflow_dir, config)
    assert experiments.runs
    for name in ("a_table_translation", "a_table_variants"):
        seeds = {}
        for cell in experiments.artefacts[name].cells:
            if cell.run:
                run = experiments.runs[cell.run]
                seeds.setdefault(run.task, {}).setdefault(cell.row, set()).add(run.seed)
        for rows in seeds.values():
            assert len({frozenset(one) for one in rows.values()}) == 1


def test_the_schema_refuses_what_it_does_not_know(tmp_path, workflow_dir):
    for name in ("schemas", "config", "report"):
        (tmp_path / name).symlink_to(workflow_dir / name)
    (tmp_path / "experiments").mkdir()
    text = (workflow_dir / "experiments" / "paper_a.yaml").read_text()
    for old, new, message in [
        ("skew: 0.5, strength: 1.0}", "skew: 1.25, strength: 1.0}", r"skew is 1\.25; allowed: <= 1"),
        (
            "regularizer: confidence_penalty",
            "regularizer: confidence",
            "is 'confidence'.*did you mean 'confidence_penalty'",
        ),
        ("seeds: [1]", "seed: [1]", "unknown key 'seed'.*did you mean 'seeds'"),
    ]:
        (tmp_path / "experiments" / "paper_a.yaml").write_text(text.replace(old, new))
        with pytest.raises(UserError, match=message):
            load_experiments(tmp_path, load_config(workflow_dir))


def test_settings_are_narrow(workflow_dir):
    config = load_config(workflow_dir)
    run = next(run for run in load_experiments(workflow_dir, config).runs.values() if run.test)
    wider = load_config(workflow_dir, {"decoding": {"beam_test": 9}, "tasks": {run.task: {"title": "Other"}}})
    assert training_settings(config, run) == training_settings(wider, run)
    assert prediction_settings(config, run, "valid") == prediction_settings(wider, run, "valid")
    assert prediction_settings(config, run, "test") != prediction_settings(wider, run, "test")
    assert measuring_settings(config, run) != measuring_settings(wider, run)


def test_no_regularizer_has_strength_zero():
    assert Regularizer().label == "none" and Regularizer().strength == 0


@pytest.mark.parametrize("scale", SCALES)
def test_the_settings_of_a_stage_fit_into_one_argument_of_a_command(workflow_dir, scale):
    """Linux takes 128 KiB an argument, and `bash -c` gets the whole command as one."""
    config = load_config(workflow_dir, {"scale": scale})
    experiments = load_experiments(workflow_dir, config)
    for artefact in experiments.artefacts.values():
        if not artefact.images:
            assert len(json.dumps(collecting_settings(config, experiments, artefact))) < 100_000, artefact.name
