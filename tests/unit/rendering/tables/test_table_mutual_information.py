"""The table of every form of the estimated mutual information: seeds, pairs by seed, and what is missing."""

import pytest

from entropyreg.rendering.tables import b_table_mutual_information as module
from entropyreg.rendering.tables.formats import to_csv, to_latex, to_markdown

UPDATES = [100, 200, 300, 400]


def curve(final, draws=5, variance="shared", sample="fresh", slope=-0.5):
    values = [3.0, 2.0, 1.5, final]
    shape = {"final": final, "slope": slope, "peak": 3.0, "peak_update": 100}
    return {"draws": draws, "variance": variance, "sample": sample, "values": values, **shape}


def run(row, seed, finals, status="done"):
    smoothing = 0.1 if row == "smoothed" else 0.0
    shown = {"classes": ["coat", "shirt"], "n_inputs": 300, "upper_bound": 5.7038, "updates": UPDATES}
    forms = [(5, "shared", "fresh"), (25, "shared", "fresh"), (5, "shared", "same")]
    curves = [curve(final, *form) for final, form in zip(finals, forms, strict=True)]
    return {
        **{"row": row, "column": "images", "task": "images", "task_title": "Images", "model": "mlp", "seed": seed},
        **{"model_title": "MLP", "published_as": None, "run": f"images/mlp/{row}", "status": status, "reason": None},
        **{
            "kind": "none",
            "smoothing": smoothing,
            "skew": None,
            "strength": None,
            "baseline": None,
            "dropout": 0.0,
            "updates": 400,
        },
        **{"teacher": None, "selected": None, "measures": {"mutual_information": {**shown, "curves": curves}}},
    }


def collected(rows):
    columns = [{"task": "images", "title": "Images", "classes": []}]
    whole = {"artefact": "b_table_mutual_information", "title": "T", "scale": "demo", "scale_note": "demo"}
    return whole | {"images": True, "columns": columns, "rows": rows, "comparisons": [], "claims_sha256": "0" * 64}


ROWS = [
    *(run("hard", 1, (2.0, 2.2, 2.5)), run("hard", 2, (2.2, 2.4, 2.7))),
    *(run("smoothed", 1, (1.0, 1.3, 2.0)), run("smoothed", 2, (1.4, 1.5, 2.4))),
]


def lines(table):
    return [[cell.text for cell in row] for row in table.sections[0].rows]


def test_each_form_of_the_estimate_has_a_line_with_its_end_over_seeds():
    found = lines(module.build(collected(ROWS)))
    assert [line[2:6] for line in found[:3]] == [
        ["hard", "5", "one", "fresh draw"],
        ["hard", "25", "one", "fresh draw"],
        ["hard", "5", "one", "same draws"],
    ]
    assert found[0][6] == "2.100 [0.829, 3.371] (2)" and found[0][7:9] == ["n/a", "n/a"]
    assert found[0][10:12] == ["3.000 [3.000, 3.000] (2)", "100 [100, 100] (2)"]


def test_smoothed_minus_hard_pairs_the_seeds():
    by_form = {tuple(line[2:6]): line[-1] for line in lines(module.build(collected(ROWS)))}
    # 1.0 - 2.0 and 1.4 - 2.2
    assert by_form["smoothed 0.1", "5", "one", "fresh draw"] == "-0.900 [-2.171, +0.371] (2)"
    assert by_form["hard", "5", "one", "fresh draw"] == "-"


def test_a_seed_without_its_hard_network_is_not_in_the_difference():
    table = module.build(collected(ROWS[1:]))
    (line,) = [line for line in lines(table) if line[2:4] == ["smoothed 0.1", "25"]]
    assert line[-1] == "-0.900 [needs seeds] (1)" and line[6] == "1.400 [0.129, 2.671] (2)"
    assert "1 of 2 seeds missing: no pair: no finished run of the same seed" in to_markdown(table)


def test_an_estimate_that_diverges_for_a_seed_has_no_number_but_a_reason():
    rows = [run("hard", 1, (2.0, -5e12, 2.5)), *ROWS[1:]]  # the other seed's number would be chosen by its luck
    table = module.build(collected(rows))
    by_form = {tuple(line[2:4]): line for line in lines(table) if line[5] == "fresh draw"}
    assert [by_form["hard", "25"][place] for place in (6, 9, 10, 11)] == ["diverges"] * 4
    assert by_form["hard", "5"][6] == "2.100 [0.829, 3.371] (2)"
    assert by_form["smoothed 0.1", "25"][6] == "1.400 [0.129, 2.671] (2)"
    assert by_form["smoothed 0.1", "25"][-1] == "diverges"
    assert f"- {module.NO_NUMBER}" in to_markdown(table)


def test_the_text_names_images_classes_and_the_upper_bound():
    text = module.build(collected(ROWS)).sections[0].text
    assert "300 training images of coat and shirt, at most log N = 5.70 nats" in text


def test_every_quantity_of_every_form_is_in_the_csv():
    written = to_csv(module.build(collected(ROWS)))
    for name in ("final.draws5.shared.fresh", "slope.draws25.shared.fresh", "final_minus_hard.draws5.shared.same"):
        assert f",{name}," in written


@pytest.mark.parametrize("write", [to_markdown, to_latex, to_csv])
def test_without_a_finished_run_the_table_says_why(write):
    rows = [row | {"status": "missing", "reason": "no record yet", "measures": None} for row in ROWS]
    assert "no record yet" in write(module.build(collected(rows))) or write is to_csv
