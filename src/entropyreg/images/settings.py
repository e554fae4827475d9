"""The settings of an image run, checked against `settings.schema.yaml`, which describes every key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.errors import UserError
from entropyreg.schemas import validate

SCHEMA = Path(__file__).with_name("settings.schema.yaml")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise `UserError` for an unknown key, a wrong value, or keys that contradict each other."""
    validate(settings, SCHEMA, f"run '{settings.get('run')}'")
    place, optimiser, regularizer = f"run '{settings['run']}'", settings["optimiser"], settings["regularizer"]
    if ("epochs" in settings) == ("updates" in settings):
        raise UserError(f"{place}: the length of training is either 'epochs' or 'updates'.")
    if optimiser.get("nesterov") and (optimiser.get("gradient_smoothing") or not optimiser.get("momentum")):
        raise UserError(f"{place}: optimiser.nesterov needs a momentum and no gradient_smoothing.")
    if regularizer["kind"] in ("skew_jensen", "confidence_penalty") and ("strength" in regularizer) == (
        "entropy" in regularizer
    ):
        raise UserError(f"{place}: regularizer '{regularizer['kind']}' needs either 'strength' or 'entropy'.")
    for kind, key in (("label_smoothing", "smoothing"), ("skew_jensen", "skew"), ("euclidean", "strength")):
        if regularizer["kind"] == kind and key not in regularizer:
            raise UserError(f"{place}: regularizer '{kind}' needs the key '{key}'.")
