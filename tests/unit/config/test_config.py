"""Every scale is valid; every mistake is named with its key, its value and what is allowed."""

import re

import pytest
import yaml

from entropyreg.config.loading import SCALES, check_task, load_config
from entropyreg.io.errors import UserError


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_valid(workflow_dir, scale):
    config = load_config(workflow_dir, {"scale": scale})
    assert config["scale"] == scale
    assert config["tasks"] and config["models"] and config["scale_note"]


def test_demo_is_the_default(workflow_dir):
    assert load_config(workflow_dir)["scale"] == "demo"


def test_base_holds_every_key_once_with_a_comment(workflow_dir):
    text = (workflow_dir / "config" / "base.yaml").read_text()
    keys = set(yaml.safe_load((workflow_dir / "schemas" / "config.schema.yaml").read_text())["properties"])
    assert set(yaml.safe_load(text)) == keys
    for key in keys:
        line = re.search(rf"^{key}:.*$", text, re.MULTILINE)[0]
        assert "#" in line, f"{key} has no comment"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"scale": "dmo"}, r"scale is 'dmo' \(did you mean 'demo'\?\); allowed: smoke, demo, workstation, paper"),
        ({"scal": "demo"}, r"unknown key 'scal' in the top level \(did you mean 'scale'\?\); allowed: .*data_dir"),
        ({"device": "tpu"}, r"device is 'tpu'.*allowed: cpu, cuda"),
        ({"threads": {"train": 0}}, r"threads\.train is 0; allowed: >= 1"),
        ({"partial": "perhaps"}, r"partial is 'perhaps'"),
        (
            {"tasks": {"demo_de_en": {"subword": 3}}},
            r"unknown key 'subword' in tasks\.demo_de_en \(did you mean 'subwords'",
        ),
        (
            {"tasks": {"demo_de_en": {"length": {"min": 9, "max": 3}}}},
            r"tasks\.demo_de_en\.length: min 9 is above max 3",
        ),
        ({"tasks": {"demo_de_en": {"languages": {"source": "fr"}}}}, r"registry\.de-en holds de and en"),
        ({"tasks": {"demo_de_en": {"source": {"kind": "web"}}}}, r"source\.kind is 'web'; allowed: embedded, multi30k"),
        (
            {"tasks": {"demo_de_en": {"source": {"name": "registry.de"}}}},
            r"source\.name is 'registry\.de' \(did you mean",
        ),
        ({"tasks": {"demo_de_en": {"source": {"first": 3}}}}, r"unknown key 'first' in tasks\.demo_de_en\.source"),
        ({"models": {"transformer": {"lr": float("nan")}}}, r"models\.transformer\.lr is nan; allowed: finite numbers"),
        ({"models": {"transformer": {"momentum": 0.9}}}, r"momentum belongs to optimizer 'nag'"),
        (
            {"models": {"transformer": {"arch": "fconv_iwslt_de_en"}}},
            r"belongs to a Transformer \(arch is 'fconv_iwslt",
        ),
        ({"models": {"transformer": {"precision": "fp16"}}}, r"precision is 'fp16', which needs device 'cuda'"),
        (
            {"models": {"transformer": {"embed_dim": 97}}},
            r"embed_dim is 97; allowed: multiples of attention_heads \(4\)",
        ),
        (
            {"models": {"transformer": {"selection": "best_test_bleu"}}},
            r"selection is 'best_test_bleu'.*allowed: best_v",
        ),
        (
            {"tasks": {"demo_docstrings": {"languages": {"target": "title"}}}},
            r"languages are body-title, but docstrings\.sum holds body and summary",
        ),
        (
            {"tasks": {"demo_docstrings": {"subwords": "gpt2"}}},
            r"subwords is 'gpt2', which needs lowercase false and tokenizer none",
        ),
        ({"tasks": {"demo_docstrings": {"metric": "meteor"}}}, r"metric is 'meteor'; allowed: bleu, rouge"),
        ({"tasks": {"demo_docstrings": {"decoding": {"beam": 4}}}}, r"unknown key 'beam' in tasks\.demo_docstrings"),
        (
            {"models": {"transformer": {"lr_scheduler": "polynomial_decay"}}},
            r"transformer: total_updates belongs to lr_scheduler 'polynomial_decay', which needs it",
        ),
        (
            {"models": {"transformer": {"total_updates": 9}}},
            r"total_updates belongs to lr_scheduler 'polynomial_decay'",
        ),
        (
            {"models": {"transformer": {"pretrained": "bart.large"}}},
            r"pretrained is 'bart\.large', but arch is 'transformer'",
        ),
    ],
)
def test_mistakes_are_named(workflow_dir, override, message):
    with pytest.raises(UserError, match=message):
        load_config(workflow_dir, override)


def test_a_missing_or_malformed_file_is_named(tmp_path, workflow_dir):
    with pytest.raises(UserError, match=r"base\.yaml does not exist"):
        load_config(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "base.yaml").write_text("scale: [")
    with pytest.raises(UserError, match=r"base\.yaml is not valid YAML"):
        load_config(tmp_path)


