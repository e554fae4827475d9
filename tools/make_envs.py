"""Write envs/*.yaml: python and pip from conda-forge, everything else as pip pins taken from the lock.

fairseq and pytorchcv are not among the pins: pip would resolve the torchaudio and torchvision that they declare and do
not need here, so `train.post-deploy.sh` installs them alone.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH = "torch==2.13.0"
ENVIRONMENTS = {  # name: purpose, direct requirements
    "train": (
        "Preparing, training, predicting.",
        "hydra-core omegaconf numpy sacrebleu sacremoses subword-nmt filelock pyyaml jsonschema scikit-learn cython "
        "cffi bitarray regex tqdm packaging pooch requests pyarrow scipy pillow accelerate "
        "sympy networkx jinja2 fsspec setuptools typing-extensions",  # declared by torch, in any version
    ),
    "analysis": (
        "Measuring, collecting, drawing: no torch, no fairseq.",
        "numpy scipy pandas matplotlib seaborn sacrebleu sacremoses rouge-score bayesian-optimization pyyaml "
        "jsonschema jinja2 docutils filelock",
    ),
    "workflow": ("Snakemake itself.", "snakemake pygments pyyaml jsonschema filelock numpy"),
}


def locked_versions() -> dict[str, str]:
    """{distribution: version} of requirements/pipeline.lock."""
    lock = (ROOT / "requirements" / "pipeline.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\]+)", lock, re.MULTILINE))


def closure(needs: str) -> list[str]:
    """The needs with all they depend on, resolved by uv, in the versions of the lock."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(needs.split()) + "\n")
        file.flush()
        command = ["uv", "pip", "compile", file.name, "-q", "--no-header", "--no-annotate", "--python-version", "3.11"]
        command += [
            "--constraint",
            str(ROOT / "requirements" / "pipeline.lock"),
            "--override",  # no torch: it is pinned by itself
            str(ROOT / "requirements" / "overrides.txt"),
            "--no-emit-index-url",
            "--no-emit-find-links",
        ]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    versions = locked_versions()
    names = re.findall(r"^([A-Za-z0-9._-]+)==", out, re.MULTILINE)
    return [f"{name}=={versions[name]}" for name in names]


def main() -> int:
    """Write every environment file."""
    for name, (purpose, needs) in ENVIRONMENTS.items():
        pins = closure(needs)
        if name == "train":
            pins.insert(0, TORCH)
        lines = [f"# {purpose} Written by tools/make_envs.py from requirements/pipeline.lock."]
        lines += [
            "channels:",
            "  - conda-forge",
            "  - nodefaults",
            "dependencies:",
            "  - python=3.11",
            "  - pip",
            "  - pip:",
        ]
        lines += [f"      - {pin}" for pin in pins]
        (ROOT / "envs" / f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
