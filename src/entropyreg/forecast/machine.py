"""What tells one machine's processor from another's: a measured rate stands for that one alone."""

import os
import platform
from pathlib import Path


def this_machine() -> dict[str, str | int]:
    """Host, processor and the number of its cores."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return {"host": platform.node(), "processor": processor, "cores": os.cpu_count() or 1}
