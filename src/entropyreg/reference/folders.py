"""Where the reference of a scale lies, and the sums of its files in the format of `sha256sum`."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from entropyreg.io.errors import UserError
from entropyreg.io.files import sha256_of, write_atomically

SUMS = "SHA256SUMS"


class Reference(NamedTuple):
    """The two folders of a scale."""

    results: Path
    figures: Path

    @classmethod
    def of(cls, scale: str, root: Path) -> "Reference":
        return cls(root / "results" / "reference" / scale, root / "paper_figures" / "reference" / scale)

    def files(self) -> Iterator[tuple[str, Path]]:
        """(name, path) of every file but the sums: 'results/tables/x.json', 'paper_figures/x.svg'."""
        for name, folder in (("results", self.results), ("paper_figures", self.figures)):
            for path in sorted(folder.glob("**/*")):
                if path.is_file() and path.name != SUMS:
                    yield f"{name}/{path.relative_to(folder)}", path

    def write_sums(self) -> int:
        """Write the sums; return the number of files."""
        lines = [f"{sha256_of(path)}  {name}\n" for name, path in self.files()]
        write_atomically(self.results / SUMS, "".join(lines))
        return len(lines)

    def changed(self) -> list[str]:
        """Sentences on files that are not what the sums say; raises `UserError` without sums."""
        path = self.results / SUMS
        if not path.is_file():
            raise UserError(f"{path} is missing: this scale has no reference.")
        listed = dict(reversed(line.split("  ", 1)) for line in path.read_text(encoding="utf-8").splitlines())
        found = {name: sha256_of(path) for name, path in self.files()}
        told = [f"{name} is missing" for name in listed if name not in found]
        told += [f"{name} is not in {SUMS}" for name in found if name not in listed]
        return told + [f"{name} was changed" for name in listed if name in found and found[name] != listed[name]]
