"""Every architecture of paper A learns a batch of two sentences at its published size; its parameters are counted."""

import os
import subprocess
import sys
from dataclasses import asdict
from itertools import pairwise

import pytest
import torch
from fairseq import options, tasks, utils
from fairseq.data import LanguagePairDataset
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from entropyreg.config.loading import load_config
from entropyreg.experiments import Regularizer
from entropyreg.translation.beam import build_generator, search
from entropyreg.translation.binarization import binarize
from entropyreg.translation.command import training_arguments
from entropyreg.translation.repairs import block_repeats, forget_beam

pytestmark = pytest.mark.slow
SYMBOLS = 4  # <s> <pad> </s> <unk>, before the words of a dictionary
POSITIONS = 1024 + 2  # BART's learned ones, which begin after the number of <pad>, 1
ON_A_CPU = {"precision": "fp32", "warmup_updates": 1, "update_freq": 1, "selection": "best_validation_nll"}


def linear(n_in, n_out):
    return n_in * n_out + n_out


def layer_norm(width):
    return 2 * width


def transformer_layers(width, inner, n_layers=6):
    """Four projections an attention; a norm after each sub-layer, 2 in the encoder and 3 in the decoder."""
    attention = 4 * linear(width, width)
    feed_forward = linear(width, inner) + linear(inner, width)
    encoder = attention + feed_forward + 2 * layer_norm(width)
    decoder = 2 * attention + feed_forward + 3 * layer_norm(width)
    return n_layers * (encoder + decoder)


def fconv(n_source, n_target, width=256, kernel=3, positions=1024):
    """Normalised weights have a length for each output beside the direction; gates double a convolution's outputs."""
    projection = linear(width, width) + width
    convolution = kernel * width * 2 * width + 2 * (2 * width)
    encoder = (n_source + positions) * width + 2 * projection + 4 * convolution
    decoder = (n_target + positions) * width + 2 * projection + 3 * (convolution + 2 * projection)
    return encoder + decoder + linear(width, n_target) + n_target


def paper_model(workflow_dir, name):
    return load_config(workflow_dir, {"scale": "paper"})["models"][name]


def configure(model, folder, n_source, n_target):
    """fairseq's configuration and task for a model, with dictionaries of so many entries."""
    for language, size in (("de", n_source), ("en", n_target)):
        words = "".join(f"{number} 1\n" for number in range(size - SYMBOLS))
        (folder / f"dict.{language}.txt").write_text(words)
    settings = {
        "model": {key: value for key, value in model.items() if key not in ("validate_every_updates", "pretrained")},
        "languages": {"source": "de", "target": "en"},
        "regularizer": asdict(Regularizer(0.5, 1.0)),
        "seed": 1,
        "device": "cpu",
    }
    settings["model"] |= ON_A_CPU
    arguments = training_arguments(settings, folder, folder / "checkpoints")
    config = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), arguments))
    utils.import_user_module(config.common)
    return config, tasks.setup_task(config.task)


def trainer_of(*arguments):
    """fairseq's trainer of what `configure` takes."""
    config, task = configure(*arguments)
    torch.manual_seed(1)
    return Trainer(config, task, task.build_model(config.model), task.build_criterion(config.criterion))


def two_sentences(task):
    """A batch of two pairs of different lengths, as the task collates them."""
    draw = torch.Generator().manual_seed(1)

    def sentence(dictionary, length):
        words = torch.randint(SYMBOLS, len(dictionary), (length,), generator=draw)
        return torch.cat([words, torch.tensor([dictionary.eos()])])

    sources = [sentence(task.source_dictionary, length) for length in (9, 5)]
    targets = [sentence(task.target_dictionary, length) for length in (6, 8)]
    lengths = [[len(one) for one in side] for side in (sources, targets)]
    pairs = LanguagePairDataset(
        sources, lengths[0], task.source_dictionary, targets, lengths[1], task.target_dictionary
    )
    return pairs.collater([pairs[0], pairs[1]])


