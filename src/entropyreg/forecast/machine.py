"""Identifies a machine's processor, since a measured rate holds for that processor alone."""

import os
import platform
from pathlib import Path


def this_machine() -> dict[str, str | int]:
    """Host, processor (its name, family and model: clouds give many types one name) and the number of its cores."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" in facts:
        processor = f"{facts['model name']}, family {facts.get('cpu family')}, model {facts.get('model')}"
    else:
        processor = platform.processor() or platform.machine()
    return {"host": platform.node(), "processor": processor, "cores": os.cpu_count() or 1}
