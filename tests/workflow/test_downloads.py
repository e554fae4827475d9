"""Raw archives through the real DAG, without a network: a download is linked, the user's own file comes first."""

import io
import json
import re
import tarfile

import pytest

from entropyreg.images.data.containers import BATCHES

pytestmark = pytest.mark.slow
ARCHIVE = "mttt/multitarget-ted.tgz"
SIZES = {"train": 40, "dev": 1958, "test1": 1982}  # as published, which is checked
SUMMARY = "results/paper/data/mttt_fr_en/text/summary.json"


def write_archive(path):
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, n_lines in SIZES.items():
            for language in ("fr", "en"):
                content = "".join(f"{language} {number}\n" for number in range(n_lines)).encode()
                info = tarfile.TarInfo(f"multitarget-ted/en-fr/raw/ted_{name}_en-fr.raw.{language}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


def prepare(snakemake, folder, *options):
    return snakemake(folder, "--config", "scale=paper", "offline=true", *options, "--", SUMMARY)


def test_a_download_is_linked_and_prepared_and_then_no_longer_needed(snakemake, tmp_path):
    download = tmp_path / "cache" / ARCHIVE
    write_archive(download)
    done = prepare(snakemake, tmp_path, "download_dir=cache")
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((tmp_path / SUMMARY).read_text())
    assert {split: counts["pairs"] for split, counts in summary["splits"].items()} == {
        **{"train": 40, "valid": 1958, "test": 1982}
    }
    linked = tmp_path / "results/paper/sources" / ARCHIVE
    assert linked.readlink().as_posix() == "../../../../cache/mttt/multitarget-ted.tgz"
    assert (tmp_path / "cache" / f"{ARCHIVE}.pin.json").is_file()
    download.unlink()
    done = prepare(snakemake, tmp_path, "download_dir=cache")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "source, made",
    [
        (ARCHIVE, SUMMARY),
        ("cifar10/cifar-10-python.tar.gz", "results/paper/data/cifar10/images/summary.json"),
        ("mnist/t10k-labels-idx1-ubyte.gz", "results/paper/data/mnist/images/summary.json"),
    ],
)
def test_a_link_to_a_download_that_was_deleted_is_made_again(snakemake, tmp_path, source, made):
    linked = tmp_path / "results/paper/sources" / source
    linked.parent.mkdir(parents=True)
    linked.symlink_to("../../../../cache/deleted")
    done = snakemake(tmp_path, "--dry-run", "--config", "scale=paper", "--", made)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert re.search(r"^download_source +[14]$", done.stdout, re.MULTILINE)  # of mnist, all four files


def test_the_users_own_archive_is_read_where_it_lies(snakemake, tmp_path):
    write_archive(tmp_path / "own" / ARCHIVE)
    done = prepare(snakemake, tmp_path, "data_dir=own")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "download_source" not in done.stdout + done.stderr
    assert not (tmp_path / "results/paper/sources").exists()


IMAGES = "results/paper/data/cifar10/images/summary.json"


@pytest.mark.parametrize(
    "names",
    [
        ["cifar-10-binary.tar.gz"],
        [f"cifar-10-batches-bin/{name}.bin" for name in BATCHES],
        ["plain_text/train-00000-of-00001.parquet", "plain_text/test-00000-of-00001.parquet"],
    ],
)
def test_the_users_own_images_are_read_from_any_container(snakemake, tmp_path, names):
    for name in names:
        path = tmp_path / "own" / "cifar10" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"looked at when it is prepared")
    done = snakemake(tmp_path, "--dry-run", "--quiet", "host", "--config", "scale=paper", "data_dir=own", "--", IMAGES)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "download_source" not in done.stdout
    listed = re.search(r"rule prepare_images:\n    input: (.*)", done.stdout)[1].split(", ")
    assert sorted(listed) == sorted(f"own/cifar10/{name}" for name in names)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["notes.txt"],
            "own/cifar10 holds no file of cifar10; looked for: the python archive (cifar-10-python.tar.gz);",
        ),
        (
            ["cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"],
            "own/cifar10 holds cifar10 more than once, as the python",
        ),
        (["test-00000-of-00001.parquet"], "own/cifar10 lacks train-*.parquet of cifar10's parquet files."),
    ],
)
def test_a_folder_of_images_without_one_container_is_refused_at_once(snakemake, tmp_path, names, told):
    for name in names:
        path = tmp_path / "own" / "cifar10" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    done = snakemake(tmp_path, "--dry-run", "--config", "scale=paper", "data_dir=own", "--", IMAGES)
    assert done.returncode != 0 and told in done.stdout + done.stderr, (done.stdout + done.stderr)[-3000:]
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr


def test_a_file_missing_offline_is_reported_with_its_place(snakemake, tmp_path):
    done = prepare(snakemake, tmp_path, "download_dir=cache")
    assert done.returncode != 0
    assert "put it under data_dir as mttt/multitarget-ted.tgz, or at cache/mttt/multitarget-ted.tgz" in done.stderr
    assert "Traceback" not in done.stderr
