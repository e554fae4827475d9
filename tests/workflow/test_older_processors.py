"""Computations hold when the libraries use the instructions of older processors alone, as CONTRIBUTING.md has it.

Bits of trainings differ there; what is the same everywhere (drawn files, prepared data, repeatability) may not.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]
TESTS = ["tests/unit/images", "tests/unit/regularizers/test_native_bits.py"]
TESTS += ["tests/unit/rendering/tables/test_table_texts.py", "tests/unit/translation/test_criterion.py"]
CHANGED = {  # processor: what is put for the values of the oldest
    "SSE4.2": {},
    "AVX2": {"X86_V3 X86_V4": "X86_V4", "Nehalem": "Zen", "SSE4_2": "AVX2", "SSE41": "AVX2", "default": "avx2"},
}


def variables():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\n(NPY_DISABLE.*?)^```$", text, re.DOTALL | re.MULTILINE)
    *assigned, made, target = shlex.split(block.replace("\\\n", " "))
    assert (made, target) == ("make", "test")
    return dict(one.split("=", 1) for one in assigned)


@pytest.mark.parametrize("processor", CHANGED)
def test_the_computations_hold(tmp_path, processor):
    values = {name: CHANGED[processor].get(value, value) for name, value in variables().items()}
    values |= {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "MALLOC_CHECK_": "3"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow and not long", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | values, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-3000:]
