"""Paper B's tables of translation runs: where planted numbers stand, what stands beside them, what is missing."""

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import collected_translation as planted
import pytest

from entropyreg.rendering.tables import b_table_calibration, b_table_family_calibration, b_table_perplexity
from entropyreg.rendering.tables.formats import to_csv, to_latex, to_markdown
from entropyreg.rendering.tables.translation_runs import as_network_run, interval_of, parts_of

DATA = Path(__file__).parents[3] / "data"
REPORT = Path(__file__).parents[4] / "workflow" / "report"
OWN = (b_table_family_calibration, b_table_perplexity)


def name_of(module):
    return module.__name__.rpartition(".")[2]


def example(module, **changes):
    rows = planted.FAMILY if module is b_table_family_calibration else planted.PAPER
    return planted.table(name_of(module), **{"rows": rows, **changes})


def calibration(images=True, **changes):
    """The collected calibration table of images with translation in it."""
    collected = json.loads((DATA / "collected_b_table_calibration.json").read_text(encoding="utf-8"))
    if not images:
        collected |= {"columns": [], "rows": [], "comparisons": []}
    text = planted.table("b_table_calibration", rows=planted.PAPER, **changes)
    text["comparisons"] = [
        planted.compared(column["task"], "smoothed", "scaled_ece", -0.0021, 0.004) for column in text["columns"]
    ]
    both = {key: [*collected[key], *text[key]] for key in ("rows", "comparisons")}
    columns = [{**column, "images": True} for column in collected["columns"]]
    columns += [{**column, "images": False} for column in text["columns"]]
    return text | collected | both | {"columns": columns}


def lines_of(table, title):
    """The rows of a section as text by '<group> <header>'."""
    (section,) = [one for one in table.sections if one.title == title]
    groups = [name for name, span in section.groups for _ in range(span)]
    names = [f"{group} {cell.text}".strip() for group, cell in zip(groups, section.headers, strict=True)]
    assert len(set(names)) == len(names)
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in section.rows]


