"""The arguments of fairseq for one run: a pure function of its settings, checked by golden files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entropyreg.io.errors import UserError
from entropyreg.translation import USER_DIR

FLAGS = {  # key of a model in the configuration: fairseq's option
    "arch": "--arch",
    "dropout": "--dropout",
    "attention_dropout": "--attention-dropout",
    "activation_dropout": "--activation-dropout",
    "optimizer": "--optimizer",
    "adam_betas": "--adam-betas",
    "adam_eps": "--adam-eps",
    "momentum": "--momentum",
    "weight_decay": "--weight-decay",
    "lr": "--lr",
    "lr_scheduler": "--lr-scheduler",
    "total_updates": "--total-num-update",
    "warmup_updates": "--warmup-updates",
    "warmup_init_lr": "--warmup-init-lr",
    "stop_min_lr": "--stop-min-lr",
    "lr_shrink": "--lr-shrink",
    "force_anneal": "--force-anneal",
    "clip_norm": "--clip-norm",
    "max_tokens": "--max-tokens",
    "update_freq": "--update-freq",
    "max_update": "--max-update",
    "max_epoch": "--max-epoch",
    "patience": "--patience",
}
BOTH_SIDES = {  # key: options of the encoder and of the decoder
    "layers": ("--encoder-layers", "--decoder-layers"),
    "embed_dim": ("--encoder-embed-dim", "--decoder-embed-dim"),
    "ffn_dim": ("--encoder-ffn-embed-dim", "--decoder-ffn-embed-dim"),
    "attention_heads": ("--encoder-attention-heads", "--decoder-attention-heads"),
}
SWITCHES = {  # key: option without a value, if the key is true
    "layernorm_embedding": "--layernorm-embedding",
    "truncate_source": "--truncate-source",
    "skip_invalid_size": "--skip-invalid-size-inputs-valid-test",
}
SHARED_EMBEDDINGS = {
    "all": ["--share-all-embeddings"],
    "decoder": ["--share-decoder-input-output-embed"],
    "none": [],
}
SELECTION = {  # rule: options that make fairseq keep that checkpoint as checkpoint_best
    "best_validation_nll": ["--best-checkpoint-metric", "nll_loss"],
    "best_validation_bleu": ["--best-checkpoint-metric", "bleu", "--maximize-best-checkpoint-metric"],
    "last": ["--best-checkpoint-metric", "nll_loss"],
}
PRECISION = {"fp32": [], "fp16": ["--fp16"]}
NEVER = str(10**9)


ORIGINS = ("entropy", "proposal")  # fields of a regularizer that say where its skew and strength come from


def training_arguments(
    settings: Mapping[str, Any],
    binary_dir: str | Path,
    checkpoint_dir: str | Path,
    pretrained: str | Path | None = None,
) -> list[str]:
    """Arguments of `fairseq-train`.

    `settings` is what `entropyreg.config.settings.training_settings` gives: model, regularizer, languages, seed, device.
    `pretrained` is the file with the weights that a model with the key of that name starts from.
    """
    arguments = [str(binary_dir), "--user-dir", str(USER_DIR), "--task", "translation"]
    arguments += ["--source-lang", settings["languages"]["source"], "--target-lang", settings["languages"]["target"]]
    arguments += model_arguments(settings["model"])
    arguments += criterion_arguments(settings["regularizer"])
    if settings["device"] == "cpu":
        arguments.append("--cpu")
    if pretrained is not None:
        # Like --restore-file with a fresh optimizer, schedule and data; but that would be repeated on resuming, while
        # this gives way to the run's own last checkpoint.
        arguments += ["--finetune-from-model", str(pretrained)]
    # With fairseq's default of 8 the last batch, of the longest sentences, is silently dropped when it is no multiple.
    arguments += ["--required-batch-size-multiple", "1"]
    # Batches anew in every epoch. By default the first epoch of a process makes them, with a seed of its own number: a
    # run resumed in a later epoch would go on with other batches than the uninterrupted one.
    arguments += ["--update-epoch-batch-itr", "True"]
    arguments += ["--distributed-world-size", "1", "--num-workers", "0" if settings["device"] == "cpu" else "2"]
    arguments += ["--seed", str(settings["seed"]), "--save-dir", str(checkpoint_dir)]
    return [*arguments, "--log-format", "json", "--log-interval", "20"]


def model_arguments(model: Mapping[str, Any]) -> list[str]:
    """The options that a model of the configuration sets; a key that none of them takes is refused."""
    left = {key: value for key, value in model.items() if key != "pretrained"}  # `training_arguments` has its file
    arguments = []
    for key, flag in FLAGS.items():
        if key in left:
            arguments += [flag, text_of(left.pop(key))]
    for key, flags in BOTH_SIDES.items():
        if key in left:
            value = text_of(left.pop(key))
            arguments += [part for flag in flags for part in (flag, value)]
    arguments += [flag for key, flag in SWITCHES.items() if left.pop(key, False)]
    arguments += SHARED_EMBEDDINGS[left.pop("share_embeddings", "none")]
    arguments += schedule_of_validation(left)
    selection, beam = left.pop("selection"), left.pop("selection_beam", 5)
    arguments += SELECTION[selection]
    if selection == "best_validation_bleu":
        arguments += ["--eval-bleu", "--eval-bleu-remove-bpe", "--eval-bleu-args", json.dumps({"beam": beam})]
    arguments += PRECISION[left.pop("precision")]
    if left:
        raise UserError(f"the model's {', '.join(map(repr, left))} would reach no option of fairseq: leave it out.")
    return arguments


def criterion_arguments(regularizer: Mapping[str, Any]) -> list[str]:
    """The criterion with the whole declaration of a regularizer whose strength is known (`resolution.resolve`).

    Every field that is set goes there in one piece, and the criterion refuses those that it does not know.
    """
    if regularizer["strength"] is None:
        raise ValueError(f"the strength of {dict(regularizer)} is not known yet: resolve it first.")
    declared = {key: value for key, value in regularizer.items() if value is not None and key not in ORIGINS}
    return ["--criterion", "entropy_regularized_cross_entropy", "--regularizer", json.dumps(declared)]


def schedule_of_validation(left: dict[str, Any]) -> list[str]:
    """Validate and save every so many updates, or every so many epochs; keep what resuming needs.

    The keys that say so are taken out of `left`; by updates those of the epochs stay.
    """
    if "validate_every_updates" in left:
        every = str(left.pop("validate_every_updates"))
        by_epoch = ["--validate-interval", NEVER, "--save-interval", NEVER, "--no-epoch-checkpoints"]
        by_update = ["--validate-interval-updates", every, "--save-interval-updates", every]
        return [*by_update, "--keep-interval-updates", "2", *by_epoch]
    validate, save = str(left.pop("validate_every_epochs", 1)), str(left.pop("save_every_epochs", 1))
    return ["--validate-interval", validate, "--save-interval", save, "--keep-last-epochs", "4"]


def text_of(value: Any) -> str:
    """A value as fairseq's parser reads it."""
    if isinstance(value, list):
        return "(" + ", ".join(str(part) for part in value) + ")"
    return str(value)
