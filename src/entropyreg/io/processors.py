"""Names the type of a processor: on two of one type a training gives the same bits, on two types it need not."""

import platform
import sys
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


def used_processors() -> str:
    """The type of this machine's processor, and of the GPU that this process computed on, if it did."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return processor_type()
    return f"{processor_type()}; {cuda.get_device_name()}"
