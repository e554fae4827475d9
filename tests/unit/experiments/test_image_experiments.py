"""Image blocks become runs of several seeds, and students find their teachers."""

import copy

import pytest

from entropyreg.config.image_settings import (
    image_collecting_settings,
    image_measuring_settings,
    image_prediction_settings,
    image_preparation_settings,
    image_training_settings,
)
from entropyreg.config.loading import SCALES, load_config
from entropyreg.experiments import expand, load_experiments
from entropyreg.images.data.containers import needed_image_sources
from entropyreg.images.settings import check_settings
from entropyreg.io.errors import UserError

NETWORK = {"title": "N", "model": {"kind": "mlp", "hidden_dropout": 0.5}, "batch": 2, "epochs": 1}
CONFIG = {
    "scale": "demo",
    "scale_note": "",
    "device": "cpu",
    "tasks": {"de_en": {}},
    "models": {},
    "image_tasks": {"mnist": {"title": "M", "dataset": "mnist", "split": {"seed": 0}, "triplets": [[0, 1, 2]]}},
    "image_models": {"big": NETWORK, "small": NETWORK},
}
HARD, SMOOTHED = {"regularizer": "none"}, {"regularizer": "label_smoothing", "smoothing": 0.1}
PAPER = {
    "paper": "B",
    "artefacts": {
        "b_table_x": {
            "title": "T",
            "rows": ["hard", "smoothed", "student"],
            "measures": ["scores", "calibration"],
            "tasks": {"demo": ["mnist"]},
        },
        "b_figure_y": {"title": "F", "measures": ["clusters"], "tasks": {"demo": ["mnist"]}},
    },
    "image_blocks": [
        {
            "name": "teachers",
            "scale": "demo",
            "tasks": ["mnist"],
            "models": ["big"],
            "seeds": [1, 2],
            "artefacts": ["b_table_x"],
            "arms": [{"row": "hard", **HARD}, {"row": "smoothed", **SMOOTHED}],
        }
    ],
}
SOFT = {"model": "big", "loss": "soft", "weight": 1, "temperatures": [1, 2.5], "teachers": [HARD]}


def paper(**block):
    """PAPER with a second block, of students unless it says otherwise."""
    changed = copy.deepcopy(PAPER)
    second = {"name": "two", "scale": "demo", "tasks": ["mnist"], "models": ["small"], "seeds": [1]}
    second |= {"artefacts": ["b_figure_y"]} | ({} if "arms" in block else {"distillation": SOFT})
    changed["image_blocks"].append(second | block)
    return changed


def expanded(**block):
    return expand([paper(**block)], CONFIG)


def test_a_run_has_all_seeds_and_its_id_none():
    runs = expanded().image_runs
    assert list(runs) == [
        "mnist/big/none",
        "mnist/big/smoothing0.10",
        "mnist/small/from-big-none-temperature1.00",
        "mnist/small/from-big-none-temperature2.50",
    ]
    assert runs["mnist/big/none"].seeds == (1, 2)


@pytest.mark.parametrize(
    ("distillation", "label"),
    [
        ({"loss": "logits", "weight": 0.6, "teachers": [SMOOTHED]}, "from-big-smoothing0.10-logits-weight0.60"),
        (
            {"loss": "soft", "weight": 1, "matched_to": SMOOTHED, "teachers": [HARD]},
            "from-big-none-entropy.of-big-smoothing0.10",
        ),
    ],
)
def test_labels_of_students(distillation, label):
    assert f"mnist/small/{label}" in expanded(distillation={"model": "big", **distillation}).image_runs


def test_label_smoothing_in_paper_bs_form_is_not_the_member_of_the_family():
    member = {"regularizer": "skew_jensen", "skew": 1, "strength": 0.1 / 0.9}
    runs = expanded(models=["big"], arms=[member, {**SMOOTHED, "row": None}]).image_runs
    settings = {name: image_training_settings(CONFIG, run)["regularizer"] for name, run in runs.items()}
    assert settings["mnist/big/smoothing0.10"] == {"kind": "label_smoothing", "smoothing": 0.1}
    assert settings["mnist/big/jensen-skew1.00-strength0.1111"] == {
        "kind": "skew_jensen",
        "skew": 1,
        "strength": 0.1 / 0.9,
    }


