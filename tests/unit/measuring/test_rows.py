"""Rows hold all that a record measured: committed records come back to the last digit, nothing undeclared enters."""

from pathlib import Path

import pytest

from entropyreg.io.errors import UserError
from entropyreg.measures.catalogue import DECLARED, MEASURES
from entropyreg.measuring.nested import rows_of
from entropyreg.measuring.record_files import ABOUT, FILES, read_record, record_folders, write_record
from entropyreg.measuring.rows import FILE, Row, at, places_of, read_rows, write_rows

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
COMMITTED = [folder for scale in sorted(REFERENCE.glob("*/runs")) for folder in record_folders(scale)]
ROWS = [
    Row(1, "valid", "bleu", "beam=5", 15.668823270393663),
    Row(1, "valid", "n_tokens", "", 6212),
    Row(1, "valid", "temperature_at_bound", "fit=ece_all", False),
    Row(1, "valid", "accuracy", "fit=ece_all;bin=0"),
    Row(2, "train", "scatter_ratio", "", 1e-05, 5e-324, 1.0),
    Row(2, "test", "share_below", "threshold=e^-10", 0.5, standard_error=0.25),
]


def test_committed_records_are_written_again_with_the_same_bytes(tmp_path):
    assert len(COMMITTED) == 80
    for number, folder in enumerate(COMMITTED):
        write_record(tmp_path / str(number), read_record(folder))
        for name in FILES:
            assert (tmp_path / str(number) / name).read_bytes() == (folder / name).read_bytes(), folder


def test_rows_are_read_as_they_were_written(tmp_path):
    write_rows(tmp_path / FILE, ROWS)
    found = read_rows(tmp_path / FILE)
    assert found == ROWS
    assert [type(row.value) for row in found] == [type(row.value) for row in ROWS]


def test_the_text_of_rows(tmp_path):
    write_rows(tmp_path / FILE, ROWS[:4])
    assert (tmp_path / FILE).read_text() == (
        "seed,split,measure,at,value,low,high,standard_error\n"
        "1,valid,bleu,beam=5,15.668823270393663,,,\n"
        "1,valid,n_tokens,,6212,,,\n"
        "1,valid,temperature_at_bound,fit=ece_all,false,,,\n"
        "1,valid,accuracy,fit=ece_all;bin=0,,,,\n"
    )


def test_places_are_text_and_back():
    assert at(temperature=1.0) == "temperature=1"
    assert at(fit="ece_all", bin=3) == "fit=ece_all;bin=3"
    assert at(temperature=1.0000000001) == "temperature=1.0000000001"
    assert places_of("fit=ece_all;bin=3") == {"fit": "ece_all", "bin": "3"}
    assert places_of("") == {}


def test_an_undeclared_measure_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^loveliness is no measure of measures\.catalogue: declare it there\.$"):
        write_rows(tmp_path / FILE, [Row(1, "valid", "loveliness", "", 1.0)])


def test_an_undeclared_place_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^mood is no place of measures\.catalogue: declare it there\.$"):
        write_rows(tmp_path / FILE, [Row(1, "valid", "nll", "mood=good", 1.0)])


def test_a_number_of_no_declared_measure_is_refused():
    with pytest.raises(UserError, match=r"^measures\.valid\.of_men\.loveliness is of no declared measure\.$"):
        rows_of({"seed": 1, "measures": {"valid": {"of_men": {"loveliness": 1.0}}}})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_not_written(value, tmp_path):
    with pytest.raises(ValueError, match="not a finite number"):
        write_rows(tmp_path / FILE, [Row(1, "valid", "nll", "", value)])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "its first line is not seed,split"),
        ("seed,split\n", "its first line is not seed,split"),
        ("{header}1,valid,nll,,3.5,,\n", "a line has 7 fields, not 8"),
        ("{header}one,valid,nll,,3.5,,,\n", "invalid literal for int"),
        ("{header}1,valid,nll,,3.5x,,,\n", "could not convert string to float: '3.5x'"),
        ("{header}1,valid,nll,,nan,,,\n", "nan is no measured number"),
    ],
)
def test_a_damaged_file_is_named(content, told, tmp_path):
    path = tmp_path / FILE
    path.write_text(content.replace("{header}", ",".join(Row._fields) + "\n"))
    with pytest.raises(UserError) as error:
        read_rows(path)
    assert str(error.value).startswith(f"{path} is damaged ({told}") and "delete it and run again" in str(error.value)


def test_a_run_has_its_files_and_the_one_that_says_it_is_measured_comes_last(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr("entropyreg.measuring.record_files.write_json", lambda path, value: written.append(path.name))
    write_record(tmp_path, {"run": "t/m/none/seed1", "seed": 1, "measures": {"valid": {"nll": 3.5}}})
    assert written[-1] == ABOUT and set(written) | {FILE} == set(FILES)


def test_every_measure_is_declared_once_with_its_meaning():
    assert len(MEASURES) == len(DECLARED)
    for measure in DECLARED:
        assert measure.meaning and measure.better in ("", "higher", "lower")
        assert format(3, measure.form)
