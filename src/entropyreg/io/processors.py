"""Names the type of a processor: on two of one type a training gives the same bits, on two types it need not."""

import platform
from functools import cache
from pathlib import Path


@cache
def processor_type() -> str:
    """Name, family and model of this machine's processor; clouds give many types one name."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" in facts:
        return f"{facts['model name']}, family {facts.get('cpu family')}, model {facts.get('model')}"
    return platform.processor() or platform.machine()
