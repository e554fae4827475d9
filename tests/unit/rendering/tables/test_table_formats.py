"""The writers: escaping, rounding, what stands under a table."""

import csv
import io

import pytest

from entropyreg.rendering.tables.collected import missing_text, scale_line, seeds_text
from entropyreg.rendering.tables.formats import (
    Cell,
    Note,
    Section,
    Table,
    csv_text,
    latex,
    markdown,
    to_latex,
    to_markdown,
)
from entropyreg.rendering.tables.legend import Legend, letter, split


def test_latex_escapes_every_special_character():
    assert latex(r"50% of A&B_c #1 {x} $ ~ ^ \n") == (
        r"50\% of A\&B\_c \#1 \{x\} \$ \textasciitilde{} \textasciicircum{} \textbackslash{}n"
    )
    assert latex("1 ± 2") == r"1 $\pm$ 2"


def test_markdown_escapes_markup_and_line_breaks():
    assert markdown("a|b *c* _d_ <e>\nf") == r"a\|b \*c\* \_d\_ \<e\> f"


def test_csv_quotes_and_rounds():
    text = csv_text(["a", "b", "c", "d"], [['x, "y"', 0.1 + 0.2, None, -0.0000001]])
    assert text == 'a,b,c,d\n"x, ""y""",0.3,,0.0\n'
    assert next(csv.DictReader(io.StringIO(text)))["a"] == 'x, "y"'


def test_letters_go_on_after_z():
    assert [letter(n) for n in (0, 25, 26, 27, 52)] == ["a", "z", "aa", "ab", "ba"]


def test_remarks_share_a_letter_for_the_same_text():
    legend = Legend()
    assert [legend.mark(text) for text in ("one", "two", "one")] == ["a", "b", "a"]
    assert legend.notes() == (Note("one", mark="a"), Note("two", mark="b"))


@pytest.mark.parametrize(
    ("reason", "word", "meaning"),
    [
        ("not run at demo scale", "not run", "not run at demo scale"),
        ("not run: no run is declared", "not run", "no run is declared"),
        ("failed: CUDA error: out of memory", "failed", "CUDA error: out of memory"),
        ("no record of this seed yet", "no record", "no record of this seed yet"),
        ("needs seeds: more than one", "needs seeds", "more than one"),
        ("measured under other claims", "other claims", "measured under other claims"),
    ],
)
def test_a_reason_is_a_word_and_what_it_means(reason, word, meaning):
    assert split(reason) == (word, meaning)


def test_a_word_is_explained_once_with_all_its_meanings():
    legend = Legend()
    reasons = ("failed: a", "not run at demo scale", "failed: b", "failed: a", "unknown kind")
    assert [legend.missing(reason).text for reason in reasons] == [
        "failed",
        "not run",
        "failed",
        "failed",
        "unknown kind",
    ]
    assert [note.text for note in legend.notes()] == ["failed: a; b", "not run: not run at demo scale"]


def test_a_small_table_in_full():
    section = Section("T_1", "", (("", 1), ("ours", 1)), (Cell("row"), Cell("x")), ((Cell("a"), Cell("-1", ("a",))),))
    table = Table("t", "Title", "demo", (section,), (Note("why", mark="a"), Note("sig:", code="a|b")), (), ())
    assert to_markdown(table) == (
        "# Title\n\n**demo**\n\n## T\\_1\n\n| row |          ours x |\n| :-- | --------------: |\n"
        "| a   | -1 <sup>a</sup> |\n\n- <sup>a</sup> why\n- sig: `a|b`\n"
    )
    assert "a & $-$1\\textsuperscript{a} \\\\\n" in to_latex(table)
    assert "sig: \\texttt{a\\textbar{}b}\\par\n" in to_latex(table)


def run(status="done", seed=1, strength=1.0, reason=None):
    return {
        **{"column": "c", "model": "m", "skew": 0.5, "strength": strength, "baseline": "uniform", "seed": seed},
        **{"status": status, "reason": reason},
    }


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([], "no finished run"),
        ([run()], "1 seed"),
        ([run(), run(seed=2)], "2 seeds"),
        ([run(), run(seed=2), run(strength=2.0)], "1 to 2 seeds"),
        ([run(), run("missing", seed=2)], "1 seed"),
    ],
)
def test_seeds_are_counted_by_arm(runs, text):
    assert seeds_text(runs) == text


def test_missing_runs_are_counted_by_kind():
    runs = [run(), run("missing", reason="failed: x"), run("missing", reason="failed: y"), run("missing", reason="no")]
    assert missing_text(runs) == "3 of 4 runs missing (failed: 2, no: 1)"
    assert missing_text([run()]) == ""


def test_scale_line():
    content = {"scale": "demo", "scale_note": "demo scale: tiny", "rows": [run()]}
    assert scale_line(content) == "demo scale, 1 seed: tiny"
    assert scale_line(content | {"scale_note": ""}) == "demo scale, 1 seed"
    assert (
        scale_line(content | {"scale": "smoke", "scale_note": "x"}) == "SMOKE: means nothing (smoke scale, 1 seed; x)"
    )
