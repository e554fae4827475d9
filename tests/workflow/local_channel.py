"""A conda channel on this disk that holds `python` and `pip`: enough for the environments in envs/.

`python` is this interpreter, wrapped as a virtual environment would wrap it (pyvenv.cfg and links), `pip` a copy of an
installed one. Packages have conda's format of version 1 (a .tar.bz2 with info/index.json and info/paths.json), indexed
by a repodata.json. What this does not show: that conda-forge itself holds, and gives, a python and a pip that work.
"""

import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

PLATFORM = "linux-64"


class Package:
    """A package archive in the making: files and links, then the metadata that conda wants."""

    def __init__(self, folder: Path, name: str, version: str, build: str, **index: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}-{version}-{build}.tar.bz2"
        self.index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], **index}
        self.entries: list[tuple[tarfile.TarInfo, bytes]] = []
        self.paths: list[dict[str, object]] = []

    def _write(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        self.entries.append((entry, content))

    def file(self, name: str, content: bytes) -> None:
        self._write(name, content)
        digest = {"sha256": hashlib.sha256(content).hexdigest(), "size_in_bytes": len(content)}
        self.paths.append({"_path": name, "path_type": "hardlink", **digest})

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self.entries.append((entry, b""))
        digest = hashlib.sha256(Path(target).resolve().read_bytes() if Path(target).is_absolute() else b"")
        self.paths.append({"_path": name, "path_type": "softlink", "sha256": digest.hexdigest(), "size_in_bytes": 0})

    def close(self, **further: object) -> dict[str, dict]:
        """Finish the archive; returns {its name: its entry in the index of the channel}."""
        for name, content in {
            "index": self.index,
            "paths": {"paths": self.paths, "paths_version": 1},
            **further,
        }.items():
            self._write(f"info/{name}.json", json.dumps(content, indent=1).encode())
        self._write("info/files", "".join(f"{path['_path']}\n" for path in self.paths).encode())
        with tarfile.open(self.path, "w:bz2") as archive:
            for entry, content in self.entries:
                archive.addfile(entry, io.BytesIO(content))
        content = self.path.read_bytes()
        sums = {name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha256")}
        return {self.path.name: {**self.index, **sums, "size": len(content)}}


def pack_python(folder: Path) -> dict[str, dict]:
    """`python`: links to this interpreter, and the file by which it knows an environment of its own."""
    base = Path(sys._base_executable).resolve()
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    package = Package(folder, "python", platform.python_version(), "0_wrapped", subdir=PLATFORM)
    package.link(f"bin/{short}", str(base))
    package.link("bin/python", short)
    package.link("bin/python3", short)
    home = f"home = {base.parent}\ninclude-system-site-packages = false\nversion = {platform.python_version()}\n"
    package.file("pyvenv.cfg", home.encode())
    package.file(f"lib/{short}/site-packages/README.txt", b"Packages of this environment.\n")
    return package.close()


def pack_pip(folder: Path, site_packages: Path) -> dict[str, dict]:
    """`pip`: the one that is installed in `site_packages`, for every platform and Python."""
    (metadata,) = site_packages.glob("pip-*.dist-info")
    version = metadata.name.removeprefix("pip-").removesuffix(".dist-info")
    package = Package(folder, "pip", version, "0_copied", subdir="noarch", noarch="python", depends=["python >=3.9"])
    for source in sorted([*(site_packages / "pip").rglob("*"), *metadata.rglob("*")]):
        if source.is_file() and "__pycache__" not in source.parts and source.name not in ("RECORD", "REQUESTED"):
            package.file(f"site-packages/{source.relative_to(site_packages).as_posix()}", source.read_bytes())
    entry_points = {"type": "python", "entry_points": ["pip = pip._internal.cli.main:main"]}
    return package.close(link={"noarch": entry_points, "package_metadata_version": 1})


def build_channels(folder: Path, site_packages: Path) -> None:
    """`folder/conda-forge` with both packages, and an empty `folder/nodefaults`."""
    python, noarch = folder / "conda-forge" / PLATFORM, folder / "conda-forge" / "noarch"
    write_index(python, pack_python(python))
    write_index(noarch, pack_pip(noarch, site_packages))
    for subfolder in (PLATFORM, "noarch"):
        write_index(folder / "nodefaults" / subfolder, {})


def write_index(folder: Path, packages: dict[str, dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    index = {"info": {"subdir": folder.name}, "packages": packages, "packages.conda": {}, "repodata_version": 1}
    (folder / "repodata.json").write_text(json.dumps(index, indent=1))
