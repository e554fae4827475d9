"""TEST DOUBLE of the `conda` command: the sub-commands that Snakemake calls, no more. It is not conda.

    conda info --json | --version | config --get channel_priority --json | clean ...
    conda env create --quiet --no-default-packages --file X.yaml --prefix P

py-rattler solves the conda packages against the channels in `CONDA_TEST_DOUBLE_ALIAS` (a file:// address that ends in a
slash) and installs them; the environment's own pip installs the `pip:` part, in the folder of the file, as conda does.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import rattler
import yaml

VERSION = "24.7.1"  # the least that Snakemake takes


def create(file: Path, prefix: Path) -> None:
    """Make the environment `prefix` that the yaml `file` describes."""
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    specs = [str(one) for one in declared["dependencies"] if not isinstance(one, dict)]
    for_pip = [pin for one in declared["dependencies"] if isinstance(one, dict) for pin in one["pip"]]
    asyncio.run(install(declared["channels"], specs, prefix))
    (prefix / "conda-meta" / "history").touch()
    if for_pip:
        requirements = file.with_suffix(".pip.txt")
        requirements.write_text("\n".join(for_pip) + "\n", encoding="utf-8")
        pip = [
            str(prefix / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "-U",
            "-r",
            str(requirements),
            "--exists-action=b",
        ]
        subprocess.run([*pip, "--progress-bar", "off"], check=True, cwd=file.parent)


async def install(channels: list[str], specs: list[str], prefix: Path) -> None:
    config = rattler.ChannelConfig(os.environ["CONDA_TEST_DOUBLE_ALIAS"])
    sources = [rattler.Channel(name, config) for name in channels]
    cache = Path(os.environ["CONDA_TEST_DOUBLE_CACHE"])
    records = await rattler.solve(sources, [rattler.MatchSpec(one) for one in specs], rattler.Gateway(cache / "index"))
    for record in records:
        print(f"{record.name.source} {record.version} {record.url}")
    await rattler.install(records, prefix, cache_dir=cache / "packages", show_progress=False)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        print(f"conda {VERSION}")
    elif arguments[:1] == ["info"]:
        prefix = os.environ["CONDA_TEST_DOUBLE_PREFIX"]  # whose bin/activate Snakemake sources
        print(json.dumps({"conda_prefix": prefix, "platform": "linux-64", "conda_version": VERSION}))
    elif arguments[:1] == ["config"]:
        print(json.dumps({"get": {"channel_priority": "strict"}, "success": True}))
    elif arguments[:2] == ["env", "create"]:
        parser = argparse.ArgumentParser()
        for flag in ("--quiet", "--no-default-packages"):
            parser.add_argument(flag, action="store_true")
        for option in ("--file", "--prefix"):
            parser.add_argument(option, type=Path, required=True)
        options = parser.parse_args(arguments[2:])
        create(options.file, options.prefix)
    elif arguments[:1] != ["clean"]:
        print(f"this test double of conda knows no '{' '.join(arguments)}'.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # py-rattler's threads once crashed an interpreter that ended by itself
