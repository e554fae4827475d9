"""What stands where in the tables of paper B: seeds, amounts, choices, sources, students and their teachers."""

import json
from pathlib import Path
from statistics import fmean, stdev

import pytest

from entropyreg.io.errors import UserError
from entropyreg.rendering.tables import (
    b_table_accuracy,
    b_table_calibration,
    b_table_distillation_mnist,
    b_table_survey,
    b_table_teachers,
)
from entropyreg.rendering.tables.formats import Section, latex_rows, to_markdown
from entropyreg.rendering.tables.runs import arms, at

DATA = Path(__file__).parents[3] / "data"


def collected_of(module):
    name = module.__name__.rpartition(".")[2]
    return json.loads((DATA / f"collected_{name}.json").read_text(encoding="utf-8"))


def lines_of(section):
    """The rows of a section as text, by '<group> <header>'."""
    groups = [name for name, span in section.groups for _ in range(span)]
    names = [f"{group} {cell.text}".strip() for group, cell in zip(groups, section.headers, strict=True)]
    assert len(set(names)) == len(names)
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in section.rows]


def cells(module, collected, section, **wanted):
    """The one line whose columns are as wanted."""
    found = lines_of(module.build(collected).sections[section])
    (line,) = [one for one in found if all(one[key] == value for key, value in wanted.items())]
    return line


def test_a_value_is_the_mean_over_seeds_in_percent():
    collected = collected_of(b_table_accuracy)
    for run, share in zip(collected["rows"][:2], (0.9, 0.92), strict=True):
        assert (run["row"], run["model"]) == ("hard", "mlp")
        run["measures"]["scores"]["test"]["accuracy"] = share
    line = cells(b_table_accuracy, collected, 0, network="MLP of 128 units", targets="hard")
    half = 12.7062 * stdev([90, 92]) / 2**0.5  # t of one degree of freedom
    assert line["test accuracy (%) reproduced"] == f"91.00 [{91 - half:.2f}, {91 + half:.2f}] (2)"
    (value,) = {a.value(("scores", "test", "accuracy")) for a in arms(collected, "mnist", ("hard", "smoothed"))[:1]}
    assert (value.mean, value.minimum, value.maximum) == (pytest.approx(0.91), 0.9, 0.92)


def test_paper_and_replication_stand_in_columns_of_their_own():
    line = cells(
        b_table_accuracy, collected_of(b_table_accuracy), 1, network="AlexNet of 8 channels", targets="smoothed 0.1"
    )
    assert line["valid accuracy (%) paper"] == "86.7 ± 0.3"  # of validation images
    assert line["test accuracy (%) replication"] == "85.47"  # of test images
    assert line["test accuracy (%) reproduced"] not in ("n/a", "-") and "[" not in line["test accuracy (%) reproduced"]


@pytest.mark.parametrize(("task", "difference"), [("cifar10", "+4.99"), ("cifar10_5k", "other task")])
def test_the_difference_is_taken_to_the_number_of_the_same_task_and_split(task, difference):
    collected = collected_of(b_table_accuracy) | {"comparisons": []}
    runs = [run | {"column": task, "published_as": "cifar10_alexnet"} for run in collected["rows"][:2]]
    for run in runs:
        run["measures"]["scores"]["test"]["accuracy"] = 0.9
        run["measures"]["scores"]["valid"]["accuracy"] = 0.8
    table = b_table_accuracy.build(collected | {"columns": [{"task": task, "title": "T"}], "rows": runs})
    hard = lines_of(table.sections[0])[0]
    assert hard["test accuracy (%) difference"] == difference  # 90 - 85.01
    assert hard["valid accuracy (%) difference"] == ("-6.80" if "+" in difference else "other task")  # 80 - 86.8


def test_numbers_of_the_published_validation_set_of_imagenet_stand_beside_our_test_images():
    collected = collected_of(b_table_accuracy) | {"comparisons": []}
    runs = [run | {"column": "imagenet", "published_as": "imagenet_inception_v4"} for run in collected["rows"][:2]]
    table = b_table_accuracy.build(collected | {"columns": [{"task": "imagenet", "title": "T"}], "rows": runs})
    hard = lines_of(table.sections[0])[0]
    assert hard["test accuracy (%) paper"] == "80.9" and "valid accuracy (%) paper" not in hard


def test_nothing_stands_beside_a_network_that_is_not_published():
    line = cells(b_table_accuracy, collected_of(b_table_accuracy), 0, network="Other network", targets="hard")
    assert (line["valid accuracy (%) paper"], line["test accuracy (%) replication"]) == ("-", "-")
    assert (line["valid accuracy (%) difference"], line["test accuracy (%) difference"]) == ("-", "-")