def test_a_run_of_several_blocks_has_their_seeds_and_options():
    trajectory = {"classes": [0, 1], "images": 2, "draws": 3, "every": 1}
    run = expanded(models=["big"], arms=[HARD], seeds=[7], test=True, trajectory=trajectory).image_runs[
        "mnist/big/none"
    ]
    assert (run.seeds, run.splits, run.trajectory) == ((1, 2, 7), ("train", "valid", "test"), trajectory)


def test_cells_of_image_rows_and_missing_ones():
    cells = expanded().artefacts["b_table_x"].cells
    assert [(cell.row, cell.run) for cell in cells] == [
        ("hard", "mnist/big/none"),
        ("smoothed", "mnist/big/smoothing0.10"),
        ("student", None),
    ]


def test_a_student_waits_for_its_teacher_and_its_matched_run():
    matched = {"model": "big", "loss": "soft", "weight": 1, "matched_to": SMOOTHED, "teachers": [HARD]}
    run = next(run for run in expanded(distillation=matched).image_runs.values() if run.teaching)
    assert run.needed_runs == ("mnist/big/none", "mnist/big/smoothing0.10")
    assert "temperature" not in image_training_settings(CONFIG, run)["distillation"]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"seeds": [1, 3]}, "needs seed 3 of 'mnist/big/none'; allowed: 1, 2"),
        ({"distillation": {**SOFT, "model": "small"}}, "learns from 'mnist/small/none', which no block trains"),
        (
            {"distillation": {**SOFT, "model": "bog"}},
            "image model 'bog', which scale 'demo' does not have (did",
        ),
        ({"tasks": ["cifar"]}, "image task 'cifar', which scale 'demo' does not have; allowed: mnist"),
        ({"artefacts": ["b_figure_z"]}, "image artefact 'b_figure_z', which scale 'demo' does not have"),
        ({"distillation": {**SOFT, "matched_to": HARD}}, "takes either 'temperatures' or 'matched_to'"),
        ({"distillation": {**SOFT, "loss": "logits"}}, "takes neither 'temperatures' nor 'matched_to'"),
        ({"arms": [{"regularizer": "winner", "search": "s"}]}, "no search runs on images"),
        ({"arms": [{**SMOOTHED, "baseline": "unigram"}]}, "towards a unigram needs 'strength'"),
        ({"name": "teachers"}, "two blocks of scale 'demo' are named 'teachers'"),
    ],
)
def test_mistakes_are_reported(block, message):
    with pytest.raises(UserError) as error:
        expanded(**block)
    assert message in str(error.value)


def test_only_shown_groups_are_measured():
    experiments = expanded()
    student = experiments.image_runs["mnist/small/from-big-none-temperature2.50"]
    assert image_measuring_settings(CONFIG, experiments, student)["measures"] == ["clusters"]


def test_a_student_cell_names_its_teacher():
    teachers = [{"row": "student", **HARD}]
    experiments = expanded(artefacts=["b_table_x", "b_figure_y"], distillation={**SOFT, "teachers": teachers})
    cells = image_collecting_settings(CONFIG, experiments, experiments.artefacts["b_table_x"])["cells"]
    teacher = next(cell for cell in cells if cell["row"] == "student")["teacher"]
    assert (teacher["run"], teacher["kind"], teacher["smoothing"]) == ("mnist/big/none", "none", 0.0)
    assert cells[0]["dropout"] == 0.5


def test_titles_and_measures_do_not_retrain():
    run = expanded().image_runs["mnist/big/none"]
    before = image_training_settings(CONFIG, run), image_preparation_settings(CONFIG, "mnist")
    changed = copy.deepcopy(CONFIG)
    changed["image_models"]["big"]["title"] = changed["image_tasks"]["mnist"]["title"] = "other"
    changed["image_tasks"]["mnist"] |= {"triplets": [[3, 4, 5]], "prediction": {"train_images": 5}}
    assert before == (image_training_settings(changed, run), image_preparation_settings(changed, "mnist"))
    assert image_prediction_settings(changed, run)["prediction"] == {"train_images": 5}


@pytest.mark.parametrize("scale", SCALES)
def test_every_declared_run_has_settings_that_the_library_accepts(workflow_dir, scale):
    config = load_config(workflow_dir, {"scale": scale})
    experiments = load_experiments(workflow_dir, config)
    assert experiments.image_runs
    for run in experiments.image_runs.values():
        settings = image_training_settings(config, run)
        check_settings(settings)
        assert len(run.id.split("/")) == 3
    for task in config["image_tasks"].values():
        assert all("/" in name for name in needed_image_sources(task["dataset"]))
