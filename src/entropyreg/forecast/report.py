"""The forecast as text: a table by block, sums, and every assumption that the hours rest on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from entropyreg.io.text_table import aligned


def report(forecast: Mapping[str, Any]) -> str:
    """All of it, for a terminal."""
    parts = [block_table(forecast), sums(forecast), model_table(forecast), assumptions(forecast)]
    return "\n\n".join(part for part in parts if part) + "\n"


def block_table(forecast: Mapping[str, Any]) -> str:
    """One line a block; runs that an earlier block declares are `shared`, and counted there.

    The actual hours stand beside the forecast of the same finished jobs.
    """
    unit = hour_name(forecast)
    head = ["block", "kind", "runs", "shared", "trainings", "done", "missing", unit, "left", "disk", "actual h"]
    head.append("forecast of it")
    lines = [table_line(block["block"], block["kind"], block) for block in forecast["blocks"]]
    total = table_line("all", "", forecast["total"])
    return table([head, *lines, total], left=2)


def table_line(name: str, kind: str, row: Mapping[str, Any]) -> list[str]:
    done = str(row["done"]) + (f" (+{row['trained']} trained)" if row["trained"] else "")
    ended = row["actual_hours"] > 0
    return [
        *(name, kind, str(row["runs"]), str(row.get("shared", "")), str(row["trainings"]), done, str(row["missing"])),
        *(hours(row["hours"]), hours(row["hours_left"]), size(row["bytes"])),
        hours(row["actual_hours"]) if ended else "-",
        hours(row["forecast_of_actual"]) if ended else "-",
    ]


def sums(forecast: Mapping[str, Any]) -> str:
    """What a scale needs altogether."""
    total, unit, found = forecast["total"], hour_name(forecast), forecast["downloads"]
    left, at_once = total["hours_left"], forecast["at_once"]
    lines = [
        f"{unit}: {hours(total['hours'])} in all ({hours(total['training_hours'])} of them training), "
        f"{hours(left)} left; {total['operations']:.2e} operations",
        f"CPU core hours: {hours(forecast['reserved_core_hours'])} that those jobs hold, and "
        f"{hours(forecast['measuring_core_hours'])} for measuring",
        f"longest chain by hours: {chain_text(forecast['chain'])}",
        f"by number of runs: {chain_text(forecast['chain_of_most_runs'])}",
        f"longest of what is left: {chain_text(forecast['chain_left'])}",
        f"with {at_once} devices at once not before {hours(max(left / at_once, forecast['chain_left']['hours']))} h",
        f"disk: {size(total['bytes'])} of runs ({size(total['bytes_left'])} of them missing), "
        f"{size(forecast['prepared_bytes'])} of prepared data",
        f"downloads: {size(found['bytes'])} known of {len(found['missing'])} missing files"
        + unknown_sizes(found["unknown_size"]),
    ]
    if found["to_bring"]:
        lines.append(
            f"not downloaded, to be in data_dir: {', '.join(found['to_bring'])} ({size(found['bytes_to_bring'])} known)"
        )
    lines.append(f"money: {money(forecast)}")
    if forecast["resumed_runs"]:
        lines.append(
            f"actual h: without the trainings of {len(forecast['resumed_runs'])} runs that were resumed, of which "
            f"the last part alone was timed: {', '.join(forecast['resumed_runs'][:3])}"
        )
    if forecast["unknown_runs"]:
        lines.append(
            f"without {len(forecast['unknown_runs'])} runs on corpora of unknown size (prepare them first): "
            + ", ".join(forecast["unknown_runs"][:3])
        )
    return "\n".join(lines)


def money(forecast: Mapping[str, Any]) -> str:
    """What the GPU hours cost at the configured price."""
    price, total = forecast["price_per_hour"], forecast["total"]
    if forecast["device"]["kind"] == "cpu":
        return "this scale takes no GPU, and price_per_hour is that of one"
    if price is None:
        return "no price (price_per_hour in workflow/config/devices.yaml, or --price)"
    return f"{total['hours_left'] * price:,.2f} left of {total['hours'] * price:,.2f}, at {price:g} an hour"


def unknown_sizes(names: Sequence[str]) -> str:
    """How many files of each folder have no known size."""
    folders = Counter(name.split("/")[0] for name in names)
    shown = ", ".join(f"{folder} ({count})" for folder, count in folders.items())
    return f"; the size is not known of {len(names)}: {shown}" if names else ""


def model_table(forecast: Mapping[str, Any]) -> str:
    """What each model costs on each task."""
    head = ["model", "task", "parameters", "updates", "precision", "operations an update", "upper bound"]
    rows = [
        [
            *(one["model"], one["task"], f"{one['parameters']:,}", f"{one['updates']:,}", one["precision"]),
            *(f"{one['operations_per_update']:.3g}", one["bound"] or "-"),
        ]
        for one in forecast["models"]
    ]
    return table([head, *rows], left=2)


def assumptions(forecast: Mapping[str, Any]) -> str:
    """What the numbers rest on; none of it is measured unless it says so."""
    device, stated = forecast["device"], forecast["assumptions"]
    lines = ["Assumptions"]
    peaks = f"fp16 {device['fp16'] or device['fp32']:.3g}, fp32 {device['fp32']:.3g} FLOP/s"
    cores = f" x {device['cores']}" if device["kind"] == "cpu" else ""
    lines.append(f"device {device['name']}{cores}: {peaks} ({device['source']})")
    if device["measured_rates"]:
        shown = ", ".join(f"{name} {rate:.3g}" for name, rate in sorted(device["measured_rates"].items()))
        lines.append(f"measured on this machine, FLOP/s: {shown}; what is not named takes the peak and the utilisation")
    lines.append(f"it reaches {device['utilisation']:.0%} of its peak (assumed, not measured)")
    if device["kind"] == "gpu":
        lines.append(
            f"a product takes at least {device['seconds_per_product'] * 1e6:.0f} microseconds (assumed, not measured)"
        )
    lines += [
        f"a search takes {stated['decoding_steps']:g} steps a token of the mean reference; translations are as long as "
        "the references",
        f"a job takes {stated['seconds_per_job']:g} s to start, the record of a run {stated['measuring_seconds']:g} s",
        "batches are full of sentences of the mean length; operations are those of matrix products and convolutions, "
        "backward twice forward; regularizers cost nothing beside them",
        "trainings that end by epochs or patience run to their last epoch: an upper bound",
        "done is a record on disk; whether it is current, `snakemake --dry-run` tells",
    ]
    if "imagenet" in forecast["tasks"]:
        lines.append(
            f"stored images are read and decoded by the {device['cores']} CPU cores of a job, "
            f"{device['images_per_second']:g} a second (assumed)"
        )
    for name, one in forecast["tasks"].items():
        if one is None:
            lines.append(f"{name}: size not known")
        elif "pairs" in one and not one["prepared"]:
            lengths = f"{one['source']['train'] - 1:g} and {one['target']['train'] - 1:g} subwords"
            lines.append(f"{name}: {one['pairs']['train']:,} training pairs of {lengths} ({one['note']})")
    return "\n- ".join(lines)


def hour_name(forecast: Mapping[str, Any]) -> str:
    return "GPU h" if forecast["device"]["kind"] == "gpu" else "CPU job h"


def chain_text(chain: Mapping[str, Any]) -> str:
    runs = chain["runs"]
    if not runs:
        return "none"
    if len(runs) == 1:
        return f"{hours(chain['hours'])} h, one run: {runs[0]}"
    return f"{hours(chain['hours'])} h, {len(runs)} runs one after another: {runs[0]} ... {runs[-1]}"


def hours(value: float) -> str:
    """Three figures: 0.0123, 1.23, 12.3, 123, 12,345."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size(value: float) -> str:
    """Bytes in powers of 1000, three figures: '154 GB'."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"


def table(rows: Sequence[Sequence[str]], left: int) -> str:
    """`text_table.aligned` with a rule under the head."""
    lines = aligned(rows, left)
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
