"""Blocks with temperatures: their runs, what their stages depend on, artefacts of images and text together."""

import copy

import pytest

from entropyreg.config.loading import SCALES, load_config
from entropyreg.config.settings import (
    beam_settings,
    collecting_settings,
    measuring_settings,
    prediction_settings,
    temperature_settings,
)
from entropyreg.experiments import expand, load_experiments
from entropyreg.io.errors import UserError

CONFIG = {
    "scale": "demo",
    "tasks": {"de_en": {}, "en_de": {"title": "En-De"}, "summaries": {"metric": "rouge"}},
    "models": {"transformer": {}},
    "image_tasks": {"digits": {"title": "Digits"}},
    "image_models": {"mlp": {"title": "MLP", "model": {"kind": "mlp"}}},
    "scale_note": "",
    "partial": False,
}
BLOCK = {"scale": "demo", "tasks": ["de_en"], "models": ["transformer"], "seeds": [1]}
HARD = [{"row": "hard", "regularizer": "none"}]
IMAGES = {"name": "images", "scale": "demo", "tasks": ["digits"], "models": ["mlp"], "seeds": [1], "arms": HARD}
PAPER_A = {
    "paper": "A",
    "artefacts": {"a_figure_x": {"title": "X", "tasks": {"demo": ["de_en"]}}},
    "blocks": [
        BLOCK | {"name": "a", "beam_sizes": True, "artefacts": ["a_figure_x"], "arms": [{"regularizer": "none"}]},
    ],
}
PAPER_B = {
    "paper": "B",
    "artefacts": {"b_figure_y": {"title": "Y", "rows": ["hard"], "curves": True, "tasks": {"demo": ["de_en"]}}},
    "blocks": [BLOCK | {"name": "b", "temperatures": True, "artefacts": ["b_figure_y"], "arms": HARD}],
}


def test_a_run_that_both_papers_show_is_trained_once_and_does_what_either_asks():
    experiments = expand([PAPER_A, PAPER_B], CONFIG)
    (run,) = experiments.runs.values()
    assert run.beam_sizes and run.temperatures and not run.test and run.temperature_splits == ("valid",)
    assert {name: one.run_ids for name, one in experiments.artefacts.items()} == {
        "a_figure_x": [run.id],
        "b_figure_y": [run.id],
    }
    (alone,) = expand([PAPER_A], CONFIG).runs.values()
    assert alone.id == run.id and not alone.temperatures


def test_an_artefact_with_curves_needs_temperatures():
    paper = copy.deepcopy(PAPER_B)
    del paper["blocks"][0]["temperatures"]
    with pytest.raises(UserError, match=r"'b_figure_y' has curves: the run 'de_en/transformer/none/seed1' needs"):
        expand([paper], CONFIG)


def test_temperatures_are_for_translation():
    paper = copy.deepcopy(PAPER_B)
    paper["blocks"][0]["tasks"] = ["de_en", "summaries"]
    with pytest.raises(UserError, match=r"block 'b': temperatures is true, .*metric 'bleu' \('summaries' is not\)"):
        expand([paper], CONFIG)


def test_an_artefact_may_show_images_and_text():
    paper = copy.deepcopy(PAPER_B)
    table = {"title": "Z", "rows": ["hard"], "curves": True, "tasks": {"demo": ["digits", "de_en", "en_de"]}}
    paper["artefacts"]["b_table_z"] = table | {"measures": ["scores"], "compare": {"split": "test", "to": ["hard"]}}
    paper["blocks"][0] |= {"tasks": ["de_en"], "artefacts": ["b_table_z", "b_figure_y"]}
    paper["image_blocks"] = [IMAGES | {"artefacts": ["b_table_z"]}]
    experiments = expand([paper], CONFIG)
    artefact = experiments.artefacts["b_table_z"]
    assert artefact.images and artefact.image_tasks == ("digits",) and artefact.text_tasks == ("de_en", "en_de")
    assert [(cell.task, cell.run) for cell in artefact.cells] == [
        ("digits", "digits/mlp/none"),
        ("de_en", "de_en/transformer/none/seed1"),
        ("en_de", None),
    ]
    config = copy.deepcopy(CONFIG)
    config["tasks"]["de_en"]["title"] = "De-En"
    settings = collecting_settings(config, experiments, artefact)
    assert settings["images"] and [cell["column"] for cell in settings["cells"]] == ["digits"]
    text = settings["text"]
    assert [cell["column"] for cell in text["cells"]] == ["de_en", "en_de"] and text["curves"]
    assert [column["task"] for column in text["columns"]] == ["de_en", "en_de"]
    assert (settings["compare"]["split"], text["compare"]["split"]) == ("test", "valid")


def test_an_unknown_task_of_an_artefact_is_named():
    paper = copy.deepcopy(PAPER_B)
    paper["artefacts"]["b_figure_y"]["tasks"]["demo"] = ["de_en", "digit"]
    with pytest.raises(UserError, match=r"'b_figure_y' names the task 'digit', .* \(did you mean 'digits'\?\)"):
        expand([paper], CONFIG)


