"""CTranslate2 decodes what fairseq decodes; a temperature is in the projection alone."""

import random
import re
import sys
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from fairseq import options, tasks, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from entropyreg.experiments import Regularizer
from entropyreg.io.errors import UserError
from entropyreg.translation.beam import Hypothesis, build_generator, search
from entropyreg.translation.binarization import binarize
from entropyreg.translation.command import training_arguments
from entropyreg.translation.ctranslate import (
    agreement,
    convert,
    converted,
    decode,
    library,
    search_options,
    sources_of,
    usable,
    vocabulary,
    with_temperature,
)
from entropyreg.translation.prediction import iterate_batches

SENTENCES = 60
TRAINING = 100  # updates
LANGUAGES = {"source": "xx", "target": "yy"}


def hypotheses(*rows):
    return [Hypothesis(number, -1.0, torch.tensor(tokens)) for number, tokens in rows]


def test_agreement_is_the_share_of_equal_best_hypotheses_in_any_order():
    ours = hypotheses((0, [4, 2]), (1, [5, 2]), (2, [6, 2]), (3, [7, 8, 2]))
    theirs = hypotheses((3, [7, 8, 2]), (2, [6, 2]), (0, [4, 2]), (1, [5, 5, 2]))
    assert agreement(ours, theirs) == 0.75
    assert agreement(ours, ours) == 1


@pytest.mark.parametrize("theirs", [[], hypotheses((1, [4, 2])), hypotheses((0, [4, 2]), (1, [4, 2]))])
def test_other_sentences_have_no_agreement(theirs):
    with pytest.raises(ValueError, match="same sentences"):
        agreement(hypotheses((0, [4, 2])), theirs)
    with pytest.raises(ValueError, match="same sentences"):
        agreement([], [])


def test_99_percent_is_usable_and_less_is_not():
    assert usable(0.99) and usable(1.0)
    assert not usable(989 / 1000)


@pytest.mark.parametrize(("width", "limit"), [(1, 11), (9, 20), (100, 49)])
def test_the_limit_is_fairseqs_and_one_for_the_end_of_sentence(width, limit):
    generator = SimpleNamespace(max_len_a=1.2, max_len_b=10, max_len=50, min_len=1, len_penalty=0.6, beam_size=4)
    generator.repeat_ngram_blocker = SimpleNamespace(no_repeat_ngram_size=3)
    assert search_options(generator, width) == {
        "beam_size": 4,
        "length_penalty": 0.6,
        "max_decoding_length": limit + 1,
        "min_decoding_length": 1,
        "no_repeat_ngram_size": 3,
        "max_input_length": 0,
    }


def test_a_missing_library_is_told_with_its_lock(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(UserError, match=r"requirements/ctranslate\.lock"):
        library()


def test_its_lock_is_hashed_and_agrees_with_the_others_which_do_not_have_it(root):
    locks = {path.stem: path.read_text() for path in (root / "requirements").glob("*.lock")}
    pins = {name: dict(re.findall(r"^([a-z0-9._-]+)==([^ \\]+)", text, re.MULTILINE)) for name, text in locks.items()}
    assert [name for name in pins if "ctranslate2" in pins[name]] == ["ctranslate"]
    assert "://" not in locks["ctranslate"]
    assert all(
        f"{one}=={pins['ctranslate'][one]} \\\n    --hash=sha256:" in locks["ctranslate"] for one in pins["ctranslate"]
    )
    assert all(pins["pipeline"][one] == pin for one, pin in pins["ctranslate"].items() if one != "ctranslate2")
    for path in (root / "envs").glob("*.yaml"):
        assert "ctranslate2" not in path.read_text()


# From here on with the library.


@pytest.fixture(scope="module")
def binary_dir(tmp_path_factory):
    """Random sentences of 3 to 9 of 24 words, the target with the same words."""
    random.seed(1)
    folder = tmp_path_factory.mktemp("ctranslate")
    lines = [" ".join(random.choices("abcdefghijklmnopqrstuvwx", k=random.randint(3, 9))) for _ in range(SENTENCES)]
    for split in ("train", "valid", "test"):
        for language in LANGUAGES.values():
            (folder / f"{split}.{language}").write_text("\n".join(lines) + "\n")
    binarize({"languages": LANGUAGES, "joined_dictionary": True}, folder, folder / "binary")
    return folder / "binary"


def settings_of(share_embeddings="all"):
    model = {"arch": "transformer", "layers": 2, "embed_dim": 32, "ffn_dim": 48, "attention_heads": 2, "dropout": 0.1}
    model |= {"optimizer": "adam", "lr": 1e-3, "max_tokens": 100, "max_update": 1, "precision": "fp32"}
    model |= {"share_embeddings": share_embeddings, "selection": "last"}
    return {"model": model, "languages": LANGUAGES, "regularizer": asdict(Regularizer()), "seed": 1, "device": "cpu"}


def build(settings, binary_dir):
    """Task and model, with random weights."""
    arguments = training_arguments(settings, binary_dir, "unused")
    config = convert_namespace_to_omegaconf(
        options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    )
    utils.import_user_module(config.common)
    torch.manual_seed(1)
    task = tasks.setup_task(config.task)
    return task, task.build_model(config.model).eval()


@pytest.fixture(scope="module")
def trained(binary_dir):
    """A model that has learned a little: its hypotheses differ, and end."""
    pytest.importorskip("ctranslate2")
    task, model = build(settings_of(), binary_dir)
    batches, pad = list(iterate_batches(task, "train", 1000)), task.target_dictionary.pad()
    for _ in range(TRAINING):
        for batch in batches:
            logits = model(**batch["net_input"])[0]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["target"].flatten(), ignore_index=pad)
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():  # the sign alone; importing torch.optim takes seconds
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter.sub_(3e-3 * gradient.sign())
    return task, model