@pytest.mark.parametrize(
    ("task", "name", "other"),
    [
        ("mnist", "mnist_mlp", False),
        ("imagenet", "imagenet_inception_v4", False),
        ("fashion_mnist_6k", "fashion_mnist_mlp", True),
        ("cifar10", "cifar100_resnet56", True),
    ],
)
def test_another_data_set_is_said_to_be_one(task, name, other):
    collected = collected_of(b_table_accuracy) | {"comparisons": []}
    runs = [run | {"column": task, "published_as": name} for run in collected["rows"][:2]]
    table = b_table_accuracy.build(collected | {"columns": [{"task": task, "title": "T"}], "rows": runs})
    assert ("values are not to be equated" in table.sections[0].text) == other


def test_an_unknown_published_network_is_refused():
    collected = collected_of(b_table_accuracy)
    collected["rows"][0]["published_as"] = collected["rows"][1]["published_as"] = "mnist_tree"
    with pytest.raises(UserError, match=r"published_as 'mnist_tree'; allowed: .*mnist_mlp"):
        b_table_accuracy.build(collected)


def test_another_row_follows_and_a_repeated_seed_is_refused():
    collected = collected_of(b_table_accuracy)
    assert list(dict.fromkeys(arm.row for arm in arms(collected, "mnist", ("smoothed",)))) == ["smoothed", "hard"]
    collected["rows"][1]["seed"] = 1
    with pytest.raises(UserError, match=r"run 'mnist/mlp/none' lists seeds \[1, 1\]"):
        arms(collected, "mnist", ("hard", "smoothed"))


def test_at_gives_none_where_any_part_is_absent():
    measures = {"a": {"b": 0.0}, "c": None}
    assert (at(measures, ("a", "b")), at(measures, ("a", "x")), at(measures, ("c", "b"))) == (0.0, None, None)


def test_differences_are_in_points_and_unequal_seeds_are_told():
    line = cells(b_table_accuracy, collected_of(b_table_accuracy), 2, row="smoothed")
    assert line["minus hard: accuracy (points)"] == "+1.23 [-0.40, +3.00], p = 0.041 (n = 1 and 2)"
    assert line["minus hard: NLL (nats)"] == "-0.0512 [-0.0700, -0.0100], p = 1.000 (n = 1 and 2)"


def test_the_chosen_amount_is_named_and_the_others_have_no_test_value():
    collected = collected_of(b_table_calibration)
    chosen = cells(b_table_calibration, collected, 0, targets="smoothed 0.05, chosen")
    mlp = {"network": "MLP of 128 units", "targets": "smoothed 0.1"}
    other = cells(b_table_calibration, collected, 0, **mlp)
    assert chosen["test ECE reproduced"].endswith("(2)") and other["valid ECE reproduced"].endswith("(2)")
    assert other["test ECE reproduced"] == other["test ECE difference"] == "not chosen"
    further = cells(b_table_calibration, collected, 1, **mlp)
    assert set(list(further.values())[2:]) == {"not chosen"}
    assert "another amount was chosen on validation" in to_markdown(b_table_calibration.build(collected))


def test_an_amount_stands_beside_the_same_published_amount_only():
    collected = collected_of(b_table_calibration)
    for run in collected["rows"]:
        run["published_as"] = run["published_as"] and "cifar100_resnet56"
    found = {
        line["targets"]: (line["valid ECE paper"], line["test ECE replication"])
        for line in lines_of(b_table_calibration.build(collected).sections[0])
        if line["network"] == "MLP of 128 units"
    }
    assert found == {
        "hard": ("0.150", "0.207"),
        "hard, scaled": ("0.021", "0.029"),
        "smoothed 0.05, chosen": ("0.024", "0.053"),
        "smoothed 0.1": ("-", "0.043"),
        "smoothed 0.15": ("-", "0.045"),
        "smoothed 0.3": ("-", "0.120"),
    }


def test_scaled_networks_show_the_temperature_of_least_error_on_all_validation_images():
    collected = collected_of(b_table_calibration)
    runs = [run for run in collected["rows"] if run["row"] == "hard" and run["measures"]]
    mean = fmean(run["measures"]["temperature"]["ece_all"]["temperature"] for run in runs)
    error = fmean(run["measures"]["temperature"]["ece_all"]["test"]["ece"] for run in runs)
    line = cells(b_table_calibration, collected, 0, network="MLP of 128 units", targets="hard, scaled")
    assert line["T reproduced"].startswith(f"{mean:.2f} [") and line["T replication"] == "1.1"
    assert line["test ECE reproduced"].startswith(f"{error:.4f} [")
    further = cells(b_table_calibration, collected, 1, network="MLP of 128 units", targets="hard, scaled")
    assert further["test ECE if calibrated"] == "-"


