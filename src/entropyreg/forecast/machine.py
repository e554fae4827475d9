"""Identifies a machine, since a measured rate holds for its processor alone."""

import os
import platform

from entropyreg.io.processors import processor_type


def this_machine() -> dict[str, str | int]:
    """Host, type of processor and the number of its cores."""
    return {"host": platform.node(), "processor": processor_type(), "cores": os.cpu_count() or 1}
