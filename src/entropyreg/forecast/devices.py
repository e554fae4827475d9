"""Declared devices, and how long a piece of work takes on one.

    seconds = max( operations / (peak * utilisation),  products * seconds per product,  images read / reading rate )

A device computes, or waits for Python to launch the next product (small networks), or for images that are read and
decoded on the CPU beside it (ImageNet). Work on a CPU takes the rate that was measured there, where it was
(`calibration`); a CPU's rate never stands for a GPU's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import read_yaml, suggestion, validate


@dataclass(frozen=True)
class Work:
    """Operations of one kind of one model. kind: training, prediction or decoding; precision: fp16, bfloat16, fp32."""

    model: str
    kind: str
    precision: str
    operations: float
    products: float
    images_read: float = 0.0

    def times(self, count: float) -> "Work":
        """The same work `count` times."""
        return replace(
            self,
            operations=self.operations * count,
            products=self.products * count,
            images_read=self.images_read * count,
        )


@dataclass(frozen=True)
class Device:
    """A GPU with `cores` cores of a CPU beside it, or these alone.

    rates: measured FLOP/s by model and kind of work; a GPU has none.
    """

    name: str
    kind: str
    fp16: float | None
    fp32: float
    source: str
    utilisation: float
    seconds_per_product: float
    images_per_second: float  # read and decoded by the cores of a job
    cores: int = 1
    rates: Mapping[tuple[str, str], float] | None = None

    def rate(self, work: Work) -> float:
        """FLOP/s that the work is expected to reach where it is not waiting."""
        measured = (self.rates or {}).get((work.model, work.kind))
        if measured is not None and self.kind == "cpu":
            return measured
        peak = self.fp32 if work.precision == "fp32" else self.fp16 or self.fp32
        return peak * self.utilisation * (self.cores if self.kind == "cpu" else 1)

    def seconds(self, work: Work) -> float:
        """How long the work takes."""
        waiting = work.products * self.seconds_per_product if self.kind == "gpu" else 0.0
        return max(work.operations / self.rate(work), waiting, work.images_read / self.images_per_second)


@dataclass(frozen=True)
class Declared:
    """What `devices.yaml` says, with the device that was chosen for the scale."""

    device: Device
    at_once: int
    price_per_hour: float | None
    assumptions: Mapping[str, float]


def declared_devices(workflow_dir: Path, device: str, name: str | None = None, cores: int = 1) -> Declared:
    """Read and check `devices.yaml`; `device` is cuda or cpu, `name` goes before the file's choice for it.

    cores: of the CPU that a job has. Raises `UserError` that names the key, the value and what is allowed.
    """
    path = workflow_dir / "config" / "devices.yaml"
    content = read_yaml(path)
    validate(content, workflow_dir / "schemas" / "devices.schema.yaml", path.name)
    kind = "gpu" if device == "cuda" else "cpu"
    place, chosen = (f"{path.name}: {kind}", content[kind]) if name is None else ("--device", name)
    allowed = sorted(one for one, entry in content["devices"].items() if entry["kind"] == kind)
    if chosen not in allowed:
        raise UserError(
            f"{place} is '{chosen}'{suggestion(chosen, allowed)}; allowed for device '{device}': {', '.join(allowed)}."
        )
    assumptions = content["assumptions"]
    options = {"utilisation": assumptions["utilisation"], **content["devices"][chosen]}
    made = Device(
        chosen,
        seconds_per_product=assumptions["seconds_per_product"],
        images_per_second=assumptions["images_per_core_second"] * cores,
        cores=cores,
        **options,
    )
    return Declared(made, content["at_once"], content["price_per_hour"], assumptions)