@pytest.fixture(scope="module")
def translator(binary_dir, trained):
    with converted(settings_of(), binary_dir, trained[1]) as made:
        yield made


def both(task, model, translator, decoding):
    """What fairseq and CTranslate2 find on the corpus."""
    batches = list(iterate_batches(task, "valid", 150))
    assert len(batches) > 2
    generator = build_generator(task, model, {"max_length_factor": 1.2, "max_length_offset": 10, **decoding})
    with torch.no_grad():
        found = list(search(task, model, generator, batches))
    return found, list(decode(translator, task, generator, batches)), task.target_dictionary.eos()


@pytest.mark.parametrize(("beam", "penalty"), [(1, 1.0), (2, 0.0), (5, 1.0), (5, 0.5), (5, 2.0), (10, 1.0)])
def test_the_best_hypotheses_are_fairseqs(trained, translator, beam, penalty):
    ours, theirs, end = both(*trained, translator, {"beam": beam, "length_penalty": penalty})
    lengths = {len(one.tokens) for one in ours}
    assert len(lengths) > 5 and len({tuple(one.tokens.tolist()) for one in ours}) > 0.9 * SENTENCES
    assert [one.number for one in theirs] == [one.number for one in ours]
    assert all(one.tokens[-1] == end and end not in one.tokens[:-1] for one in theirs)
    assert usable(agreement(ours, theirs))


def test_without_a_least_length_the_scores_are_fairseqs(trained, translator):
    ours, theirs, _ = both(*trained, translator, {"beam": 5, "length_penalty": 1.3, "min_length": 0})
    assert agreement(ours, theirs) == 1
    assert [one.score for one in theirs] == pytest.approx([one.score for one in ours], abs=1e-5)


def test_hypotheses_end_at_fairseqs_limit(trained, translator):
    ours, theirs, end = both(*trained, translator, {"beam": 1, "max_length_factor": 0, "max_length_offset": 3})
    assert agreement(ours, theirs) == 1
    assert max(len(one.tokens) for one in theirs) == 4
    assert all(one.tokens[-1] == end for one in theirs)


def log_probabilities(task, model, batch, temperature):
    """fairseq's log softmax(logits / temperature) of the gold tokens, sentence by sentence."""
    with torch.no_grad():
        logits = model(**batch["net_input"])[0]  # (B, N, V)
    gold = batch["target"].unsqueeze(-1)  # (B, N, 1)
    values = (logits / temperature).log_softmax(-1).gather(-1, gold).squeeze(-1)  # (B, N)
    kept = batch["target"] != task.target_dictionary.pad()
    return [row[mask].tolist() for row, mask in zip(values, kept, strict=True)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("share", ["all", "decoder", "none"])
def test_the_distribution_is_the_softmax_at_the_temperature(binary_dir, share, temperature):
    pytest.importorskip("ctranslate2")
    task, model = build(settings_of(share), binary_dir)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = next(iterate_batches(task, "valid", 100))
    names, pad = vocabulary(task.target_dictionary), task.target_dictionary.pad()
    targets = [[names[token] for token in row if token != pad][:-1] for row in batch["target"].tolist()]
    with converted(settings_of(share), binary_dir, model, temperature) as translator:
        results = translator.score_batch(sources_of(batch, task.source_dictionary), targets)
    expected = log_probabilities(task, model, batch, temperature)
    for result, row in zip(results, expected, strict=True):
        assert result.log_probs == pytest.approx(row, abs=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_temperature_scales_a_copy_of_the_projection_and_nothing_else():
    specs = pytest.importorskip("ctranslate2.specs")
    shared = torch.arange(6.0).reshape(3, 2).numpy()
    spec = specs.TransformerSpec.from_config((1, 1), 2)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = shared
    spec.decoder.projection.bias = torch.tensor([2.0, 4.0, 6.0]).numpy()
    assert with_temperature(spec, 1.0).decoder.projection.weight is shared
    projection = with_temperature(spec, 2.0).decoder.projection
    assert projection.weight.tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert projection.bias.tolist() == [1, 2, 3]
    assert spec.decoder.embeddings.weight is shared and shared.tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="positive and finite"):
        with_temperature(None, temperature)


def test_a_model_that_is_no_transformer_is_refused(tmp_path):
    pytest.importorskip("ctranslate2")
    with pytest.raises(UserError, match="decodes Transformers, and this model is a Linear"):
        convert(settings_of(), tmp_path, torch.nn.Linear(1, 1), tmp_path / "model")
