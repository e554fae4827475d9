"""The forecast of a scale: every block's runs, hours, bytes and money, done and missing, as one plain structure.

Operations are counted on the models, without computing (`text_networks`, `image_networks`), and divided by what a
declared device is assumed to reach (`devices`).
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.config.paths import Paths
from entropyreg.experiments import Experiments
from entropyreg.forecast.blocks import declared_blocks, longest_chain, needs_of
from entropyreg.forecast.devices import Declared, Device
from entropyreg.forecast.downloads import downloads
from entropyreg.forecast.image_work import image_cost
from entropyreg.forecast.sizes import ImageSize, TextSize, image_size, text_size
from entropyreg.forecast.state import RunState, run_state
from entropyreg.forecast.text_work import LINE_BYTES, Cost, text_cost

HOUR = 3600.0


def forecast(
    config: Mapping[str, Any],
    experiments: Experiments,
    workflow_dir: Path,
    declared: Declared,
    sizes: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that the command prints, in a form that JSON can hold.

    declared: of `devices.declared_devices`.    sizes: of `sizes.declared_sizes`.
    """
    paths = Paths.of(config)
    texts, images = sizes_of(config, experiments, paths, sizes)
    costs = costs_of(config, experiments, texts, images, declared.assumptions["decoding_steps"])
    states = {run: run_state(run, paths) for run in costs}
    rows = {run: row_of(cost, states[run], declared) for run, cost in costs.items()}
    blocks = []
    for block in declared_blocks(workflow_dir, config["scale"], experiments):
        seeds = sum(trainings(experiments, run) for run in block.runs)
        total = summed(rows[run] for run in block.runs)
        bounds = sorted({costs[run].bound for run in block.runs if costs[run] and costs[run].bound})
        blocks.append(
            {"block": block.name, "kind": block.kind, "shared": block.shared, "trainings": seeds, **total}
            | {"bounds": bounds}
        )
    total = {"trainings": sum(trainings(experiments, run) for run in rows), **summed(rows.values())}
    needs, row_hours = needs_of(experiments), {run: row["hours"] for run, row in rows.items()}
    return {
        "scale": config["scale"],
        "device": described(declared.device),
        "blocks": blocks,
        "total": total,
        "chain": chain(needs, row_hours),
        "chain_left": chain(needs, {run: row["hours_left"] for run, row in rows.items()}),
        "chain_of_most_runs": chain(needs, row_hours, dict.fromkeys(rows, 1.0)),
        "at_once": declared.at_once,
        "reserved_core_hours": total["hours"] * declared.device.cores,
        "measuring_core_hours": len(rows) * declared.assumptions["measuring_seconds"] / HOUR,
        "prepared_bytes": prepared_bytes(texts, images),
        "downloads": vars(downloads(config, experiments)),
        "tasks": {name: described_task(one) for name, one in (texts | images).items()},
        "resumed_runs": sorted(run for run, state in states.items() if state.resumed),
        "unknown_runs": sorted(run for run, cost in costs.items() if cost is None),
        "models": models_of(experiments, costs),
        "assumptions": dict(declared.assumptions),
        "price_per_hour": declared.price_per_hour,
    }


def sizes_of(
    config: Mapping[str, Any], experiments: Experiments, paths: Paths, sizes: Mapping[str, Any]
) -> tuple[dict[str, TextSize | None], dict[str, ImageSize]]:
    """The sizes of the tasks that some run uses."""
    texts = sorted({run.task for run in experiments.runs.values()})
    images = sorted({run.task for run in experiments.image_runs.values()})
    return (
        {name: text_size(config["tasks"][name], name, paths, sizes) for name in texts},
        {name: image_size(config["image_tasks"][name], name, paths, sizes) for name in images},
    )


def costs_of(
    config: Mapping[str, Any],
    experiments: Experiments,
    texts: Mapping[str, TextSize | None],
    images: Mapping[str, ImageSize],
    decoding_steps: float,
) -> dict[str, Cost | None]:
    """The cost of every run; None where the size of its corpus is not known."""
    costs: dict[str, Cost | None] = {}
    for run in experiments.runs.values():
        size = texts[run.task]
        costs[run.id] = None if size is None else text_cost(config, run, size, decoding_steps)
    for run in experiments.image_runs.values():
        costs[run.id] = image_cost(config, experiments, run, images[run.task])
    return costs