def test_a_source_of_another_kind_replaces_the_one_below_it(workflow_dir):
    source = {"kind": "parallel", "folder": "mine"}
    config = load_config(workflow_dir, {"tasks": {"demo_de_en": {"source": source, "train_pairs": 9}}})
    assert config["tasks"]["demo_de_en"]["source"] == source and config["tasks"]["demo_de_en"]["valid_pairs"] == 500
    config = load_config(workflow_dir, {"image_models": {"mlp": {"model": {"kind": "alexnet", "channels": 8}}}})
    assert config["image_models"]["mlp"]["model"] == {"kind": "alexnet", "channels": 8}
    config = load_config(workflow_dir, {"image_models": {"mlp": {"model": {"hidden": [9]}}}})
    assert config["image_models"]["mlp"]["model"] == {"kind": "mlp", "hidden": [9], "init_std": 0.1}


def test_null_takes_a_key_away_where_no_null_is_allowed(workflow_dir):
    given = {"optimizer": "nag", "adam_betas": None, "momentum": 0.9, "lr": 0.1}
    model = load_config(workflow_dir, {"models": {"transformer": given}})["models"]["transformer"]
    assert "adam_betas" not in model and given["adam_betas"] is None
    assert load_config(workflow_dir, {"tasks": {"demo_de_en": {"ratio": None}}})["tasks"]["demo_de_en"]["ratio"] is None
    with pytest.raises(UserError, match=r"models\.transformer lacks the key 'lr'"):
        load_config(workflow_dir, {"models": {"transformer": {"lr": None}}})


def test_later_overrides_are_laid_over_earlier_ones(workflow_dir):
    layers = {"scale": "demo", "threads": {"train": 2, "predict": 2}}, {"scale": "smoke", "threads": {"train": 3}}
    config = load_config(workflow_dir, *layers)
    assert config["scale"] == "smoke" and config["threads"] == {"train": 3, "predict": 2}


OWN = {
    "source": {"kind": "parallel", "folder": "mine"},
    "length": {"min": 1, "max": None},
    "lowercase": False,
    "subwords": 100,
}


@pytest.mark.parametrize(
    ("languages", "given", "message"),
    [
        (("deu", "zh-CN"), {}, None),
        (("article", "highlights"), {"tokenizer_language": "ru", "metric": "rouge"}, None),
        (("source", "de"), {"tokenizer": "none"}, None),  # the source needs no rules of its language
        (("source", "de"), {}, r"tasks\.own\.languages\.source: 'source' is the name of no language; .*tokenizer_lang"),
        (("text", "title"), {"tokenizer": "none", "metric": "rouge"}, r"tasks\.own\.languages\.target: 'title' is"),
        (("de", "en"), {"tokenizer_language": "german"}, r"tasks\.own\.tokenizer_language: 'german' .*mean 'ger'"),
        (("de", "jpn"), {}, r"tasks\.own: .*ja-mecab needs the packages MeCab and ipadic"),
        (("de", "jpn"), {"bleu_tokenizer": "char"}, None),
        (("de", "jpn"), {"metric": "rouge"}, None),
        (
            ("en", "origin"),
            {"tokenizer_language": "en"},
            r"languages\.target is 'origin', the end of other files' names",
        ),
    ],
)
def test_languages_are_known_before_anything_runs(monkeypatch, languages, given, message):
    monkeypatch.setattr("entropyreg.data.languages.find_spec", lambda package: None)
    task = {**OWN, "languages": dict(zip(("source", "target"), languages, strict=True)), **given}
    if message is None:
        check_task("own", task, None)
    else:
        with pytest.raises(UserError, match=message):
            check_task("own", task, None)


@pytest.mark.parametrize("name", ["zh-CN", "pt_BR", "zho_Hans", "DEU", "../x", "a", "de fr", "zh-"])
def test_names_of_languages_are_safe_parts_of_file_names(workflow_dir, name):
    own = {**OWN, "title": "T", "languages": {"source": "en", "target": name}, "ratio": None, "joined_dictionary": True}
    if re.fullmatch("[A-Za-z_-]+[A-Za-z]", name) and len(name) > 1:
        assert load_config(workflow_dir, {"tasks": {"own": own}})["tasks"]["own"]["languages"]["target"] == name
    else:
        with pytest.raises(UserError, match=r"tasks\.own\.languages\.target is"):
            load_config(workflow_dir, {"tasks": {"own": own}})


def test_a_mistyped_data_dir_is_refused_early(workflow_dir, tmp_path):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "none"):
        with pytest.raises(
            UserError, match=rf"data_dir is '{wrong}', but there is no such folder; allowed: a folder, or"
        ):
            load_config(workflow_dir, {"data_dir": str(wrong)})
    assert load_config(workflow_dir, {"data_dir": str(tmp_path)})["data_dir"] == str(tmp_path)


@pytest.mark.parametrize("folder", ["a{b}", "{task}", "x\ny"])
def test_a_folder_of_a_corpus_has_a_name_that_snakemake_can_bear(folder):
    task = {**OWN, "source": {"kind": "parallel", "folder": folder}, "languages": {"source": "de", "target": "en"}}
    with pytest.raises(
        UserError, match=r"tasks\.own\.source\.folder is .*; allowed: a folder without braces and control"
    ):
        check_task("own", task, None)
