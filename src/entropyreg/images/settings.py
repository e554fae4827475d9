"""Checks the settings of an image run against `settings.schema.yaml`, which describes every key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.io.schemas import validate
from entropyreg.regularizers.registry import Parameter, baseline_of, kind_in

SCHEMA = Path(__file__).with_name("settings.schema.yaml")
SMOOTHING = Parameter("smoothing", "(1-smoothing) NLL + smoothing H(u, p), paper B's form", least=0, most=1)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise `UserError` for an unknown key, a wrong value, or keys that contradict each other."""
    validate(settings, SCHEMA, f"run '{settings.get('run')}'")
    place, optimiser, regularizer = f"run '{settings['run']}'", settings["optimiser"], settings["regularizer"]
    if ("epochs" in settings) == ("updates" in settings):
        raise UserError(f"{place}: the length of training is either 'epochs' or 'updates'.")
    if optimiser.get("nesterov") and (optimiser.get("gradient_smoothing") or not optimiser.get("momentum")):
        raise UserError(f"{place}: optimiser.nesterov needs a momentum and no gradient_smoothing.")
    check_regularizer(regularizer, place)
    schedule, distillation = optimiser["schedule"], settings.get("distillation") or {}
    for key in ("drop_at", "factor"):
        if key in schedule and schedule["kind"] != "step":
            raise UserError(f"{place}: optimiser.schedule.{key} needs kind 'step' (kind is '{schedule['kind']}').")
    for key, loss in (("temperature", "soft"), ("over", "logits")):
        if key in distillation and distillation["loss"] != loss:
            raise UserError(f"{place}: distillation.{key} needs loss '{loss}' (loss is '{distillation['loss']}').")


def check_regularizer(regularizer: Mapping[str, Any], place: str = "the image run") -> None:
    """Raise `UserError` for an unknown kind, and for a key or number that its kind does not have or lacks.

    Keys are those of text, but label smoothing has paper B's form; parameters other than a skew are a map.
    """
    kind = kind_in(regularizer)
    allowed = ("smoothing",) if "smoothing" in kind.amounts else kind.keys
    for key in regularizer:
        if key not in ("kind", *allowed, *(("parameters", "plugin") if kind.generator is None else ())):
            allowed_keys = ", ".join(allowed) or "nothing"
            raise UserError(f"{place}: regularizer '{kind.name}' takes no '{key}'; allowed: {allowed_keys}.")
    if "smoothing" in allowed:
        if "smoothing" not in regularizer:
            raise UserError(f"{place}: regularizer '{kind.name}' needs the key 'smoothing'.")
        SMOOTHING.check(regularizer["smoothing"], place)
        return
    kind.values(regularizer.get("parameters", regularizer), place)
    if kind.amounts:
        kind.amount(regularizer, place)
    baseline_of(regularizer, place)
