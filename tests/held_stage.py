"""A stage of the command line, in a process of its own, that waits when it has written, but not renamed, some file."""

import os
import subprocess
import sys
import time

HOLD = """
import os
import time

fsync, left = os.fsync, [int(os.environ["HELD_AT"])]


def held(descriptor):
    if f"/.{os.environ['HELD']}." in os.readlink(f"/proc/self/fd/{descriptor}"):
        left[0] -= 1
        if left[0] == 0:
            open(os.environ["REACHED"], "w").close()
            time.sleep(60)
    return fsync(descriptor)


os.fsync = held
"""


def environment(folder, name, at=1):
    """Variables that make any stage wait at the file `name`, when it is written for the `at`th time."""
    (folder / "held").mkdir()
    (folder / "held" / "sitecustomize.py").write_text(HOLD)
    paths = os.pathsep.join([str(folder / "held"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "HELD": name, "HELD_AT": str(at), "REACHED": str(folder / "reached")}


def started(arguments, folder, variables, mark="reached", **options):
    """The process of a Python with these arguments, once it waits; its stderr is text in a pipe."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], env=variables, stderr=subprocess.PIPE, text=True, **options
    )
    deadline = time.monotonic() + 300
    while not (folder / mark).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (folder / mark).exists(), process.communicate()
    return process
