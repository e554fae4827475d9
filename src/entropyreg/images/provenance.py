"""What an image training depends on besides its settings and data, and what a reader may want to know of it."""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import torch

from entropyreg import regularizers
from entropyreg.images.engines import Accelerated, Plain
from entropyreg.provenance.code_identity import code_digest


def code_in_use(settings: Mapping[str, Any], device: str) -> dict[str, Any]:
    """What determines a training's bits besides settings, data and threads: our code, the kernel, torch."""
    kernel = regularizers.kernel_in_use(device)
    return {
        "digest": code_digest("train-images", settings),
        "kernel": f"{kernel.path} {kernel.version}",
        "torch": torch.__version__,
    }


def provenance(engine: Plain | Accelerated, seconds: float, threads: int) -> dict[str, Any]:
    """Seconds, device and versions: what an outcome must not depend on."""
    on_gpu = engine.device.type == "cuda"
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "threads": threads,
        "processes": engine.processes,
        "device": torch.cuda.get_device_name() if on_gpu else platform.processor() or platform.machine(),
        "kernel": list(regularizers.kernel_in_use(engine.device.type)),
        "host_platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