def csv_of(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def test_a_run_has_the_shape_of_an_image_run():
    run = as_network_run(planted.run_of("confidence_penalty", seed=3))
    assert (run["run"], run["kind"], run["seed"]) == ("en_de/transformer/confidence_penalty", "confidence_penalty", 3)
    kinds = [as_network_run(planted.run_of(row))["kind"] for row in ("hard", "smoothed", "skew0.5")]
    assert kinds == ["none", "label_smoothing", "skew_jensen"]
    assert run["measures"]["one"]["ece"] == planted.planted("confidence_penalty", "ece", 1.0, 3)
    assert as_network_run(planted.not_run("hard", "en_de"))["kind"] is None
    assert interval_of({}, "en_de", "hard", "ece") is None


def test_translation_follows_the_images_and_leaves_their_sections_as_they_are():
    collected = calibration()
    images, translation = parts_of(collected)
    assert [column["task"] for column in translation["columns"]] == ["en_de"]
    assert {run["column"] for run in images["rows"]}.isdisjoint({"en_de"})
    whole = b_table_calibration.build(collected)
    alone = b_table_calibration.build(json.loads((DATA / "collected_b_table_calibration.json").read_text()))
    assert whole.sections[: len(alone.sections)] == alone.sections
    assert [section.title for section in whole.sections[len(alone.sections) :]] == [
        *("Data en_de", "Data en_de: further errors of calibration"),
        *("Data en_de: temperatures by what they are fitted to", "Data en_de: the model's own output"),
        "Data en_de: differences with 95 % intervals",
    ]
    assert whole.banner.startswith("demo scale, 2 to 3 seeds") and alone.banner.startswith("demo scale, 2 seeds")


def test_a_table_of_images_has_no_translation():
    collected = json.loads((DATA / "collected_b_table_calibration.json").read_text())
    assert parts_of(collected) == (collected, None)


def test_translation_stands_beside_the_paper_and_the_replication():
    lines = {line["targets"]: line for line in lines_of(b_table_calibration.build(calibration()), "Data en_de")}
    beside = {
        targets: tuple(line[key] for key in ("ECE paper", "T paper", "ECE replication", "T replication"))
        for targets, line in lines.items()
    }
    assert beside == {
        "hard": ("0.056", "-", "0.449", "-"),
        "hard, scaled": ("0.018", "1.13", "0.058", "1.8"),
        "smoothed 0.05": ("-", "-", "0.475", "-"),
        "smoothed 0.1": ("0.019", "-", "0.372", "-"),
        "smoothed 0.15": ("-", "-", "0.222", "-"),
        "smoothed 0.3": ("-", "-", "0.110", "-"),
    }
    hard = planted.planted("hard", "ece", 1.0, 2)
    assert lines["hard"]["ECE reproduced"] == f"{hard:.4f} [{hard - 0.004:.4f}, {hard + 0.004:.4f}] (3)"  # collected
    assert lines["hard, scaled"]["T reproduced"] == "1.25 [1.20, 1.30] (3)"  # 4.303 * .02 / sqrt 3
    assert lines["hard, scaled"]["ECE reproduced"].endswith(" [0.0110, 0.0190] (3)")
    assert lines["smoothed 0.3"]["ECE reproduced"] == lines["smoothed 0.3"]["ECE minus replication"] == "not run"


def test_a_planted_difference_of_the_same_data_set_is_taken():
    collected = calibration(columns=("wmt_en_de",))
    collected["columns"][-1]["published_as"] = "wmt_en_de"
    hard, scaled = lines_of(b_table_calibration.build(collected), "Data wmt_en_de")[:2]
    ece = planted.planted("hard", "ece", 1.0, 2)
    assert hard["ECE minus paper"] == f"{ece - 0.056:+.4f}" and hard["ECE minus replication"] == "other task"
    assert scaled["T minus paper"] == "+0.12" and hard["T minus paper"] == "-"  # 1.25 - 1.13


def test_no_difference_is_taken_to_a_part_of_the_published_data_set():
    collected = calibration(columns=("multi30k_5k_en_de",))
    collected["columns"][-1]["published_as"] = "wmt_en_de"
    hard = lines_of(b_table_calibration.build(collected), "Data multi30k_5k_en_de")[0]
    assert (hard["ECE minus paper"], hard["ECE minus replication"]) == ("other task", "other part")


def test_another_task_has_nothing_published_beside_it():
    table = b_table_calibration.build(calibration(columns=("de_en",)))
    (section,) = [one for one in table.sections if one.title == "Data de_en"]
    assert "nothing is published on it" in section.text
    lines = lines_of(table, "Data de_en")
    assert [line["targets"] for line in lines] == ["hard", "hard, scaled", "smoothed 0.1"]
    assert {line[f"ECE {source}"] for line in lines for source in ("paper", "replication")} == {"-"}


def test_only_a_half_holds_out_and_only_all_is_decoded():
    lines = lines_of(b_table_calibration.build(calibration()), "Data en_de: temperatures by what they are fitted to")
    hard = {line["fitted to"]: line for line in lines if line["targets"] == "hard"}
    assert {fit: line["held-out ECE"] == "-" for fit, line in hard.items()} == {
        **dict.fromkeys(("ECE, all", "NLL, all"), True),
        **dict.fromkeys(("ECE, half", "NLL, half"), False),
    }
    assert [line["BLEU"] == "-" for line in hard.values()] == [False, False, True, True]


def test_a_temperature_at_the_end_of_the_grid_is_told():
    collected = calibration()
    run = next(run for run in collected["rows"] if run["column"] == "en_de")
    run["measures"]["valid"]["temperatures"]["fits"]["ece_all"]["at_bound"] = True
    assert "T is at the end of the grid for 1 of 3 seeds" in to_markdown(b_table_calibration.build(collected))


def test_differences_of_translation_are_told_with_their_sentences():
    table = b_table_calibration.build(calibration())
    (line,) = lines_of(table, "Data en_de: differences with 95 % intervals")
    assert line["minus hard: ECE against scaled"] == "-0.0021 [-0.0061, +0.0019], p = 0.250 (n = 3)"
    assert "480 valid sentences, 1000 replicates." in to_markdown(table)


def test_own_output_is_set_against_the_gold_prefix():
    lines = lines_of(b_table_calibration.build(calibration()), "Data en_de: the model's own output")
    assert [line["ECE minus gold prefix"] for line in lines] == ["+0.0800 [+0.0700, +0.0925] (3)"] * 2
    assert {line["right tokens (%)"] for line in lines} == {"60.00 [60.00, 60.00] (3)"}


def test_images_without_comparisons_are_not_said_to_lack_those_of_translation():
    table = b_table_calibration.build(calibration(images=False))
    texts = [note.text for note in table.notes]
    assert not [text for text in texts if "none was collected" in text]
    assert table.sections[0].title == "Data en_de"


def test_perplexity_is_the_exponential_of_each_seeds_loss():
    table = b_table_perplexity.build(example(b_table_perplexity))
    hard, smoothed = lines_of(table, "Data en_de")
    mean = sum(math.exp(planted.planted("hard", "nll", 1.0, seed)) for seed in (1, 2, 3)) / 3
    assert hard["perplexity reproduced"].startswith(f"{mean:.3f} [") and hard["targets"] == "hard"
    assert (hard["BLEU paper"], hard["perplexity paper"]) == ("25.3", "4.67")
    assert (smoothed["BLEU paper"], smoothed["perplexity paper"]) == ("25.8", "4.92")
    assert smoothed["BLEU of text"] == "26.00 [25.75, 26.25] (3)"
    rows = csv_of(table)
    published = {(row["row"], row["column"]): row["published"] for row in rows if row["published"]}
    assert published == {
        **{("hard", "valid.bleu_as_published"): "25.3", ("hard", "valid.perplexity"): "4.67"},
        **{("smoothed", "valid.bleu_as_published"): "25.8", ("smoothed", "valid.perplexity"): "4.92"},
    }
    (row,) = [one for one in rows if (one["row"], one["column"]) == ("hard", "valid.perplexity")]
    assert float(row["mean"]) == pytest.approx(mean, abs=1e-6)


def test_a_test_set_that_was_not_decoded_says_so():
    collected = example(b_table_perplexity)
    for run in collected["rows"]:
        del run["measures"]["test"]
    table = b_table_perplexity.build(collected)
    assert {line["BLEU"] for line in lines_of(table, "Data en_de: test set")} == {"not decoded"}
    assert "the test set of this run was not decoded" in to_markdown(table)


def test_members_of_the_family_follow_the_hard_model_and_its_scaled_self():
    collected = example(b_table_family_calibration)
    collected["comparisons"] = [
        planted.compared("en_de", "skew0.5", metric, 0.5) for metric in ("bleu", "held_out_ece")
    ]
    table = b_table_family_calibration.build(collected)
    lines = lines_of(table, "Data en_de")
    names = ["hard", "hard, scaled", "smoothed 0.1", "skew 0.5", "confidence penalty"]
    assert [line["targets"] for line in lines] == names
    designed = [line["designed Ĥ"] for line in lines]
    assert designed == ["-", "-", "-", "0.25", "0.25"]
    scaled, skew = lines[1], lines[3]
    assert scaled["T"] == "1.25 [1.20, 1.30] (3)" and scaled["ECE"].endswith(" [0.0110, 0.0190] (3)")
    assert skew["T"] == "1.00" and skew["BLEU"].startswith("25.76 [")
    halves = {line["targets"]: line for line in lines_of(table, "Data en_de: further errors of calibration")}
    assert halves["skew 0.5"]["T, half"] == "0.90 [0.85, 0.95] (3)"
    (difference,) = lines_of(table, "Data en_de: differences with 95 % intervals")
    assert difference["minus hard: BLEU"] == "+0.50 [+0.49, +0.51], p = 0.250 (n = 3)"
    assert "minus hard: held-out ECE" in difference


def test_strengths_that_were_not_chosen_for_one_entropy_are_told():
    collected = example(b_table_family_calibration)
    text = "the strengths were not chosen for one entropy"
    assert text not in to_markdown(b_table_family_calibration.build(collected))
    for run in collected["rows"]:
        run["wanted_entropy"] = None
    assert text in to_markdown(b_table_family_calibration.build(collected))


@pytest.mark.parametrize("module", OWN, ids=name_of)
def test_without_a_finished_run_every_cell_has_its_reason(module):
    collected = example(module) | {"intervals": [], "comparisons": []}
    collected["rows"] = [planted.missing(run, "failed: out of memory") for run in collected["rows"]]
    table = module.build(collected)
    assert "no finished run" in table.banner
    assert "- failed: out of memory\n" in to_markdown(table) and "out of memory" in to_latex(table)
    assert {(row["mean"], row["reason"].split(";")[0]) for row in csv_of(table)} == {
        ("", "mean: failed: out of memory")
    }


@pytest.mark.parametrize("module", OWN, ids=name_of)
def test_with_no_run_declared_both_objectives_are_there(module):
    table = module.build(example(module) | {"rows": [], "comparisons": [], "intervals": []})
    reason = "mean: not run: no run is declared for it"
    found = {(row["row"], row["reason"].split(";")[0]) for row in csv_of(table) if row["task"]}
    assert found == {("hard", reason), ("smoothed", reason)}


@pytest.mark.parametrize("module", OWN, ids=name_of)
def test_every_line_has_the_cells_of_its_headers(module):
    collected = example(module)
    collected["comparisons"] = [planted.compared("en_de", "smoothed", "bleu", 0.5)]
    for section in module.build(collected).sections:
        assert {len(row) for row in section.rows} == {len(section.headers)}
        assert sum(span for _, span in section.groups) == len(section.headers)


@pytest.mark.parametrize("module", [*OWN, b_table_calibration], ids=name_of)
def test_every_table_has_a_caption_that_names_the_paper(module):
    assert "Müller et al., NeurIPS 2019" in (REPORT / f"{name_of(module)}.rst").read_text(encoding="utf-8")


def test_rendering_loads_no_heavy_library(tmp_path):
    heavy = {"torch", "fairseq", "pandas", "seaborn", "matplotlib"}
    tables = {name_of(module): example(module) for module in OWN} | {"b_table_calibration": calibration()}
    for name, collected in tables.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(collected))
    calls = "; ".join(f"render({n!r}, {str(tmp_path / n)!r} + '.json', {str(tmp_path)!r})" for n in tables)
    code = f"import sys; from entropyreg.rendering.tables import render; {calls}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & set(loaded) and (tmp_path / "b_table_perplexity.tex").exists()
