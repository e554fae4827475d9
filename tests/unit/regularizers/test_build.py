"""Building the native kernel: cached by a digest, safe with several processes, optional without a compiler."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest
import torch

from entropyreg.regularizers import entropy_regularized_cross_entropy, kernel_in_use
from entropyreg.regularizers.kernels.native import build

needs_compiler = pytest.mark.skipif(build.library().handle is None, reason=f"no kernel: {build.library().problem}")
QUICK = build.FLAGS.replace("-O3", "-O0")  # another digest, so a library of its own, built in a second
CLANG = [path for name in ("clang++", *(f"clang++-{n}" for n in range(14, 22))) if (path := shutil.which(name))]
SHOW = f"""
from entropyreg.regularizers import kernel_in_use
from entropyreg.regularizers.kernels.native import build
build.FLAGS = {QUICK!r}
print(*kernel_in_use(), sep="|")
"""


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A process that has not looked for the library yet, with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("ENTROPYREG_KERNEL", raising=False)
    build.library.cache_clear()
    yield tmp_path / "entropyreg"
    build.library.cache_clear()


def loss():
    logits = torch.linspace(-1, 1, 12).view(3, 4).requires_grad_()
    return entropy_regularized_cross_entropy(logits, torch.tensor([0, 1, 2]), skew=0.5, strength=1.0).item()


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("PATH", "", "there is no C++ compiler"),
        ("CXX", "/nonexistent", "/nonexistent not found"),
        ("CXX", "false", "failed to build the kernel"),
        ("CXX", "true", ".so: "),  # builds nothing that can be loaded
    ],
)
def test_without_a_working_compiler_torch_computes_and_the_reason_is_kept(variable, value, reason, fresh, monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "torch")
    expected = loss()
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("ENTROPYREG_KERNEL", "auto")
    in_use = kernel_in_use()
    assert in_use.path == "torch"
    assert in_use.version == torch.__version__
    assert reason in in_use.reason
    assert "\n" not in in_use.reason
    assert loss() == expected
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    with pytest.raises(RuntimeError, match="ENTROPYREG_KERNEL=native, but the native kernel cannot be used: "):
        loss()


def test_a_wrong_choice_is_named(monkeypatch):
    monkeypatch.setenv("ENTROPYREG_KERNEL", "fast")
    with pytest.raises(ValueError, match="ENTROPYREG_KERNEL must be one of 'auto', 'native', 'torch', got 'fast'"):
        loss()


@needs_compiler
@pytest.mark.slow
def test_two_processes_that_build_at_once_do_not_disturb_each_other(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "ENTROPYREG_KERNEL": "native"}
    running = [
        subprocess.Popen([sys.executable, "-c", SHOW], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    assert said[0] == said[1] and said[0].startswith("native|")
    version = said[0].split("|")[1]
    assert {path.name for path in (tmp_path / "entropyreg").iterdir()} == {
        f"kernel-{version}.so",
        f"kernel-{version}.so.sha256",
    }


@needs_compiler
def test_the_library_is_built_once_and_kept_for_this_user_alone(fresh, monkeypatch):
    monkeypatch.setattr(build, "FLAGS", QUICK)
    first = build.library()
    assert first.problem is None
    kept = fresh / f"kernel-{first.version}.so"
    assert kept.exists() and fresh.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(build, "_built", lambda compiler, path: pytest.fail("built again"))
    build.library.cache_clear()
    assert build.library().problem is None


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def without_its_end(content):
    return content[: len(content) // 2]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A library that the compiler made, for a stand-in of the compiler."""
    path = tmp_path_factory.mktemp("compiled") / "kernel.so"
    command = [*build.find_compiler(), *QUICK.split(), str(build.SOURCES / "kernel.cpp"), "-o", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path


@needs_compiler
@pytest.mark.parametrize("name", ["kernel-{}.so", "kernel-{}.so.sha256"])
@pytest.mark.parametrize("damage", [flipped, without_its_end, lambda content: b"", None])
def test_a_damaged_library_is_built_again_and_never_loaded(name, damage, compiled, fresh, monkeypatch, capfd):
    fresh.mkdir(mode=0o700)
    copying = fresh.with_name("c++")
    copying.write_text(f'#!/bin/sh\nfor out; do :; done\nexec cp {shlex.quote(str(compiled))} "$out"\n')
    copying.chmod(0o700)
    monkeypatch.setenv("CXX", str(copying))
    first = build.library()
    assert capfd.readouterr().err.splitlines() == [
        f"entropyreg: building the CPU kernel with {build.find_compiler()[0]} (some seconds)"
    ]
    path = fresh / name.format(first.version)
    whole = path.read_bytes()
    path.unlink()  # the loaded file stays as it is
    if damage is not None:
        path.write_bytes(damage(whole))
    loaded = []
    real = build.ctypes.CDLL
    monkeypatch.setattr(build.ctypes, "CDLL", lambda file: loaded.append(build.Path(file).read_bytes()) or real(file))
    build.library.cache_clear()
    again = build.library()
    assert (again.problem, again.version) == (None, first.version)
    said = capfd.readouterr().err
    gone = damage is None and name.endswith(".so")
    assert said.count("\n") == 1 and ("again, as the kept one does not have its checksum" in said) != gone
    assert len(loaded) == 1 and build._is_whole(fresh / f"kernel-{first.version}.so")
    assert loaded[0] == (fresh / f"kernel-{first.version}.so").read_bytes()
    build.library.cache_clear()
    assert build.library().problem is None and capfd.readouterr().err == ""  # kept
    assert sorted(p.name for p in fresh.iterdir()) == sorted(
        f"kernel-{first.version}.so{ending}" for ending in ("", ".sha256")
    )


@needs_compiler
def test_a_directory_that_others_can_write_is_not_used(fresh, monkeypatch):
    fresh.mkdir()
    fresh.chmod(0o777)
    monkeypatch.setattr(build, "FLAGS", QUICK)
    assert build.library().problem is None
    assert list(fresh.iterdir()) == []


@needs_compiler
def test_the_digest_follows_sources_flags_compiler_and_processor(tmp_path, monkeypatch):
    sources = tmp_path / "sources"
    sources.mkdir()
    for source in build.SOURCES.glob("*.?pp"):
        (sources / source.name).write_text(source.read_text())
    compiler = build.find_compiler()
    digests = [build.digest(compiler)]
    monkeypatch.setattr(build, "SOURCES", sources)
    assert build.digest(compiler) == digests[0]
    for source in ("kernel.cpp", "rows.hpp"):
        (sources / source).write_text((sources / source).read_text() + "\n")
        digests.append(build.digest(compiler))
    monkeypatch.setattr(build, "FLAGS", build.FLAGS + " -g")
    digests.append(build.digest(compiler))
    digests.append(build.digest([*compiler, "-O1"]))
    digests.append(build.digest([sys.executable]))
    monkeypatch.setattr(build, "processor", lambda: "another")
    digests.append(build.digest(compiler))
    assert len(set(digests)) == len(digests)


@needs_compiler
def test_the_build_calls_the_compiler_of_the_environment_with_its_arguments(fresh, tmp_path, monkeypatch):
    called, wrapper = tmp_path / "called", tmp_path / "own c++"
    real = shlex.join(build.find_compiler())
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(called))}\nshift\nexec {real} "$@"\n')
    wrapper.chmod(0o700)
    monkeypatch.setattr(build, "FLAGS", QUICK)
    monkeypatch.setenv("CXX", f"{shlex.quote(str(wrapper))} --ours")
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    assert loss() > 0.0
    assert called.read_text().startswith("--ours ") and "kernel.cpp" in called.read_text()


@needs_compiler
@pytest.mark.skipif(not CLANG, reason="clang++ is not installed")
def test_clang_builds_a_kernel_that_agrees(fresh, monkeypatch):
    monkeypatch.setattr(build, "FLAGS", QUICK)
    monkeypatch.setenv("CXX", CLANG[0])
    monkeypatch.setenv("ENTROPYREG_KERNEL", "native")
    by_clang = loss()
    monkeypatch.setenv("ENTROPYREG_KERNEL", "torch")
    assert by_clang == pytest.approx(loss(), rel=1e-6)


def test_the_compiler_is_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("CXX", "env c++ -v")
    command = build.find_compiler()
    assert command[0].endswith("/env") and command[1:] == ["c++", "-v"]
