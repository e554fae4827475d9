"""Columns in files give and take the rows that arrays would; what is written has the bytes of numpy's own npz."""

import numpy as np
import pytest

from entropyreg.io.columns import Column, StoredColumns, blocks, write_columns
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_npz, write_npz

ROWS = 3000


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return {
        "nll": generator.random(ROWS, np.float32),
        "share": generator.random((ROWS, 3), np.float32),
        "correct": generator.random(ROWS) > 0.5,
        "sentence": np.arange(ROWS, dtype=np.int32) // 7,
        "sum": generator.random(ROWS),
        "none": np.zeros(0, np.int64),
    }


def column_of(array, step=999):
    column = Column(array.dtype, array.shape[1:])
    for start in range(0, len(array), step):
        column.append(array[start : start + step])
    return column


def test_what_is_written_has_the_bytes_of_an_npz_of_arrays(arrays, tmp_path):
    scalars = {"size": 7, "mean": 0.5, "factors": [1, 0.1], "empty": []}
    write_npz(tmp_path / "arrays.npz", arrays | scalars)
    write_columns(tmp_path / "columns.npz", {name: column_of(array) for name, array in arrays.items()} | scalars)
    assert (tmp_path / "columns.npz").read_bytes() == (tmp_path / "arrays.npz").read_bytes()


def test_columns_larger_than_one_write_have_the_bytes_of_an_npz_of_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr("entropyreg.io.columns.WRITTEN_AT_ONCE", 1000)
    array = np.random.default_rng(1).integers(0, 9, (5000, 3))
    write_npz(tmp_path / "arrays.npz", {"a": array})
    write_columns(tmp_path / "columns.npz", {"a": column_of(array)})
    assert (tmp_path / "columns.npz").read_bytes() == (tmp_path / "arrays.npz").read_bytes()


def test_rows_put_anywhere_are_read_in_order(arrays):
    order = np.random.default_rng(2).permutation(ROWS)
    for array in (arrays["share"], arrays["nll"]):
        column = Column(array.dtype, array.shape[1:])
        column.resize(ROWS)
        for part in np.array_split(order, 11):
            column.put(part, array[part])
        assert (np.asarray(column) == array).all()


def test_blocks_are_the_rows_in_order_from_a_file_and_from_an_npz(arrays, tmp_path):
    arrays.pop("none")
    write_npz(tmp_path / "a.npz", arrays)
    for columns in ({name: column_of(array) for name, array in arrays.items()}, StoredColumns(tmp_path / "a.npz")):
        found = list(blocks(columns, 1024))
        assert [len(block["nll"]) for block in found] == [1024, 1024, 952]
        for name, array in arrays.items():
            assert (np.concatenate([block[name] for block in found]) == array).all()
            assert np.asarray(columns[name]).dtype == array.dtype


def test_two_readers_of_a_column_have_each_its_place(arrays):
    column = column_of(arrays["nll"])
    first, second = column.reader(), column.reader()
    first(10)
    assert (second(5) == arrays["nll"][:5]).all() and (first(5) == arrays["nll"][10:15]).all()


def test_rows_of_another_type_or_width_are_refused():
    with pytest.raises(ValueError, match=r"float64 \(\) for a column of float32 \(\)"):
        Column(np.float32).append(np.zeros(3))
    with pytest.raises(ValueError, match=r"\(2,\) for a column of float32 \(3,\)"):
        Column(np.float32, (3,)).append(np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("place", [0, 40, 300, -30])
def test_a_damaged_npz_is_named_whatever_is_read_of_it(arrays, tmp_path, place):
    path = tmp_path / "a.npz"
    write_npz(path, arrays)
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    for damaged in (bytes(content), bytes(content[: len(content) // 2]), b""):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.npz is missing or damaged \(.*\): delete it and run again\."):
            for name in (columns := StoredColumns(path)):
                np.asarray(columns[name])


def test_a_column_that_an_npz_lacks_is_named_as_arrays_name_it(arrays, tmp_path):
    write_npz(tmp_path / "a.npz", arrays)
    messages = []
    for read in (StoredColumns, read_npz):
        with pytest.raises(UserError) as error:
            read(tmp_path / "a.npz")["entropy"]
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_more_rows_than_there_are_is_damage(arrays, tmp_path):
    write_npz(tmp_path / "a.npz", arrays)
    take = StoredColumns(tmp_path / "a.npz")["nll"].reader()
    take(ROWS)
    with pytest.raises(UserError, match="damaged"):
        take(1)


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="damaged"):
        StoredColumns(tmp_path / "a.npz")["a"]