def row_of(cost: Cost | None, state: RunState, declared: Declared) -> dict[str, Any]:
    """Hours and bytes of a run, and how much of them is left."""
    device, job = declared.device, declared.assumptions["seconds_per_job"]
    training = predicting = operations = size = 0.0
    if cost is not None:
        training = (job + sum(device.seconds(work) for work in cost.training)) / HOUR
        predicting = (job * (cost.jobs - 1) + sum(device.seconds(work) for work in cost.predicting)) / HOUR
        operations = sum(work.operations for work in cost.training + cost.predicting)
        size = sum(cost.bytes.values())
    left = {"done": 0.0, "trained": predicting, "missing": training + predicting}[state.state]
    actual, foreseen = 0.0, 0.0  # forecast of the same jobs, without trainings that were resumed
    for seconds, hours in ((state.training_seconds, training), (state.predicting_seconds, predicting)):
        if seconds is not None and state.state != "missing":
            actual, foreseen = actual + seconds / HOUR, foreseen + hours
    return {
        "runs": 1,
        "state": state.state,
        "started": state.started,
        "hours": training + predicting,
        "training_hours": training,
        "hours_left": left,
        "actual_hours": actual,
        "actual_core_hours": state.cpu_seconds / HOUR if state.state != "missing" else 0.0,
        "forecast_of_actual": foreseen,
        "operations": operations,
        "bytes": size,
        "bytes_left": size if state.state == "missing" else 0.0,
    }


def summed(rows: Any) -> dict[str, Any]:
    """Sums over runs."""
    rows = list(rows)
    states = Counter(row["state"] for row in rows)
    keys = ("runs", "hours", "training_hours", "hours_left", "actual_hours", "actual_core_hours", "forecast_of_actual")
    sums = {key: sum(row[key] for row in rows) for key in (*keys, "operations", "bytes", "bytes_left")}
    return sums | {
        "done": states["done"],
        "trained": states["trained"],
        "missing": states["missing"],
        "started": sum(row["started"] for row in rows),
    }


def trainings(experiments: Experiments, run: str) -> int:
    """Networks that a run trains: its seeds."""
    return len(experiments.image_runs[run].seeds) if run in experiments.image_runs else 1


def chain(
    needs: Mapping[str, tuple[str, ...]], hours: Mapping[str, float], lengths: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """The longest chain by `lengths` (by hours if not given): its hours, and its runs that take any time."""
    _, runs = longest_chain(needs, lengths or hours)
    return {"hours": sum(hours[run] for run in runs), "runs": [run for run in runs if hours[run] > 0]}


def prepared_bytes(texts: Mapping[str, TextSize | None], images: Mapping[str, ImageSize]) -> float:
    """Text, its subwords and binary form; images in one file (stored ones are only indexed)."""
    total = 0.0
    for size in texts.values():
        if size is not None:
            tokens = sum(size.pairs[split] * (size.source[split] + size.target[split]) for split in size.pairs)
            total += tokens * (2 * LINE_BYTES + 4)
    for size in images.values():
        pixels = size.shape[0] * size.shape[1] * size.shape[2]
        total += sum(size.images.values()) * (pixels if size.shape[1] < 299 else 24)
    return total


def described(device: Device) -> dict[str, Any]:
    measured = {f"{model} {kind}": rate for (model, kind), rate in (device.rates or {}).items()}
    return {key: value for key, value in vars(device).items() if key != "rates"} | {"measured_rates": measured}


def described_task(size: TextSize | ImageSize | None) -> dict[str, Any] | None:
    return None if size is None else dict(vars(size))


def models_of(experiments: Experiments, costs: Mapping[str, Cost | None]) -> list[dict[str, Any]]:
    """Parameters and updates of every model on every task."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in [*experiments.runs.values(), *experiments.image_runs.values()]:
        cost = costs[run.id]
        if cost is not None:
            training = cost.training[0]
            found[run.model, run.task] = {
                "model": run.model,
                "task": run.task,
                "parameters": cost.parameters,
                "updates": cost.updates,
                "precision": training.precision,
                "operations_per_update": training.operations / cost.updates / trainings(experiments, run.id),
                "bound": cost.bound,
            }
    return [found[key] for key in sorted(found)]
