"""The address sanitizer finds no access outside a row in the native kernel, as it is built for users but for its flags.

Its runtime must be in the process from the start, so `sanitized.py` runs in one of its own.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from entropyreg.regularizers.kernels.native import build

PROGRAM = Path(__file__).with_name("sanitized.py")
CHECKS = "-fsanitize=address,undefined -fno-sanitize-recover=all"
EXPORTED = re.findall(r"^\w+ (entropyreg_\w+)\(", (build.SOURCES / "kernel.cpp").read_text(encoding="utf-8"), re.M)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report_of(tmp_path_factory):
    """Runs the program on a folder of sources; skips where no compiler has a sanitizer to preload."""
    folder = tmp_path_factory.mktemp("sanitized")
    probe, source = folder / "probe.so", folder / "probe.cpp"
    source.write_text("int probe() { return 0; }\n")
    try:
        compiler = build.find_compiler()
        command = [*compiler, *CHECKS.split(), "-shared", "-fPIC", str(source), "-o", str(probe)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        needed = subprocess.run(["ldd", probe], check=True, capture_output=True, text=True, timeout=300).stdout
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no compiler builds with the address sanitizer: {error}")
    runtime = re.search(r"libasan\S* => (\S+)", needed)
    if runtime is None:
        pytest.skip(f"{compiler[0]} has no runtime of the address sanitizer that can be preloaded")

    def run(sources):
        environment = os.environ | {
            "CXX": shlex.join([*compiler, *CHECKS.split()]),
            "XDG_CACHE_HOME": str(folder),
            "LD_PRELOAD": runtime[1],
            "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
            "ENTROPYREG_KERNEL": "native",
        }
        command = [sys.executable, str(PROGRAM), str(sources)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)

    return run


def test_nothing_outside_a_row_is_touched_by_any_exported_function(report_of):
    done = report_of(build.SOURCES)
    assert (done.returncode, done.stdout) == (0, f"clean {' '.join(sorted(EXPORTED))}\n"), done.stderr
    assert len(EXPORTED) >= 3 and "Sanitizer" not in done.stderr and "runtime error" not in done.stderr


def test_a_kernel_that_trusts_its_targets_is_reported(report_of, tmp_path):
    sources = tmp_path / "cpp"
    shutil.copytree(build.SOURCES, sources)
    task = sources / "task.hpp"
    whole = task.read_text(encoding="utf-8")
    trusting = whole.replace("return target >= 0 && target < classes;", "return true;")
    assert trusting != whole
    task.write_text(trusting, encoding="utf-8")
    done = report_of(sources)
    assert done.returncode != 0 and "AddressSanitizer: heap-buffer-overflow" in done.stderr, done.stderr
