"""Pins agree: conda environments, locks, and the set-up script; set-up refuses what cannot work in a sentence."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from entropyreg.translation import USER_DIR

ENVIRONMENTS = ("train", "analysis", "workflow")


def pins(path):
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\]+)", path.read_text(), re.MULTILINE))


def environment(root, name):
    return yaml.safe_load((root / "envs" / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_conda_environments_pin_what_the_lock_pins(root, name):
    declared = environment(root, name)
    assert declared["channels"] == ["conda-forge", "nodefaults"]
    assert declared["dependencies"][:2] == ["python=3.11", "pip"]
    lock = pins(root / "requirements" / "pipeline.lock") | {"torch": "2.13.0"}
    for pin in declared["dependencies"][2]["pip"]:
        package, version = pin.split("==")
        assert lock[package] == version


def test_post_deploy_scripts_install_the_package_and_the_locked_packages_that_declare_torch_s_companions(root):
    for name in ENVIRONMENTS:
        script = (root / "envs" / f"{name}.post-deploy.sh").read_text()
        assert "pip install --no-input --no-deps --editable ." in script
        alone = (
            "/^(ve-fairseq|pytorchcv)==/} keep' requirements/pipeline.lock" in script and "--require-hashes" in script
        )
        assert alone is (name == "train")


def test_only_training_has_torch(root):
    for name in ENVIRONMENTS:
        packages = {pin.split("==")[0] for pin in environment(root, name)["dependencies"][2]["pip"]}
        assert ("torch" in packages) is (name == "train")


def test_locks_are_hashed_and_hold_no_torch(root):
    for name in ("pipeline", "test"):
        text = (root / "requirements" / f"{name}.lock").read_text()
        assert not re.search(r"^(torch|torchaudio|torchvision|nvidia-\S+)==", text, re.MULTILINE)
        assert text.count("--hash=sha256:") >= len(re.findall(r"^[A-Za-z0-9._-]+==", text, re.MULTILINE))
        assert "://" not in text
    runtime, test = (pins(root / "requirements" / f"{name}.lock") for name in ("pipeline", "test"))
    assert all(runtime[package] == version for package, version in test.items() if package in runtime)


def test_the_installed_versions_are_the_locked_ones(root):
    from importlib.metadata import version

    locked = pins(root / "requirements" / "pipeline.lock")
    assert {
        name: version(name) for name in ("numpy", "matplotlib", "sacrebleu", "ve-fairseq", "snakemake")
    }.items() <= (locked.items())


def test_the_plug_ins_folder_name_is_unique():
    assert USER_DIR.is_dir() and USER_DIR.name == "entropyreg_fairseq"
    assert [path.name for path in USER_DIR.parent.iterdir() if path.name != "__pycache__"] == ["entropyreg_fairseq"]


def set_up(root, tmp_path, **environment_variables):
    command = ["bash", str(root / "tools" / "make_venv.sh")]
    environment_variables = os.environ | {"VENV": str(tmp_path / "venv")} | environment_variables
    return subprocess.run(command, capture_output=True, text=True, env=environment_variables, timeout=120)


def fake_python(tmp_path, version="3.11", platform="Linux x86_64"):
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) echo {version};; *) echo "{platform}";; esac\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        ({"version": "3.9"}, "is Python 3.9; this project needs 3.11"),
        ({"platform": "Darwin arm64"}, "this is Darwin arm64; the fairseq wheel exists for Linux x86_64 only"),
    ],
)
def test_a_wrong_machine_is_told(root, tmp_path, fake, message):
    done = set_up(root, tmp_path, PYTHON=fake_python(tmp_path, **fake))
    assert done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_missing_interpreter_is_told(root, tmp_path):
    done = set_up(root, tmp_path, PYTHON=str(tmp_path / "nothing"))
    assert done.returncode == 1 and "does not run" in done.stderr


def test_a_missing_package_index_is_told(root, tmp_path):
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = set_up(root, tmp_path, PYTHON=sys.executable, TORCH="torch==2.13.0", **offline)
    assert done.returncode == 1
    assert "the package index could not be reached or lacks a package (build tools)" in done.stderr
    assert "Traceback" not in done.stderr