@pytest.fixture(scope="module")
def declared(workflow_dir):
    """{scale: (configuration, experiments)}."""
    configs = {scale: load_config(workflow_dir, {"scale": scale}) for scale in SCALES}
    return {scale: (config, load_experiments(workflow_dir, config)) for scale, config in configs.items()}


def swept(experiments):
    """The runs that are predicted at several temperatures."""
    return [run for run in experiments.runs.values() if run.temperatures]


@pytest.mark.parametrize("scale", SCALES)
def test_hard_and_smoothed_rows_have_the_same_seeds_and_temperatures(declared, scale):
    _, experiments = declared[scale]
    shown = [one for one in experiments.artefacts.values() if one.curves]
    assert len(shown) >= 4
    for artefact in shown:
        seeds = {}
        for cell in artefact.cells:
            if cell.run and cell.task in artefact.text_tasks:
                seeds.setdefault((cell.task, cell.row), set()).add(experiments.runs[cell.run].seed)
        for task in artefact.text_tasks:
            assert seeds[task, "hard"] == seeds[task, "smoothed"]
    smoothings = {run.regularizer.smoothing for run in swept(experiments) if run.regularizer.skew == 1}
    assert [round(one, 12) for one in smoothings] == [0.1]


def test_the_paper_scale_is_that_of_the_paper(declared):
    config, experiments = declared["paper"]
    runs = [run for run in swept(experiments) if run.regularizer.skew in (None, 1.0)]
    assert {(run.task, run.model) for run in runs} == {("wmt_en_de", "transformer_base")}
    model = config["models"]["transformer_base"]
    assert (model["max_update"], model["selection"], model["warmup_updates"], model["max_tokens"]) == (
        300000,
        "last",
        8000,
        4096,
    )
    assert model["lr"] == pytest.approx(2 * 512**-0.5 * 8000**-0.5, rel=1e-3)
    measured = measuring_settings(config, runs[0])
    assert measured["bleu_as_published"] == "tensor2tensor" and not measured["lowercase"]
    assert measured["decoding"]["valid"]["beam"] == 4 and measured["decoding"]["valid"]["length_penalty"] == 0.6
    assert config["tasks"]["wmt_en_de"]["source"]["valid"] == "newstest2013"


def test_the_extension_is_at_the_predicted_entropy_of_the_smoothed_row(declared):
    from entropyreg.regularizers.equilibrium import equilibrium

    for scale, vocabulary in (("workstation", 2992), ("paper", 33000)):
        wanted = equilibrium(1.0, 1 / 9, vocabulary).normalized_entropy
        entropies = {run.regularizer.entropy for run in swept(declared[scale][1])} - {None}
        assert len(entropies) == 1 and entropies.pop() == pytest.approx(wanted, abs=0.001)  # equal: within .005


def test_settings_of_temperatures_are_narrow(declared, workflow_dir):
    config, experiments = declared["demo"]
    run = next(run for run in experiments.runs.values() if run.task == "demo_en_de")
    other = {"decoding": {"temperatures": [0.9, 1], "temperatures_sentences": 7}, "calibration": {"tokens": 5}}
    other |= {"statistics": {"temperature_grid": {"points": 9}}, "tasks": {run.task: {"triplets": [["a", "b", "c"]]}}}
    changed = load_config(workflow_dir, {"scale": "demo", **other})
    assert prediction_settings(config, run, "valid") == prediction_settings(changed, run, "valid")
    assert beam_settings(config, run) == beam_settings(changed, run)
    settings = temperature_settings(changed, run)
    assert (settings["temperatures"], settings["sentences"], settings["calibration_tokens"]) == ([0.9, 1], 7, 5)
    assert settings["grid"]["points"] == 9 and settings["triplets"] == [["a", "b", "c"]]
    assert settings["decoding"] == prediction_settings(changed, run, "valid")["decoding"]
    assert measuring_settings(changed, run)["temperatures"] == [0.9, 1]


@pytest.mark.parametrize("temperatures", [[0.9, 1.1], [1, 0.9], [1, 1, 2]])
def test_decoded_temperatures_rise_and_hold_one(workflow_dir, temperatures):
    with pytest.raises(UserError, match=r"decoding\.temperatures is \[.*\]; allowed: rising numbers, 1 among them"):
        load_config(workflow_dir, {"decoding": {"temperatures": temperatures}})
    task = {"decoding": {"temperatures": temperatures}}
    with pytest.raises(UserError, match=r"tasks\.demo_en_de\.decoding\.temperatures is"):
        load_config(workflow_dir, {"tasks": {"demo_en_de": task}})


def test_test_is_swept_only_where_one_block_asks_for_both():
    paper_a = copy.deepcopy(PAPER_A)
    paper_a["blocks"][0]["test"] = True  # another paper decodes test of the same run, at temperature 1
    (run,) = expand([paper_a, PAPER_B], CONFIG).runs.values()
    assert run.test and run.temperature_splits == ("valid",)
    paper_b = copy.deepcopy(PAPER_B)
    paper_b["blocks"][0]["test"] = True
    (run,) = expand([PAPER_A, paper_b], CONFIG).runs.values()
    assert run.temperature_splits == ("valid", "test")
