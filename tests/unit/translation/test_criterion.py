"""The fairseq criterion is the library's objective: padding excluded, label smoothing with eps/V, unigram baseline."""

import argparse
import json
import types

import pytest
import torch
from fairseq import utils
from fairseq.data import Dictionary
from fairseq.models import BaseFairseqModel
from fairseq.models.transformer import TransformerModel, base_architecture
from torch.nn import functional

from entropyreg.io.errors import UserError
from entropyreg.translation import USER_DIR
from entropyreg.translation.binarization import binarize

utils.import_user_module(types.SimpleNamespace(user_dir=str(USER_DIR)))
from entropyreg_fairseq.criterion import (  # noqa: E402
    EntropyRegularizedCrossEntropy,
    declared,
    target_counts,
    unigram_baseline,
)

PAD = 1


@pytest.fixture(scope="module")
def dictionary():
    words = Dictionary()
    for word, count in {"the": 50, ".": 20, "rare": 1}.items():
        words.add_symbol(word, n=count)
    words.finalize(padding_factor=8)
    return words


class SoftmaxModel(BaseFairseqModel):
    """Probabilities as fairseq's decoders have them: the softmax of the output."""

    def get_normalized_probs(self, net_output, log_probs, sample=None):
        return net_output[0].log_softmax(-1) if log_probs else net_output[0].softmax(-1)


class Projection(SoftmaxModel):
    """A model of one linear layer, as fairseq calls it."""

    def __init__(self, n_words):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(5, n_words).double()

    def forward(self, hidden):
        return self.layer(hidden), None


@pytest.fixture
def sample():
    target = torch.tensor([[4, 5, 2], [6, 2, PAD]])
    return {"target": target, "ntokens": 5, "net_input": {"hidden": torch.randn(2, 3, 5, dtype=torch.float64)}}


def criterion(dictionary, **options):
    task = types.SimpleNamespace(target_dictionary=dictionary)
    return EntropyRegularizedCrossEntropy(task, json.dumps(options), sentence_avg=False)


@pytest.mark.parametrize("smoothing", [0.1, 0.4])
def test_skew_one_is_label_smoothing_over_the_whole_vocabulary(dictionary, sample, smoothing):
    model = Projection(len(dictionary))
    loss, size, logged = criterion(dictionary, skew=1.0, strength=smoothing / (1 - smoothing))(model, sample)
    loss.backward()
    gradient = model.layer.weight.grad.clone()
    model.zero_grad()
    logits = model(sample["net_input"]["hidden"])[0].view(-1, len(dictionary))
    expected = functional.cross_entropy(
        logits, sample["target"].view(-1), ignore_index=PAD, reduction="sum", label_smoothing=smoothing
    )
    expected.backward()
    torch.testing.assert_close((1 - smoothing) * gradient, model.layer.weight.grad)
    assert size == 5
    nll = functional.cross_entropy(logits, sample["target"].view(-1), ignore_index=PAD, reduction="sum")
    assert float(logged["nll_loss"]) == pytest.approx(nll.item())


def test_skew_zero_is_the_confidence_penalty(dictionary, sample):
    model = Projection(len(dictionary))
    loss, _, logged = criterion(dictionary, skew=0.0, strength=0.76)(model, sample)
    log_probs = model(sample["net_input"]["hidden"])[0].log_softmax(-1)
    real = sample["target"] != PAD
    entropy = -(log_probs.exp() * log_probs).sum(-1)[real].sum()
    constant = 5 * torch.log(torch.tensor(float(len(dictionary)), dtype=torch.float64))
    assert float(loss) == pytest.approx(float(logged["nll_loss"] + 0.76 * (constant - entropy)))


def test_padding_changes_nothing(dictionary, sample):
    model = Projection(len(dictionary))
    loss, _, _ = criterion(dictionary, skew=0.5, strength=1.0)(model, sample)
    sample["net_input"]["hidden"][1, 2] = 1e3
    other, _, _ = criterion(dictionary, skew=0.5, strength=1.0)(model, sample)
    assert float(loss) == pytest.approx(float(other))


class Constant(SoftmaxModel):
    """A model that returns the tensor that it was given."""

    def forward(self, logits):
        return logits, None


class Mixture(Projection):
    """A model whose probabilities are half those of its output."""

    def get_normalized_probs(self, net_output, log_probs, sample=None):
        mixed = 0.5 * net_output[0].softmax(-1) + 0.5 / net_output[0].shape[-1]
        return mixed.log() if log_probs else mixed


def test_a_model_that_does_not_take_the_softmax_of_its_output_is_refused(dictionary, sample):
    sample["net_input"]["hidden"] *= 10.0
    measure = criterion(dictionary, skew=0.5, strength=1.0)
    measure(Projection(len(dictionary)), sample)
    with pytest.raises(UserError, match="Mixture computes its probabilities by more than a softmax; allowed: models"):
        measure(Mixture(len(dictionary)), sample)


