"""Builds and caches the library of `cpp/`, independently of what it computes.

The library is built for this very processor, so its name holds a hash of the sources, the flags, the compiler and the
processor: machines that share a home directory keep their own. It lies in `$XDG_CACHE_HOME/entropyreg` (default
`~/.cache/entropyreg`), or, where that cannot be written or is not the user's own, is built anew by every process.
Two processes that build at once each write a file of their own and rename it, so neither sees half a file. Beside it
lies its SHA-256; a library that does not have that sum (a full disk, a power cut) is not loaded but built again.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from entropyreg.io.files import write_atomically

SOURCES = Path(__file__).with_name("cpp")
COMPILERS = ("c++", "g++", "clang++")  # tried if the environment variable CXX names none
FLAGS = "-std=c++17 -O3 -fopenmp-simd -fno-math-errno -fno-trapping-math -ffp-contract=fast -pthread -shared -fPIC"
FOR_THIS_PROCESSOR = (
    "-march=native -mprefer-vector-width=512",
    "-march=native",
    "-mcpu=native",
    "",
)  # the first set of flags that works is used
SECONDS = 300  # a build takes about five


class Library(NamedTuple):
    handle: ctypes.CDLL | None
    version: str
    problem: str | None  # why there is no handle, in one sentence


@functools.cache
def library() -> Library:
    """The loaded library, built if necessary; once per process."""
    version = ""
    try:
        compiler = find_compiler()
        version = digest(compiler)
        return Library(_load(compiler, version), version, None)
    except (OSError, subprocess.SubprocessError) as error:
        return Library(None, version, " ".join(str(error).split()))


def find_compiler() -> list[str]:
    """The command of the C++ compiler: $CXX, or the first of COMPILERS that is installed."""
    wanted = shlex.split(os.environ.get("CXX", ""))
    for name, *arguments in [wanted] if wanted else [[name] for name in COMPILERS]:
        path = shutil.which(name)
        if path:
            return [path, *arguments]
    raise FileNotFoundError(f"there is no C++ compiler: {wanted[0] if wanted else ', '.join(COMPILERS)} not found")


def digest(compiler: list[str]) -> str:
    """A hash of all that the bits of the library depend on."""
    binary = Path(compiler[0]).resolve()
    stat = binary.stat()
    parts = [FLAGS, *FOR_THIS_PROCESSOR, *compiler, str(binary), str(stat.st_size), str(stat.st_mtime_ns), processor()]
    for source in sorted(SOURCES.iterdir()):
        if source.suffix in (".cpp", ".hpp"):
            parts += [source.name, source.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def processor() -> str:
    """The processor's model and flags, on which -march=native may depend; if these are unknown, the machine's name."""
    wanted = ("model name", "flags", "Features", "CPU implementer", "CPU part", "isa")
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
        found = [line for line in first.splitlines() if line.split(":")[0].strip() in wanted]
    except OSError:
        found = []
    return "\n".join([platform.machine(), *(found or [platform.platform(), platform.node()])])


def cache_directory() -> Path:
    """A directory that only this user can write, created if necessary; OSError where there is none."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    path = (Path(root) if root else Path("~/.cache").expanduser()) / "entropyreg"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = path.stat()
    if stat.st_uid != os.getuid() or stat.st_mode & 0o022 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is not writable by this user alone")
    return path


def _load(compiler: list[str], version: str) -> ctypes.CDLL:
    try:
        kept = cache_directory() / f"kernel-{version}.so"
    except (OSError, RuntimeError):  # RuntimeError: there is no home directory
        with tempfile.TemporaryDirectory() as directory:
            return ctypes.CDLL(str(_built(compiler, Path(directory) / "kernel.so")))
    if kept.exists() and _is_whole(kept):
        try:
            return ctypes.CDLL(str(kept))
        except OSError:  # an intact file built on another system that shares the home directory
            pass
    return ctypes.CDLL(str(_built(compiler, kept)))


def sum_path(library_path: Path) -> Path:
    """The file that holds the library's sum."""
    return library_path.with_suffix(".so.sha256")


def _is_whole(library_path: Path) -> bool:
    try:
        return sum_path(library_path).read_bytes() == _sum_of(library_path)
    except OSError:
        return False


def _sum_of(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).hexdigest().encode()


def _keep(own: Path, path: Path) -> None:
    """Give a finished file its name once its bytes are on the disk."""
    with own.open("rb") as file:
        os.fsync(file.fileno())
    own.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _built(compiler: list[str], path: Path) -> Path:
    """Build into a file of our own, then rename it to `path`, its sum beside it; say so, as it takes seconds."""
    again = " again, as the kept one does not have its checksum" if path.exists() else ""
    print(f"entropyreg: building the CPU kernel with {compiler[0]}{again} (some seconds)", file=sys.stderr, flush=True)
    descriptor, own = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
    os.close(descriptor)
    try:
        for flags in FOR_THIS_PROCESSOR:
            command = [*compiler, *FLAGS.split(), *flags.split(), str(SOURCES / "kernel.cpp"), "-o", own]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "LC_ALL": "C"}
            )
            if done.returncode == 0:
                total = _sum_of(Path(own))
                _keep(Path(own), path)
                write_atomically(sum_path(path), total)
                return path
        said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[-1:]
        raise OSError(f"{compiler[0]} failed to build the kernel: {said[0] if said else 'it said nothing'}")
    finally:
        Path(own).unlink(missing_ok=True)