def losses_while_training(trainer, n_steps=3):
    """The loss of the batch per target token without dropout, before each of the steps on it and after the last.

    A schedule that warms up begins at a learning rate of 0, so that the first step may change nothing.
    """
    batch = two_sentences(trainer.task)

    def loss():
        trainer.model.eval()
        with torch.no_grad():
            return float(trainer.criterion(trainer.model, batch)[0]) / batch["ntokens"]

    trainer.begin_epoch(1)
    found = [loss()]
    for _ in range(n_steps):
        trainer.train_step([batch])
        found.append(loss())
    assert trainer.get_num_updates() == n_steps
    return found


def falls(losses):
    return losses[1] <= losses[0] and all(after < before for before, after in pairwise(losses[1:]))


def n_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


IWSLT_SIZES = (10_000, 9_000)  # two dictionaries; the target's is shared by decoder input and output
PAPER_TRANSFORMERS = [
    # name in paper.yaml, dictionaries, parameters
    ("transformer_iwslt", IWSLT_SIZES, sum(IWSLT_SIZES) * 512 + transformer_layers(512, 1024)),
    ("transformer_wmt", (40_000, 40_000), 40_000 * 512 + transformer_layers(512, 2048)),  # one dictionary for all
    ("transformer_wmt", (32_000, 32_000), 32_000 * 512 + transformer_layers(512, 2048)),  # paper B, En-De
]


@pytest.mark.parametrize("name, sizes, expected", PAPER_TRANSFORMERS)
def test_the_transformers_of_the_papers(workflow_dir, tmp_path, name, sizes, expected):
    trainer = trainer_of(paper_model(workflow_dir, name), tmp_path, *sizes)
    assert n_parameters(trainer.model) == expected
    found = losses_while_training(trainer)
    assert falls(found), found


def test_parameters_in_known_numbers():
    """As published for the base model of Vaswani et al. 2017, 65 million with about 37,000 entries, less rounding."""
    assert 37_000 * 512 + transformer_layers(512, 2048) == pytest.approx(65e6, rel=0.03)
    assert transformer_layers(512, 1024) == 31_543_296 and transformer_layers(512, 2048) == 44_138_496


def test_the_convolutional_model(workflow_dir, tmp_path):
    trainer = trainer_of(paper_model(workflow_dir, "fconv_iwslt"), tmp_path, *IWSLT_SIZES)
    assert n_parameters(trainer.model) == fconv(*IWSLT_SIZES)
    found = losses_while_training(trainer)
    assert falls(found), found


BART_SIZE = {"arch": "bart_base", "layers": 2, "embed_dim": 64, "ffn_dim": 128, "attention_heads": 4}


def small_bart(workflow_dir):
    """The recipe of CNN/DailyMail with a smaller model: all else is BART's, 1,024 learned positions included."""
    return paper_model(workflow_dir, "bart_large") | BART_SIZE


def test_bart_at_a_reduced_size(workflow_dir, tmp_path):
    trainer = trainer_of(small_bart(workflow_dir) | {"lr": 1e-3}, tmp_path, 500, 500)
    embeddings = (500 + 2 * POSITIONS) * 64 + 2 * layer_norm(64)  # shared words; positions and norm on either side
    assert n_parameters(trainer.model) == embeddings + transformer_layers(64, 128, n_layers=2)
    assert trainer.task.cfg.truncate_source and trainer.cfg.dataset.skip_invalid_size_inputs_valid_test
    found = losses_while_training(trainer)
    assert falls(found), found
    assert trainer.get_lr() == pytest.approx(1e-3 * (20000 - 3) / (20000 - 1))  # linear to 0 at update 20,000


def test_bart_is_decoded_by_its_recipe_and_then_scored_again(workflow_dir, tmp_path):
    """An untrained model repeats itself, unless it must not; a search leaves nothing behind."""
    trainer = trainer_of(small_bart(workflow_dir), tmp_path, 500, 500)
    task, model, batch = trainer.task, trainer.model.eval(), two_sentences(trainer.task)
    decoding = load_config(workflow_dir, {"scale": "paper"})["tasks"]["cnn_dailymail"]["decoding"]
    with torch.no_grad():
        before = model(**batch["net_input"])[0]
        generator = build_generator(task, model, {**decoding, "beam": decoding["beam_test"]})
        block_repeats(generator)
        for hypothesis in search(task, model, generator, [batch | {"id": torch.arange(2)}]):
            words = hypothesis.tokens.tolist()
            trigrams = list(zip(words, words[1:], words[2:], strict=False))
            assert len(set(trigrams)) == len(trigrams) and 55 <= len(words) <= 140 + 1
        forget_beam(model)
        assert torch.equal(model(**batch["net_input"])[0], before)


