"""`python -m entropyreg forecast`: print the forecast of a scale, or calibrate the CPU first."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from entropyreg.config.loading import load_config
from entropyreg.config.paths import Paths
from entropyreg.experiments import load_experiments
from entropyreg.forecast.devices import Declared, declared_devices
from entropyreg.forecast.report import report
from entropyreg.forecast.scale import costs_of, forecast, sizes_of
from entropyreg.forecast.sizes import declared_sizes
from entropyreg.io.errors import UserError
from entropyreg.io.files import write_json
from entropyreg.io.schemas import read_keys, read_yaml


def run(
    workflow_dir: Path,
    overrides: dict[str, Any],
    device: str | None = None,
    price: float | None = None,
    calibrate: bool = False,
    as_json: bool = False,
) -> str:
    """The text of the command. overrides: keys of the configuration, `scale` among them."""
    config = load_config(workflow_dir, overrides)
    experiments = load_experiments(workflow_dir, config)
    sizes = declared_sizes(workflow_dir)
    if price is not None and not price >= 0:
        raise UserError(f"--price is {price:g}; allowed: 0 or more.")
    cache = Path(Paths.of(config).results, "forecast", "calibration.json")
    if calibrate:
        from entropyreg.forecast.calibration import calibrate as measure

        texts, images = sizes_of(config, experiments, Paths.of(config), sizes)
        costs = costs_of(config, experiments, texts, images, decoding_steps=1.0)
        write_json(cache, measure(config, experiments, texts, images, costs))
    declared = declared_devices(workflow_dir, config["device"], device, config["threads"]["train"])
    declared = with_calibration(declared, cache, config["threads"]["train"])
    if price is not None:
        declared = replace(declared, price_per_hour=price)
    result = forecast(config, experiments, workflow_dir, declared, sizes)
    return json.dumps(result, indent=1, sort_keys=True) + "\n" if as_json else report(result)


def with_calibration(declared: Declared, cache: Path, threads: int) -> Declared:
    """The device with the rates that were measured on this machine with as many threads; never for a GPU."""
    from entropyreg.forecast.machine import this_machine

    if declared.device.kind != "cpu" or not cache.is_file():
        return declared
    content = read_yaml(cache)
    if content["machine"] != this_machine() or content["threads"] != threads:
        return declared
    rates = {(model, kind): rate for model, kinds in content["rates"].items() for kind, rate in kinds.items()}
    return replace(declared, device=replace(declared.device, rates=rates))


def configuration_file(path: Path | None) -> dict[str, Any]:
    """The overrides of a `--config` file."""
    return {} if path is None else read_keys(path)
