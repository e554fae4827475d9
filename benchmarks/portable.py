"""Are trainings with portable settings the same to the bit on this type of processor as on those that were seen before?

Trains 30 updates of each kind (`portable_training.py`) with settings that keep libraries from choosing code by the
processor, and says for every committed type whether all digests are equal, or where in the course of a training they
differ first. A difference is no failure: it ends with status 0.

    python benchmarks/portable.py            # half a minute of CPU time
    python benchmarks/portable.py --write    # also measures the cost and adds this type to results/portable.json
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

from entropyreg.forecast.machine import this_machine
from entropyreg.io.files import read_json, write_json

COMMITTED = Path(__file__).parent / "results" / "portable.json"
PORTABLE = {  # read by the libraries when they are loaded; `--portable` adds what no setting reaches
    "MKL_CBWR": "COMPATIBLE",  # AVX2 is faster, and the same with and without AVX-512, but not on an AMD
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own operations
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions
    "ENTROPYREG_KERNEL": "torch",  # ours is compiled for the processor
}
ROUNDS = 3


def first_difference(ours: dict[str, str], theirs: dict[str, str]) -> str | None:
    """Where trainings differ first: 'images, resnet, update 1, output of members.0.stem.0'; None if nowhere.

    Both are {kind of training: 'where digest; where digest; ...'}, in the order of computing.
    """
    for kind in sorted(ours | theirs):
        traces = (trainings[kind].split("; ") if kind in trainings else [] for trainings in (theirs, ours))
        for other, own in zip_longest(*traces):
            if own != other:
                return f"{kind}, {(other or own).rpartition(' ')[0]}"
    return None


def sentence(here: str, ours: dict, there: str, theirs: dict) -> str:
    """How what was trained here compares with what was committed of the type `there`."""
    pair = f"{here} (here) and {there}" if here != there else f"{here}, here and as committed"
    place = first_difference(ours["digests"], theirs["digests"])
    if place is None:
        return f"portable trainings: equal to the bit in all {len(ours['digests'])} kinds on {pair}."
    made = [(name, theirs["made_with"].get(name), value) for name, value in ours["made_with"].items()]
    changed = ", ".join(f"{name} {other} there and {own} here" for name, other, own in made if own != other)
    doubt = f"; that need not be the processor's doing: {changed}" if changed else ""
    return f"portable trainings: differs first at {place}, between {pair}{doubt}."


def trained(portable: bool) -> dict:
    """What `portable_training.py` writes, with the portable settings or with none of them."""
    environment = {name: value for name, value in os.environ.items() if name not in PORTABLE}
    script = Path(__file__).with_name("portable_training.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, str(script), str(out), *["--portable"] * portable]
        environment |= {"OMP_NUM_THREADS": "1", **(PORTABLE if portable else {})}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stderr}\n{script.name} failed.")
        return read_json(out)


def measured() -> dict:
    """The portable trainings with their cost: CPU ms an update, [usual, portable], which take turns."""
    rounds = [(trained(portable=False), trained(portable=True)) for _ in range(ROUNDS)]
    found = rounds[0][1]
    if any(again["digests"] != found["digests"] for _, again in rounds):
        sys.exit("portable trainings: two in a row on this machine are not equal; nothing is written.")
    for kind in found["digests"]:
        times = [[one["milliseconds"][kind] for one in pair] for pair in rounds]
        found["milliseconds"][kind] = [round(statistics.median(column), 2) for column in zip(*times, strict=True)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="measure the cost, and add this type of processor")
    args = parser.parse_args()
    here, types = str(this_machine()["processor"]), read_json(COMMITTED)["processors"]
    ours = measured() if args.write else trained(portable=True)
    for there, theirs in types.items():
        print(sentence(here, ours, there, theirs))
    if args.write:
        write_json(COMMITTED, {"settings": PORTABLE, "processors": {**types, here: ours}})


if __name__ == "__main__":
    main()
