"""Finds a published set of images in a folder, in whatever container it lies; light, as Snakemake loads it.

`<data_dir>/<set>/` holds one container of the set:

| container | MNIST, Fashion-MNIST | CIFAR-10, CIFAR-100 |
|---|---|---|
| idx files | the four files, each plain or .gz | |
| python archive, python files | | `cifar-10-python.tar.gz`; what it holds, in its folder |
| binary archive, binary files | | `cifar-10-binary.tar.gz`; what it holds, in its folder |
| parquet files | `train-*.parquet`, `test-*.parquet` | the same |

Parquet files are those of Hugging Face, and may lie in the folder that they have there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from entropyreg.io.errors import UserError

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PARQUET = ("train-*.parquet", "test-*.parquet")
IN_DATA_DIR = {"imagenet"}  # never downloaded: it is read from `data_dir`, or an error asks for it


class Container(NamedTuple):
    """One way in which a set is packed: its files, all in one of the folders inside the folder of the set."""

    kind: str
    files: tuple[str, ...]  # names or patterns, in the order in which they are read
    folders: tuple[str, ...] = ("",)
    members: tuple[str, ...] = ()  # of an archive, those that are read

    @property
    def looked_for(self) -> str:
        """'the binary files (cifar-10-batches-bin/data_batch_1.bin and 5 more)'."""
        first, *others = self.files
        places = " or ".join(f"{folder}/{first}" if folder else first for folder in self.folders)
        return f"the {self.kind} ({places}{f' and {len(others)} more' if others else ''})"


class Found(NamedTuple):
    """A container in a folder, with the paths of its files; several where a pattern has several files."""

    container: Container
    place: Path
    paths: dict[str, tuple[Path, ...]]

    @property
    def files(self) -> list[Path]:
        return [path for paths in self.paths.values() for path in paths]


def mnist_like(folder: str) -> tuple[Container, ...]:
    """Containers of MNIST and Fashion-MNIST; Hugging Face has its files in `folder`."""
    return Container("idx files", IDX), Container("parquet files", PARQUET, ("", folder))


def packed_and_not(kind: str, archive: str, folder: str, names: tuple[str, ...]) -> tuple[Container, ...]:
    """An archive, and the files that are unpacked from it."""
    members = tuple(f"{folder}/{name}" for name in names)
    return Container(f"{kind} archive", (archive,), members=members), Container(f"{kind} files", names, (folder,))


BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CONTAINERS: dict[str, tuple[Container, ...]] = {
    "mnist": mnist_like("mnist"),
    "fashion_mnist": mnist_like("fashion_mnist"),
    "cifar10": (
        *packed_and_not("python", "cifar-10-python.tar.gz", "cifar-10-batches-py", BATCHES),
        *packed_and_not(
            "binary", "cifar-10-binary.tar.gz", "cifar-10-batches-bin", tuple(f"{name}.bin" for name in BATCHES)
        ),
        Container("parquet files", PARQUET, ("", "plain_text")),
    ),
    "cifar100": (
        *packed_and_not("python", "cifar-100-python.tar.gz", "cifar-100-python", ("train", "test")),
        *packed_and_not("binary", "cifar-100-binary.tar.gz", "cifar-100-binary", ("train.bin", "test.bin")),
        Container("parquet files", PARQUET, ("", "cifar100")),
    ),
}


def needed_image_sources(dataset: str) -> tuple[str, ...]:
    """Names of the files of data/sources.yaml that can be downloaded: those of the first container of a set."""
    if dataset not in CONTAINERS:
        return ()  # shipped, or only in `data_dir`
    suffix = ".gz" if CONTAINERS[dataset][0].files == IDX else ""
    return tuple(f"{dataset}/{name}{suffix}" for name in CONTAINERS[dataset][0].files)


def has_own(dataset: str, data_dir: str | Path | None) -> bool:
    """Whether the user's folder has a folder for a published set, which is then read and never downloaded."""
    return dataset in CONTAINERS and data_dir is not None and (Path(data_dir) / dataset).is_dir()


def find_container(dataset: str, data_dir: str | Path | None) -> Found:
    """The one container of a set in `<data_dir>/<dataset>/`; none, several or an incomplete one is a `UserError`."""
    looked_for = "; ".join(container.looked_for for container in CONTAINERS[dataset])
    if data_dir is None:
        raise UserError(f"data_dir is not set: give the folder that holds {dataset}/ with one of {looked_for}.")
    folder = Path(data_dir) / dataset
    found = [one for container in CONTAINERS[dataset] for one in _present(container, folder)]
    if not found:
        raise UserError(f"{folder} holds no file of {dataset}; looked for: {looked_for}.")
    if len(found) > 1:
        several = " and ".join(f"the {one.container.kind} ({one.files[0]})" for one in found)
        raise UserError(f"{folder} holds {dataset} more than once, as {several}: leave one of them there.")
    missing = [name for name, paths in found[0].paths.items() if not paths]
    if missing:
        raise UserError(f"{found[0].place} lacks {', '.join(missing)} of {dataset}'s {found[0].container.kind}.")
    return found[0]


def _present(container: Container, folder: Path) -> Iterator[Found]:
    for place in (folder / name for name in container.folders):
        paths = {name: tuple(_matching(place, name)) for name in container.files}
        if any(paths.values()):
            yield Found(container, place, paths)


def _matching(place: Path, name: str) -> list[Path]:
    """The files of a name or pattern; a plain file goes before the same one packed."""
    if "*" in name:
        return sorted(path for path in place.glob(name) if path.is_file())
    candidates = (place / name, place / f"{name}.gz") if name in IDX else (place / name,)
    return [path for path in candidates if path.is_file()][:1]
