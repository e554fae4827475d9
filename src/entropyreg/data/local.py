"""A corpus of the user's own, split already: `<data_dir>/<folder>/{train,valid,test}.{language}`, plain or .gz."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from entropyreg.data.pairs import BENCHMARK, PlacedPair
from entropyreg.data.parallel_text import read_parallel
from entropyreg.data.sources import content_sha256
from entropyreg.data.split import SPLITS
from entropyreg.io.errors import UserError


class SplitFolder:
    """A corpus under `<data_dir>/<folder>` that is split already; its texts are whatever the user put there."""

    treatment = BENCHMARK
    hold_out_every = None

    def __init__(self, data_dir: str | Path | None, folder: str, languages: tuple[str, str]) -> None:
        """Find every file; no sum is known to check them against, so `sha256` only records what they are."""
        self.languages = languages
        self.paths = find_files(data_dir, folder, names_of(languages))
        self.sha256 = {name: content_sha256(path) for name, path in self.paths.items()}

    def __iter__(self) -> Iterator[PlacedPair]:
        for split in SPLITS:
            for source, target in read_parallel([self.paths[f"{split}.{language}"] for language in self.languages]):
                yield PlacedPair(split, source, target, split)


def names_of(languages: Sequence[str]) -> list[str]:
    """Names of the six files of a corpus; nothing else in its folder belongs to it."""
    return [f"{split}.{language}" for split in SPLITS for language in languages]


def present_files(folder: Path, wanted: Sequence[str]) -> dict[str, Path]:
    """Paths of those of the wanted files that are there, plain or else .gz."""
    candidates = ((name, path) for name in wanted for path in (folder / f"{name}.gz", folder / name))
    return {name: path for name, path in candidates if path.is_file()}  # plain comes last, and stays


def find_files(data_dir: str | Path | None, corpus: str, wanted: Sequence[str]) -> dict[str, Path]:
    """Paths of the wanted files of `<data_dir>/<corpus>/`, plain or .gz; all that is missing is told at once."""
    layout = f"{corpus}/ needs {', '.join(f'{name}[.gz]' for name in wanted)}"
    if data_dir is None:
        raise UserError(f"data_dir is not set: give the folder that holds {corpus}/; {layout}.")
    folder = Path(data_dir) / corpus
    if not folder.is_dir():
        raise UserError(f"data_dir is {str(data_dir)!r}, but there is no folder {folder}; {layout}.")
    found = present_files(folder, wanted)
    missing = [f"{name}[.gz]" for name in wanted if name not in found]
    if missing:
        raise UserError(f"data_dir is {str(data_dir)!r}, but {folder} lacks {', '.join(missing)}; {layout}.")
    return found
