"""Files are whole or absent, and their bytes depend on their content alone."""

import numpy as np
import pytest
import torch

from entropyreg.io.errors import UserError
from entropyreg.io.files import (
    arrays_sha256,
    atomic_path,
    read_json,
    read_npz,
    sha256_of,
    write_atomically,
    write_json,
    write_tensors,
)


def test_an_error_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]


def test_json_does_not_depend_on_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a", {"x": 1, "ä": [0.1]})
    write_json(tmp_path / "b", {"ä": [0.1], "x": 1})
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b")
    assert read_json(tmp_path / "a") == {"x": 1, "ä": [0.1]}


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", {"x": float("nan")})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("content", [b'{"x": 1', b"", b"\xff\xfe"])
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(UserError, match=r"record\.json is damaged"):
        read_json(tmp_path / "record.json")


def test_sha256_of_a_known_text(tmp_path):
    write_atomically(tmp_path / "abc", "abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_sum_of_arrays_is_of_their_content_and_not_of_the_zip(tmp_path):
    arrays = {"b": np.arange(6).reshape(2, 3), "a": np.array(["x", "yy"]), "c": np.array(1.5), "d": np.zeros((0, 2))}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **dict(reversed(arrays.items())))
    assert (tmp_path / "plain.npz").read_bytes() != (tmp_path / "packed.npz").read_bytes()
    wanted = arrays_sha256(arrays)
    assert {arrays_sha256(read_npz(tmp_path / name)) for name in ("plain.npz", "packed.npz")} == {wanted}
    changes = [
        {"b": arrays["b"].T},
        {"b": arrays["b"].astype(np.int32)},
        {"b": arrays["b"] + 1},
        {"a": np.array(["x", "yz"])},
    ]
    changes += [{"e": np.zeros(1)}, {"b": arrays["b"].reshape(3, 2)}]
    assert len({wanted, *(arrays_sha256(arrays | change) for change in changes)}) == 1 + len(changes)


def test_tensors_in_files_of_other_names_have_the_same_bytes(tmp_path):
    for name in ("model.pt", "another_name.pt"):
        generator = torch.Generator().manual_seed(1)
        write_tensors(tmp_path / name, {"seed1": {"weight": torch.randn(3, 4, generator=generator)}})
    assert sha256_of(tmp_path / "model.pt") == sha256_of(tmp_path / "another_name.pt")
    assert torch.load(tmp_path / "model.pt", weights_only=True)["seed1"]["weight"].shape == (3, 4)