def test_bart_large_has_its_published_size(workflow_dir, tmp_path, monkeypatch):
    """Counted without memory for it, on the device "meta", where nothing can be initialised."""
    monkeypatch.setattr("fairseq.models.bart.model.init_bert_params", lambda module: None)
    config, task = configure(paper_model(workflow_dir, "bart_large"), tmp_path, 50_264, 50_264)
    with torch.device("meta"):
        model = task.build_model(config.model)
    embeddings = (50_264 + 2 * POSITIONS) * 1024 + 2 * layer_norm(1024)
    expected = embeddings + transformer_layers(1024, 4096, n_layers=12)
    assert n_parameters(model) == expected == pytest.approx(400e6, rel=0.02)  # "400M" in fairseq's list of models


def fairseq_train(model, binary, folder, pretrained=None, **changes):
    """`fairseq-train` with a small BART, in a process of its own; returns the tensors of the last checkpoint."""
    settings = {
        "model": {key: value for key, value in model.items() if not key.endswith("_every_epochs")},
        "languages": {"source": "article", "target": "highlights"},
        "regularizer": asdict(Regularizer(0.5, 1.0)),
        "seed": 1,
        "device": "cpu",
    }
    settings["model"] |= ON_A_CPU | {"validate_every_updates": 1, "max_tokens": 1100} | changes
    arguments = training_arguments(settings, binary, folder, pretrained)
    done = subprocess.run(
        [sys.executable, "-m", "fairseq_cli.train", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return torch.load(folder / "checkpoint_last.pt", weights_only=False)["model"]


def binary_of(folder, words):
    """A binary corpus of numbers with a published dictionary; the first article is longer than BART's positions."""
    text = folder / "subwords"
    text.mkdir(parents=True)
    (text / "dict.txt").write_text("".join(f"{word} 1\n" for word in words))
    for split in ("train", "valid", "test"):
        (text / f"{split}.article").write_text("1 2 3 " * 500 + "\n4 5 6\n")
        (text / f"{split}.highlights").write_text("1 2\n4 5\n")
    languages = {"source": "article", "target": "highlights"}
    binarize({"languages": languages, "subwords": "gpt2", "joined_dictionary": True}, text, folder / "binary")
    return folder / "binary"


def test_fine_tuning_starts_from_the_given_weights_and_resumes_from_its_own(workflow_dir, tmp_path):
    """BART was trained with a <mask> as last word, which fine-tuning has not; articles are cut to its positions."""
    words, model = [*map(str, range(12))], small_bart(workflow_dir)
    denoising = binary_of(tmp_path / "denoising", [*words, "<mask>"])
    given = fairseq_train(model, denoising, tmp_path / "given", max_update=1, lr=1e-3)
    given_path = tmp_path / "given" / "checkpoint_last.pt"
    binary, folder = binary_of(tmp_path / "summaries", words), tmp_path / "run"
    still = {"lr": 1e-30, "weight_decay": 0.0}
    first = fairseq_train(model, binary, folder, given_path, max_update=1, **still)
    for name, tensor in given.items():
        expected = tensor[:-1] if name.endswith(("embed_tokens.weight", "output_projection.weight")) else tensor
        torch.testing.assert_close(first[name], expected, rtol=0, atol=0)
    moved = fairseq_train(model, binary, folder, given_path, max_update=2, lr=1e-3)
    again = fairseq_train(model, binary, folder, tmp_path / "gone.pt", max_update=3, **still)
    assert all(torch.equal(again[name], moved[name]) for name in moved)
    assert any(not torch.equal(moved[name], first[name]) for name in moved)
