"""A published set gives the same prepared file from every container, and is refused unless its content is right."""

import hashlib
import pickle
import shutil

import numpy as np
import pytest
from made_images import KINDS, Batch, made, python2_pickle, write, write_parquet

from entropyreg.images.data.cifar import load_pickle
from entropyreg.images.data.containers import CONTAINERS, IDX
from entropyreg.images.data.preparation import prepare_images
from entropyreg.images.data.published import PUBLISHED
from entropyreg.images.data.sources import read_image_set
from entropyreg.io.errors import UserError
from entropyreg.io.files import read_json

EVERY = [(dataset, kind) for dataset, kinds in KINDS.items() for kind in kinds]


@pytest.fixture
def tiny(monkeypatch):
    """Makes a tiny set of a name, whose sums then count as the published ones."""

    def make(dataset, seed=0):
        one = made(dataset, np.random.default_rng(seed))
        monkeypatch.setitem(PUBLISHED, dataset, PUBLISHED[dataset]._replace(sums=one.known()))
        return one

    return make


def prepared(dataset, data_dir, out):
    split = {"validation": 2, "train": None, "test": None, "seed": 0}
    prepare_images({"dataset": dataset, "split": split}, out, str(data_dir))
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.parametrize("dataset", KINDS)
def test_every_container_gives_the_same_prepared_bytes(tiny, tmp_path, dataset):
    one, files = tiny(dataset), {}
    for kind in KINDS[dataset]:
        write(one, kind, tmp_path / kind)
        files[kind] = prepared(dataset, tmp_path / kind, tmp_path / f"{kind} prepared")
        assert read_json(tmp_path / f"{kind} prepared" / "provenance.json") == {"container": kind}
    for name in ("images.npz", "summary.json"):
        assert len({own[name] for own in files.values()}) == 1
    assert set(files[KINDS[dataset][0]]) == {"images.npz", "summary.json", "provenance.json"}


@pytest.mark.parametrize(("dataset", "kind"), EVERY)
def test_images_and_labels_come_back_in_the_published_order(tiny, tmp_path, dataset, kind):
    one = tiny(dataset)
    write(one, kind, tmp_path)
    read = read_image_set(dataset, tmp_path)
    for part, batches in ((read.train, one.train.values()), (read.test, one.test.values())):
        np.testing.assert_array_equal(part.images, np.concatenate([batch.images for batch in batches]))
        np.testing.assert_array_equal(part.labels, np.concatenate([batch.labels[:, -1] for batch in batches]))
        assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int64)


def test_idx_files_are_read_packed_or_not_and_the_plain_one_comes_first(tiny, tmp_path):
    one = tiny("mnist")
    write(one, "idx files", tmp_path / "plain", packed=False)
    write(one, "idx files", tmp_path / "packed")
    shutil.copytree(tmp_path / "plain", tmp_path / "both")
    for name in IDX:
        (tmp_path / "both" / "mnist" / f"{name}.gz").write_bytes(b"not looked at")
    read = [prepared("mnist", tmp_path / name, tmp_path / f"{name} out") for name in ("plain", "packed", "both")]
    assert read[0] == read[1] == read[2]


def test_the_published_files_are_named_with_sums_of_the_right_form():
    assert set(PUBLISHED) == set(CONTAINERS)
    known = [one for published in PUBLISHED.values() for split in published.sums.values() for one in split.values()]
    assert len(set(known)) == len(known) == 16 and {len(one) for one in known} == {32, 64}
    assert [len(published.classes) for published in PUBLISHED.values()] == [10, 10, 10, 100]
    assert list(PUBLISHED["cifar100"].classes) == sorted(set(PUBLISHED["cifar100"].classes))


@pytest.mark.parametrize(("dataset", "kind"), EVERY)
def test_another_pixel_is_refused(tiny, tmp_path, dataset, kind):
    one = tiny(dataset)
    for images, _ in one.test.values():
        images[1, 0, 5, 5] ^= 1  # the sums are those of before
    write(one, kind, tmp_path)
    with pytest.raises(UserError, match=rf"{dataset}.* does not hold the published .*: expected .* found .*; fetch"):
        read_image_set(dataset, tmp_path)