@pytest.mark.parametrize("cutoff", [None, "3,8"])
def test_a_transformer_with_an_adaptive_softmax_is_refused(dictionary, sample, cutoff):
    task = types.SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    sizes = {f"{side}_{part}": 8 for side in ("encoder", "decoder") for part in ("embed_dim", "ffn_embed_dim")}
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    args = argparse.Namespace(**sizes, **layers, adaptive_softmax_cutoff=cutoff)
    base_architecture(args)
    tokens = sample["target"]
    inputs = {"src_tokens": tokens, "src_lengths": torch.tensor([3, 2]), "prev_output_tokens": tokens}
    model, batch = TransformerModel.build_model(args, task), {"target": tokens, "ntokens": 5, "net_input": inputs}
    if cutoff is None:
        assert torch.isfinite(criterion(dictionary, skew=0.5, strength=1.0)(model, batch)[0])
        return
    with pytest.raises(
        UserError, match=r"TransformerModel has an adaptive softmax; allowed: .*adaptive-softmax-cutoff"
    ):
        criterion(dictionary, skew=0.5, strength=1.0)(model, batch)


def test_validation_leaves_the_logits_alone_and_training_overwrites_them(dictionary, sample):
    logits = torch.nn.Linear(5, len(dictionary)).double()(sample["net_input"]["hidden"])
    before, batch = logits.detach().clone(), sample | {"net_input": {"logits": logits}}
    with torch.no_grad():
        criterion(dictionary, skew=0.5, strength=1.0)(Constant(), batch)
    assert torch.equal(logits.detach(), before)
    criterion(dictionary, skew=0.5, strength=1.0)(Constant(), batch)
    assert not torch.equal(logits.detach(), before)


def counts_of(dictionary):
    counts = torch.zeros(len(dictionary), dtype=torch.float64)
    for word, count in {"the": 50, ".": 20, "rare": 1}.items():
        counts[dictionary.index(word)] = count
    counts[dictionary.eos()] = 7
    return counts


def test_the_unigram_gives_the_end_of_sentence_the_count_of_the_full_stop(dictionary):
    probabilities = unigram_baseline(counts_of(dictionary), dictionary, 1.0).probabilities
    assert float(probabilities.sum()) == pytest.approx(1)
    assert float(probabilities[dictionary.eos()]) == float(probabilities[dictionary.index(".")])
    assert float(probabilities[dictionary.index("the")] / probabilities[dictionary.index("rare")]) == pytest.approx(50)
    assert float(probabilities.min()) > 0


def test_target_counts_leave_the_source_language_out(tmp_path):
    (tmp_path / "train.de").write_text("das haus\ndas haus\n")
    (tmp_path / "train.en").write_text("the house .\nthe dog\n")
    for split in ("valid", "test"):
        for language in ("de", "en"):
            (tmp_path / f"{split}.{language}").write_text("the\nthe\n")
    languages = {"languages": {"source": "de", "target": "en"}, "joined_dictionary": True}
    binarize(languages, tmp_path, tmp_path / "binary")
    words = Dictionary.load(str(tmp_path / "binary" / "dict.en.txt"))
    options = {"source_lang": "de", "target_lang": "en", "data": str(tmp_path / "binary"), "dataset_impl": None}
    task = types.SimpleNamespace(target_dictionary=words, cfg=types.SimpleNamespace(**options))
    counts = target_counts(task)
    assert [int(counts[words.index(word)]) for word in ("the", "house", "dog", ".", "das")] == [2, 1, 1, 1, 0]
    assert int(counts[words.eos()]) == 2


def test_a_baseline_changes_the_loss(dictionary, sample):
    model = Projection(len(dictionary))
    uniform, _, _ = criterion(dictionary, skew=0.5, strength=1.0)(model, sample)
    tilted = criterion(dictionary, skew=0.5, strength=1.0)
    tilted.distribution = unigram_baseline(counts_of(dictionary), dictionary, 1.0)
    assert tilted(model, sample)[0].item() != pytest.approx(uniform.item())


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"skew": 0.5, "strength": 1.0, "order": 1.5}', "'order' is unknown; allowed: strength, skew, generator"),
        ('{"skew": 0.5, "strength": 1.0, "strength": 2.0}', "'strength' is given twice"),
        ('{"skew": 0.5}', "lacks 'strength'"),
        ('{"strength": 1.0}', "lacks its skew"),
        ('{"generator": "euclidean", "skew": 0.5, "strength": 1.0}', "skew needs generator 'entropy'"),
        ('{"generator": "renyi", "strength": 1.0}', "generator is 'renyi'; allowed: entropy, euclidean"),
        ('{"skew": 0.5, "strength": 1.0, "baseline": "bigram"}', "baseline is 'bigram'; allowed: uniform, unigram"),
        ('{"skew": 0.5, "strength": 1.0, "unigram_temperature": 2.0}', "unigram_temperature needs baseline 'unigram'"),
        ('{"skew": "0.5", "strength": 1.0}', "skew is '0.5'; allowed: a number"),
        ('["skew"]', "allowed: a JSON object of strength"),
        ("[]", "lacks 'strength'"),
        ("skew=0.5", "no JSON"),
    ],
)
def test_a_declaration_that_is_not_understood_whole_is_refused(text, words):
    with pytest.raises(UserError) as raised:
        declared(text)
    assert words in str(raised.value)
