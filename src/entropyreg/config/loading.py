"""The configuration of a scale: base.yaml, the scale's file and the user's overrides, merged and validated."""

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from entropyreg.config.paths import SCALES
from entropyreg.data.corpora import needed_sources
from entropyreg.data.embedded import languages_of
from entropyreg.data.languages import bleu_tokenizer, check_bleu_tokenizer, language_code
from entropyreg.images.settings import check_settings
from entropyreg.io.errors import UserError
from entropyreg.io.schemas import merged, read_keys, suggestion, validate, without_nulls

FOLDERS = ("results_dir", "figures_dir", "data_dir", "download_dir")


def load_config(workflow_dir: str | Path, *overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the validated configuration.

    `workflow_dir` is the project's `workflow` folder; `overrides` are laid over its files in their order. A key that is
    null where no null is allowed is taken away. Raises `UserError` naming the key, the value and what is allowed.
    """
    folder = Path(workflow_dir)
    base, schema = read_keys(folder / "config" / "base.yaml"), folder / "schemas" / "config.schema.yaml"
    given = reduce(merged, overrides, {})
    scale = given.get("scale", base.get("scale"))
    check_scale(scale)
    config = merged(merged(base, read_keys(folder / "config" / f"{scale}.yaml")), {**given, "scale": scale})
    config = without_nulls(config, schema)
    validate(config, schema, f"configuration of scale '{scale}'")
    check_folders(config)
    check_temperatures(config["decoding"]["temperatures"], "decoding.temperatures")
    for name, task in config["tasks"].items():
        check_task(name, task, config["data_dir"])
    for name, model in config["models"].items():
        check_model(name, model, config["device"])
    for name in config["image_tasks"]:
        check_image_task(name, config)
    for name, model in config["image_models"].items():
        check_image_model(name, model, config["device"])
    if not config["tasks"] or not config["models"]:
        raise UserError(f"scale '{scale}' has no tasks or no models.")
    return config


def check_scale(scale: Any) -> None:
    if scale not in SCALES:
        raise UserError(f"scale is {scale!r}{suggestion(str(scale), SCALES)}; allowed: {', '.join(SCALES)}.")


def check_folders(config: Mapping[str, Any]) -> None:
    """Folders have names that Snakemake can bear, and the user's own exists: a mistyped one would be left aside."""
    for key in FOLDERS:
        if config[key] is not None:
            check_folder_name(key, config[key])
    if config["data_dir"] is not None and not Path(config["data_dir"]).is_dir():
        raise UserError(f"data_dir is {config['data_dir']!r}, but there is no such folder; allowed: a folder, or null.")


def check_folder_name(key: str, folder: str) -> None:
    """No folder has braces, which Snakemake takes for a pattern, or control characters, which its logs cannot show."""
    if any(one in "{}" or not one.isprintable() for one in folder):
        raise UserError(f"{key} is {folder!r}; allowed: a folder without braces and control characters.")


def check_temperatures(temperatures: Sequence[float], place: str) -> None:
    """Temperatures rise, and 1 is among them: everything is compared with it."""
    if list(temperatures) != sorted(set(temperatures)) or 1 not in temperatures:
        raise UserError(f"{place} is {list(temperatures)}; allowed: rising numbers, 1 among them.")


def check_task(name: str, task: Mapping[str, Any], data_dir: str | None) -> None:
    """What the schema cannot say about a task."""
    if task["length"]["max"] is not None and task["length"]["min"] > task["length"]["max"]:
        raise UserError(f"tasks.{name}.length: min {task['length']['min']} is above max {task['length']['max']}.")
    if task["languages"]["source"] == task["languages"]["target"]:
        raise UserError(f"tasks.{name}.languages: source and target are both '{task['languages']['source']}'.")
    if task["source"]["kind"] == "embedded":
        pair = languages_of(task["source"]["name"])
        if sorted(pair) != sorted(task["languages"].values()):
            raise UserError(
                f"tasks.{name}.languages are {task['languages']['source']}-{task['languages']['target']}, "
                f"but {task['source']['name']} holds {' and '.join(pair)}."
            )
        if "split" not in task:
            raise UserError(f"tasks.{name} lacks the key 'split', which an embedded set needs.")
    if task["source"]["kind"] == "parallel":
        check_folder_name(f"tasks.{name}.source.folder", task["source"]["folder"])
    if "temperatures" in task.get("decoding", {}):
        check_temperatures(task["decoding"]["temperatures"], f"tasks.{name}.decoding.temperatures")
    try:
        needed_sources(task)
    except UserError as error:
        raise UserError(f"tasks.{name}: {error}") from None
    check_languages(name, task)
    if task["subwords"] == "gpt2" and (task["lowercase"] or task.get("tokenizer", "moses") != "none"):
        raise UserError(f"tasks.{name}.subwords is 'gpt2', which needs lowercase false and tokenizer none.")


def check_languages(name: str, task: Mapping[str, Any]) -> None:
    """The tokenizers of preparation and of BLEU know the languages of a task, which is told before any training."""
    needed = {"target"} if task.get("tokenizer") == "none" else {"source", "target"}  # 'none' has no rules of languages
    for side in sorted(needed):
        if task["languages"][side] in ("origin", "reference"):
            raise UserError(
                f"tasks.{name}.languages.{side} is '{task['languages'][side]}', the end of other files' names."
            )
        key = "tokenizer_language" if "tokenizer_language" in task else f"languages.{side}"
        try:
            code = language_code(task.get("tokenizer_language", task["languages"][side]))
        except UserError as error:
            raise UserError(f"tasks.{name}.{key}: {error}") from None
    if task.get("metric", "bleu") == "bleu":
        try:
            check_bleu_tokenizer(task.get("bleu_tokenizer") or bleu_tokenizer(code))
        except UserError as error:
            raise UserError(f"tasks.{name}: {error}") from None


def check_model(name: str, model: Mapping[str, Any], device: str) -> None:
    """What the schema cannot say about a model."""
    if model["precision"] == "fp16" and device == "cpu":
        raise UserError(
            f"models.{name}.precision is 'fp16', which needs device 'cuda' (device is 'cpu'); allowed: fp32."
        )
    for key in ("validate_every_epochs", "save_every_epochs"):
        if "validate_every_updates" in model and key in model:
            raise UserError(f"models.{name}: give validate_every_updates or {key}, not both.")
    if "validate_every_updates" in model and "max_update" not in model:
        raise UserError(f"models.{name}: validate_every_updates needs max_update (max_epoch goes with epochs).")
    if (model["lr_scheduler"] == "polynomial_decay") != ("total_updates" in model):
        raise UserError(f"models.{name}: total_updates belongs to lr_scheduler 'polynomial_decay', which needs it.")
    if "pretrained" in model and model["pretrained"].replace(".", "_") != model["arch"]:
        raise UserError(f"models.{name}.pretrained is '{model['pretrained']}', but arch is '{model['arch']}'.")
    if model["optimizer"] == "adam" and "momentum" in model:
        raise UserError(f"models.{name}.momentum belongs to optimizer 'nag' (optimizer is 'adam').")
    if model["optimizer"] == "nag" and {"adam_betas", "adam_eps"} & set(model):
        raise UserError(f"models.{name}.adam_betas and adam_eps belong to optimizer 'adam' (optimizer is 'nag').")
    for key in ("embed_dim", "ffn_dim", "attention_heads", "layers", "share_embeddings"):
        if model["arch"].startswith("fconv") and key in model:
            raise UserError(f"models.{name}.{key} belongs to a Transformer (arch is '{model['arch']}').")
    for key, always in ("share_embeddings", "all"), ("layernorm_embedding", True):
        if model["arch"].startswith("bart") and model.get(key, always) != always:
            raise UserError(f"models.{name}.{key} is {model[key]!r}, but arch '{model['arch']}' always has {always!r}.")
    heads, width = model.get("attention_heads", 1), model.get("embed_dim", 0)
    if width % heads:
        raise UserError(f"models.{name}.embed_dim is {width}; allowed: multiples of attention_heads ({heads}).")


def check_image_task(name: str, config: Mapping[str, Any]) -> None:
    """What the schema cannot say about a set of images."""
    if name in config["tasks"]:
        raise UserError(f"image_tasks.{name} has the name of a text task; allowed: names of its own.")
    for model in config["image_tasks"][name].get("published_as", {}):
        if model not in config["image_models"]:
            raise UserError(
                f"image_tasks.{name}.published_as names the unknown image model '{model}'"
                f"{suggestion(model, config['image_models'])}; allowed: {', '.join(sorted(config['image_models']))}."
            )


def check_image_model(name: str, model: Mapping[str, Any], device: str) -> None:
    """What the schema cannot say about an image model: keys that contradict each other."""
    settings = {key: value for key, value in model.items() if key != "title"}
    check_settings(
        {"run": f"image_models.{name}", "device": device, "seeds": [1], "regularizer": {"kind": "none"}, **settings}
    )