@pytest.mark.parametrize("dataset", ["cifar10", "mnist"])
def test_images_in_another_order_are_refused(tiny, tmp_path, dataset):
    one = tiny(dataset)
    name, (images, labels) = next(iter(one.train.items()))
    one.train[name] = Batch(images[::-1], labels[::-1])
    write(one, "parquet files", tmp_path)
    with pytest.raises(UserError, match="does not hold the published"):
        read_image_set(dataset, tmp_path)


def test_a_batch_that_is_there_twice_is_refused(tiny, tmp_path):
    one = tiny("cifar10")
    one.train["data_batch_5.bin"] = one.train["data_batch_1.bin"]
    write(one, "parquet files", tmp_path)
    with pytest.raises(UserError, match=r"does not hold the published data_batch_5\.bin"):
        read_image_set("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("dataset", "looked_for"),
    [
        (
            "mnist",
            "the idx files (train-images-idx3-ubyte and 3 more); "
            "the parquet files (train-*.parquet or mnist/train-*.parquet and 1 more)",
        ),
        (
            "cifar100",
            "the python archive (cifar-100-python.tar.gz); the python files (cifar-100-python/train and 1 more); "
            "the binary archive (cifar-100-binary.tar.gz); the binary files (cifar-100-binary/train.bin and 1 more); "
            "the parquet files (train-*.parquet or cifar100/train-*.parquet and 1 more)",
        ),
    ],
)
def test_a_folder_with_none_says_what_was_looked_for(tmp_path, dataset, looked_for):
    folder = tmp_path / dataset
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError) as error:
        read_image_set(dataset, tmp_path)
    assert str(error.value) == f"{folder} holds no file of {dataset}; looked for: {looked_for}."


@pytest.mark.parametrize("data_dir", [None, "absent"])
def test_a_missing_folder_says_what_was_looked_for(tmp_path, data_dir):
    with pytest.raises(UserError, match=r"looked for: |one of .*cifar-10-batches-bin/data_batch_1\.bin and 5 more"):
        read_image_set("cifar10", data_dir and tmp_path / data_dir)


def test_several_containers_are_refused_by_their_names(tiny, tmp_path):
    one = tiny("cifar10")
    for kind in ("python archive", "binary files"):
        write(one, kind, tmp_path)
    with pytest.raises(UserError) as error:
        read_image_set("cifar10", tmp_path)
    folder = tmp_path / "cifar10"
    assert str(error.value) == (
        f"{folder} holds cifar10 more than once, as the python archive ({folder}/cifar-10-python.tar.gz) and the "
        f"binary files ({folder}/cifar-10-batches-bin/data_batch_1.bin): leave one of them there."
    )


@pytest.mark.parametrize(("dataset", "kind"), [one for one in EVERY if not one[1].endswith("archive")])
def test_a_missing_file_is_named(tiny, tmp_path, dataset, kind):
    folder = write(tiny(dataset), kind, tmp_path)
    lost = sorted(path for path in folder.rglob("*") if path.is_file())[0]
    lost.unlink()
    name = "test-*.parquet" if kind == "parquet files" else lost.name.removesuffix(".gz")
    with pytest.raises(UserError) as error:
        read_image_set(dataset, tmp_path)
    assert str(error.value) == f"{lost.parent} lacks {name} of {dataset}'s {kind}."


@pytest.mark.parametrize("kind", ["python archive", "binary archive"])
def test_an_archive_without_a_part_is_refused(tiny, tmp_path, kind):
    one = tiny("cifar10")
    del one.train["data_batch_3.bin"]
    write(one, kind, tmp_path)
    with pytest.raises(UserError, match=r"has no member cifar-10-batches-\w+/data_batch_3"):
        read_image_set("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cell: {"bytes": None, "path": "x"}, r"row 11 of .*train-0.* is not a whole PNG file"),
        (lambda cell: {"bytes": cell["bytes"][:40], "path": "x"}, "row 11 of .* is not a whole PNG file"),
        (lambda cell: {"bytes": b"GIF89a", "path": "x"}, "row 11 of .* is not a whole PNG file"),
    ],
)
def test_an_image_of_parquet_that_is_none_is_named_by_its_row(tiny, tmp_path, change, message):
    import pyarrow
    from pyarrow import parquet

    folder = write(tiny("mnist"), "parquet files", tmp_path)
    path = folder / "mnist" / "train-00000-of-00001.parquet"
    rows = parquet.read_table(path).to_pylist()
    rows.append(rows[0] | {"image": change(rows[0]["image"])})
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    with pytest.raises(UserError, match=message):
        read_image_set("mnist", tmp_path)