def test_only_a_half_leaves_images_held_out_and_a_bound_is_told():
    collected = collected_of(b_table_calibration)
    lines = lines_of(b_table_calibration.build(collected).sections[2])
    mlp = [line for line in lines if (line["network"], line["targets"]) == ("MLP of 128 units", "hard")]
    held_out = {line["fitted to"]: line["held out ECE"] for line in mlp}
    assert (held_out["ECE, all"], held_out["NLL, all"]) == ("-", "-")
    assert "[" in held_out["ECE, half"] and "[" in held_out["NLL, half"]
    text = to_markdown(b_table_calibration.build(collected))
    assert "T is at the end of the search interval for 1 of 2 seeds" in text


def test_distillation_has_a_line_for_each_teacher_and_its_student():
    lines = lines_of(b_table_distillation_mnist.build(collected_of(b_table_distillation_mnist)).sections[0])
    assert [line["row"] for line in lines] == list(b_table_distillation_mnist.LAYOUT.rows.values())
    published = {line["row"]: (line["test error (%) paper"], line["test error (%) replication"]) for line in lines}
    assert published["teacher: hard, dropout"] == ("0.67", "0.81")
    assert published["student of: hard, dropout"] == ("0.74", "0.93")
    assert published["teacher: smoothed"] == ("0.59", "0.69")
    assert published["student of: smoothed"] == ("0.91", "1.05")
    unknown = ("n/a", "n/a")
    assert [row for row, pair in published.items() if pair == unknown] == [
        *("teacher: hard", "teacher: smoothed, dropout", "student of: hard", "student of: smoothed, dropout")
    ]
    assert [line["weight of teacher"] for line in lines] == ["-"] * 4 + ["0.6"] * 3 + ["-"]


def test_a_student_is_joined_with_the_teacher_of_its_seed():
    collected = collected_of(b_table_teachers)
    planted = {("teacher_hard", 1): 0.8, ("teacher_hard", 2): 0.6, ("student_of_hard", 1): 0.7}
    planted["student_of_hard", 2] = 0.9
    for run in collected["rows"]:
        if (run["row"], run["seed"]) in planted:
            run["measures"]["scores"]["test"]["accuracy"] = planted[run["row"], run["seed"]]
    line = cells(b_table_teachers, collected, 1, row="student of: hard")
    assert line["minus teacher (points)"] == "+10.00 [-244.12, +264.12] (2)"  # -10 and +30
    for run in collected["rows"]:  # both students of one teacher, as a declared teacher_seed has it
        if run["row"] == "student_of_hard":
            run["teacher"]["seed"] = 2
    line = cells(b_table_teachers, collected, 1, row="student of: hard")
    assert line["minus teacher (points)"] == "+20.00 [-107.06, +147.06] (2)"  # +10 and +30


def test_mutual_information_is_that_of_the_papers_estimator():
    collected = collected_of(b_table_teachers)
    for run in collected["rows"]:
        if run["row"] == "teacher_hard":
            for curve in run["measures"]["mutual_information"]["curves"]:
                wanted = (curve["draws"], curve["variance"], curve["sample"]) == (5, "shared", "fresh")
                curve["final"] = 0.125 if wanted else 99.0
    assert (
        cells(b_table_teachers, collected, 0, row="teacher: hard")["mutual information"] == "0.125 [0.125, 0.125] (2)"
    )
    student = cells(b_table_teachers, collected, 1, row="student of: hard")
    assert student["mutual information of teacher"] == "0.125 [0.125, 0.125] (2)"


def test_a_student_whose_teacher_is_missing_says_so():
    text = to_markdown(b_table_teachers.build(collected_of(b_table_teachers)))
    assert "1 of 2 seeds missing: no pair: the teacher of this seed has no such measure here" in text


def test_the_survey_is_labelled_as_transcribed_and_needs_no_run():
    collected = collected_of(b_table_survey)
    table = b_table_survey.build(collected)
    assert table == b_table_survey.build(collected | {"scale_note": "other"})
    assert table.banner.startswith("Transcribed from the paper, not reproduced")
    rows = [[cell.text for cell in row[1:]] for row in table.sections[0].rows]
    assert rows == [
        ["top-1 error (%)", "lower", "23.1", "22.8", "-"],
        ["top-5 error (%)", "lower", "6.3", "6.1", "-"],
        ["BLEU", "higher", "25.3", "25.8", "-"],
        ["perplexity", "lower", "4.67", "4.92", "-"],
        ["word error rate (%)", "lower", "8.9", "7.0", "6.7"],
    ]


def test_a_nameless_group_of_two_keeps_the_columns_of_latex():
    headers = b_table_accuracy.build(collected_of(b_table_accuracy)).sections[0].headers[:4]
    section = Section("T", "", (("", 2), ("reproduced", 2)), headers, ())
    assert latex_rows(section)[1:3] == [" &  & \\multicolumn{2}{c}{reproduced} \\\\", "\\cmidrule(lr){3-4}"]
