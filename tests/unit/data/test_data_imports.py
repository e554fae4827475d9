"""Preparing text needs neither torch nor fairseq."""

import subprocess
import sys


def test_data_modules_import_no_heavy_library():
    code = (
        "import sys, pkgutil, importlib, entropyreg.data as data\n"
        "[importlib.import_module('entropyreg.data.' + m.name) for m in pkgutil.iter_modules(data.__path__)]\n"
        "print([name for name in ('torch', 'fairseq') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stdout
