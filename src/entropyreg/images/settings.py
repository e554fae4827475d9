"""The settings of an image run, checked against `settings.schema.yaml`, which describes every key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.experiments.kinds import KINDS, check_choice
from entropyreg.experiments.regularizer import ARM_KEYS
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import validate

SCHEMA = Path(__file__).with_name("settings.schema.yaml")
REGULARIZERS = {kind: ARM_KEYS[kind] for kind in KINDS} | {"label_smoothing": (("smoothing",), ())}
"""Kind: (required keys, further keys). Those of text, but for label smoothing, which has paper B's form here."""


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
    """Raise `UserError` for an unknown kind, and for a key that its kind does not have or lacks."""
    kind = regularizer["kind"]
    if kind not in REGULARIZERS:
        raise UserError(f"{place}: regularizer.kind is {kind!r}; allowed: {', '.join(REGULARIZERS)}.")
    required, further = REGULARIZERS[kind]
    for key in regularizer:
        if key not in ("kind", *required, *further):
            allowed = ", ".join((*required, *further)) or "nothing"
            raise UserError(f"{place}: regularizer '{kind}' takes no '{key}'; allowed: {allowed}.")
    for key in required:
        if key not in regularizer:
            raise UserError(f"{place}: regularizer '{kind}' needs the key '{key}'.")
    if "entropy" in further and ("strength" in regularizer) == ("entropy" in regularizer):
        raise UserError(f"{place}: regularizer '{kind}' needs either 'strength' or 'entropy'.")
    check_choice("baseline", regularizer.get("baseline", "uniform"), place)
    if "unigram_temperature" in regularizer and regularizer.get("baseline") != "unigram":
        raise UserError(f"{place}: regularizer.unigram_temperature needs baseline 'unigram'.")