@pytest.mark.parametrize("label", [256, -1, None, "x"])
def test_labels_of_parquet_that_are_no_bytes_are_refused(tiny, tmp_path, label):
    one = tiny("cifar100")
    published = PUBLISHED["cifar100"]
    labels = np.full((3, 2), label, dtype=object)
    write(one, "parquet files", tmp_path)
    batches = [Batch(one.train["train.bin"].images, labels)]
    write_parquet(tmp_path / "cifar100" / "cifar100" / "train-00000-of-00001.parquet", batches, published)
    with pytest.raises(UserError, match=r"train-00000.* does not hold CIFAR's images and labels"):
        read_image_set("cifar100", tmp_path)


def test_parquet_without_a_column_is_refused_by_its_name(tiny, tmp_path):
    one = tiny("cifar100")
    write(one, "parquet files", tmp_path)
    published = PUBLISHED["cifar100"]._replace(labels=("coarse_label", "other"))
    path = tmp_path / "cifar100" / "cifar100" / "train-00000-of-00001.parquet"
    write_parquet(path, list(one.train.values()), published)
    with pytest.raises(UserError, match="has no column 'fine_label'; it needs img, coarse_label, fine_label"):
        read_image_set("cifar100", tmp_path)


class Touch:
    """Unpickled by the standard unpickler, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_malicious_pickle_runs_no_code(tmp_path):
    content = pickle.dumps({b"data": Touch(tmp_path / "made")}, 2)
    with pytest.raises(UserError, match="numpy arrays alone"):
        load_pickle(content, "batch")
    assert not (tmp_path / "made").exists()
    pickle.loads(content)[b"data"].close()
    assert (tmp_path / "made").exists()  # the attack is real


@pytest.mark.parametrize("dump", [python2_pickle, lambda value: pickle.dumps(value, protocol=4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_old_and_new_numpy_are_read(dump, order):
    values = np.asarray(np.arange(6, dtype=np.uint8).reshape(2, 3), order=order)
    read = load_pickle(dump({b"data": values, b"labels": [7]}), "batch")
    assert read[b"data"].values.tolist() == values.tolist()
    assert read[b"labels"] == [7]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x80\x02}q", b"hello"),
        python2_pickle({b"data": np.arange(3)}),
        python2_pickle({b"data": np.array([object])}),
        b"\x80\x02]r\xff\xff\xff\xff0",  # an object with the number 4294967295, for which C's unpickler has no memory
    ],
)
def test_damaged_pickles_and_other_arrays_are_refused(content):
    with pytest.raises(UserError, match=r"^batch is not a whole pickle of CIFAR's \(.+\): fetch it again\.$"):
        load_pickle(content, "batch")


@pytest.mark.slow
def test_the_real_cifar10_is_the_same_from_every_container(tmp_path, real_cifar10):
    """The plain files are the published ones; the other containers are made from them here."""
    read = read_image_set("cifar10", real_cifar10.parent)
    digests = {digest_of(read)}
    assert read.train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]  # of data_batch_1, as published
    one = made("cifar10", np.random.default_rng(0))
    for split, part in ((one.train, read.train), (one.test, read.test)):
        images, labels = (np.split(values, len(split)) for values in (part.images, part.labels[:, None]))
        for name, *batch in zip(list(split), images, labels, strict=True):
            split[name] = Batch(*batch)
    for kind in ("python files", "binary archive", "parquet files"):
        shutil.rmtree(tmp_path / "cifar10", ignore_errors=True)
        write(one, kind, tmp_path)
        digests.add(digest_of(read_image_set("cifar10", tmp_path)))
    assert len(digests) == 1


@pytest.mark.slow
def test_the_real_mnist_is_the_same_from_every_container(tmp_path, real_mnist):
    read = read_image_set("mnist", real_mnist.parent)
    one = made("mnist", np.random.default_rng(0))
    one.train["train"], one.test["t10k"] = (
        Batch(part.images, part.labels[:, None]) for part in (read.train, read.test)
    )
    write(one, "parquet files", tmp_path)
    assert digest_of(read_image_set("mnist", tmp_path)) == digest_of(read)


def digest_of(read):
    digest = hashlib.sha256()
    for part in (read.train, read.test):
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()
