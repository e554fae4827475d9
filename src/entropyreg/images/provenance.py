"""What an image training depends on besides its settings and data, and what a reader may want to know of it."""

import platform
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

from entropyreg import regularizers
from entropyreg.files import meaning_digest, sha256_of
from entropyreg.images.engines import Accelerated, Plain


@cache
def code_in_use() -> dict[str, Any]:
    """Digests of the modules that make the bits of a training, and torch's version."""
    here, mathematics = Path(__file__).parent, Path(regularizers.__file__).parent
    sources = sorted([*here.glob("*.py"), *(here / "models").glob("*.py"), *mathematics.glob("*.py")])
    native = {path.name: sha256_of(path) for path in sorted((mathematics / "_native").iterdir()) if path.is_file()}
    return {"modules": meaning_digest(sources), "native": native, "torch": torch.__version__}


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
