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


def test_training_pins_what_torch_itself_needs(root):
    """pip would take any version of what torch declares and the environment does not pin."""
    from importlib.metadata import requires

    declared = {re.match(r"[A-Za-z0-9._-]+", one)[0].lower() for one in requires("torch") if "extra ==" not in one}
    pinned = {pin.split("==")[0] for pin in environment(root, "train")["dependencies"][2]["pip"]}
    of_cuda = {name for name in declared if name.startswith(("nvidia", "cuda", "triton"))}
    assert {name.replace("_", "-") for name in declared - of_cuda} <= pinned


def instructions(root):
    """[(instruction, its text)] of the Containerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (root / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_the_container_is_made_by_the_set_up_script_from_the_lock(root):
    script = (root / "tools" / "make_venv.sh").read_text()
    (torch,) = set(re.findall(r"TORCH=\$\{TORCH:-(\S+)\}", script))
    lines = instructions(root)
    assert ("ARG", f"TORCH={torch}") in lines
    assert torch in environment(root, "train")["dependencies"][2]["pip"]
    runs = [text for name, text in lines if name == "RUN"]
    assert len(runs) == 2 and "make_venv.sh" in runs[1]
    assert not any("pip install" in text for text in runs)  # nothing but what the script installs
    (base,) = (text for name, text in lines if name == "FROM")
    assert base.startswith("python:3.11-slim") and environment(root, "train")["dependencies"][0] == "python=3.11"

    # what the script reads is there when it runs
    set_up = next(number for number, (name, text) in enumerate(lines) if name == "RUN" and "make_venv.sh" in text)
    copied = {path for name, text in lines[:set_up] if name == "COPY" for path in text.split()[1:-1]}
    assert {"pyproject.toml", "README.md", "tools/make_venv.sh", "src/entropyreg/__init__.py"} <= copied
    assert set(re.findall(r"requirements/\S+\.lock", script)) <= copied
    assert all((root / path).is_file() for path in copied)


def test_the_container_does_not_run_as_root(root):
    lines = instructions(root)
    users = [number for number, (name, _) in enumerate(lines) if name == "USER"]
    assert len(users) == 1 and lines[users[0]][1] != "root"
    assert [name for name, _ in lines[: users[0]]] == ["FROM", "RUN"]
    assert all("--chown=" in text for name, text in lines if name == "COPY")


def test_the_image_gets_no_results_and_lacks_nothing_that_is_run(root):
    ignored = (root / ".dockerignore").read_text().splitlines()
    assert {".git", ".venv", ".snakemake", "results/*", "paper_figures/*"} <= set(ignored)
    needed = {"Snakefile", "workflow", "profiles", "envs", "requirements", "src", "tools", "pyproject.toml", "Makefile"}
    assert not needed & {line.lstrip("!").split("/")[0] for line in ignored}


def test_locks_are_hashed_and_hold_no_torch(root):
    for name in ("pipeline", "test", "conda-test"):
        text = (root / "requirements" / f"{name}.lock").read_text()
        assert not re.search(r"^(torch|torchaudio|torchvision|nvidia-\S+)==", text, re.MULTILINE)
        assert text.count("--hash=sha256:") >= len(re.findall(r"^[A-Za-z0-9._-]+==", text, re.MULTILINE))
        assert "://" not in text
    runtime, *others = (pins(root / "requirements" / f"{name}.lock") for name in ("pipeline", "test", "conda-test"))
    for pinned in others:
        assert all(runtime[package] == version for package, version in pinned.items() if package in runtime)


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
def test_a_wrong_machine_is_reported(root, tmp_path, fake, message):
    done = set_up(root, tmp_path, PYTHON=fake_python(tmp_path, **fake))
    assert done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_missing_interpreter_is_reported(root, tmp_path):
    done = set_up(root, tmp_path, PYTHON=str(tmp_path / "nothing"))
    assert done.returncode == 1 and "does not run" in done.stderr


def test_a_missing_package_index_is_reported(root, tmp_path):
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = set_up(root, tmp_path, PYTHON=sys.executable, TORCH="torch==2.13.0", **offline)
    assert done.returncode == 1
    assert "the package index could not be reached or lacks a package (build tools)" in done.stderr
    assert "Traceback" not in done.stderr
