"""Counted operations and parameters against torch's count of the same networks when they compute, on a CPU."""

import pytest
import torch
from fairseq.data import Dictionary
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from entropyreg.forecast.image_networks import image_network
from entropyreg.forecast.text_networks import random_model, text_network
from entropyreg.images.models import build_model, parameter_count
from entropyreg.translation.beam import build_generator, search

IMAGE_NETWORKS = [
    ({"kind": "mlp", "hidden": [12, 7]}, (1, 6, 6), 10),
    ({"kind": "alexnet"}, (3, 24, 24), 10),
    ({"kind": "alexnet", "channels": 8, "dense": [9, 5]}, (1, 25, 25), 10),
    ({"kind": "resnet", "layers": 14}, (3, 32, 32), 100),
    ({"kind": "resnet", "layers": 8, "widths": [8, 16, 32], "stem": 4, "final_norm": True}, (3, 17, 17), 10),
]


def counted(step):
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.conv_tbc: operations_of_conv_tbc}) as counter:
        step()
    return counter.get_total_flops()


def operations_of_conv_tbc(x, weight, bias, padding, *_, **__):
    """torch has no count of this one: (T, B, C_in) with (kernel, C_in, C_out)."""
    kernel, n_in, n_out = weight
    return 2 * (x[0] + 2 * padding - kernel + 1) * x[1] * kernel * n_in * n_out


@pytest.mark.parametrize(("model", "shape", "n_classes"), IMAGE_NETWORKS)
def test_image_networks_are_counted_as_torch_counts_them(model, shape, n_classes):
    built = build_model(model, shape, n_classes, torch.Generator()).train()
    ours, images = image_network(model, shape, n_classes), torch.zeros(2, *shape)
    assert counted(lambda: built(images)) == 2 * ours.forward
    assert counted(lambda: built(images).sum().backward()) == 2 * ours.training
    assert parameter_count(built) == ours.parameters
    assert built.features(images).shape[1] == ours.features


def test_a_small_mlp_by_hand():
    network = image_network({"kind": "mlp", "hidden": [3]}, (1, 2, 2), 2)
    assert network.forward == 2 * (4 * 3 + 3 * 2)
    assert network.training == 2 * 2 * 4 * 3 + 3 * 2 * 3 * 2  # data needs no gradient
    assert network.parameters == 4 * 3 + 3 + 3 * 2 + 2


def test_resnet56_of_paper_b_by_literals():
    network = image_network({"kind": "resnet", "layers": 56, "widths": [32, 64, 128]}, (3, 32, 32), 100)
    assert (network.forward, network.training, network.parameters) == (994_960_384, 2_983_996_416, 3_419_284)


def test_inception_v4_by_literals():
    """Of pytorchcv 0.0.74."""
    network = image_network({"kind": "inception_v4"}, (3, 299, 299), 1000)
    assert (network.forward, network.training, network.parameters) == (24_507_949_248, 73_485_484_416, 42_679_816)


TEXT = {"dropout": 0.1, "optimizer": "adam", "lr": 0.1, "lr_scheduler": "fixed", "max_tokens": 100, "max_update": 1}
TEXT |= {"precision": "fp32", "selection": "last"}
TEXT_NETWORKS = [
    ({"arch": "transformer", "layers": 2, "embed_dim": 16, "ffn_dim": 24, "share_embeddings": "all"}, 50, 50),
    ({"arch": "transformer_iwslt_de_en", "share_embeddings": "decoder", "layers": 1}, 60, 50),
    ({"arch": "transformer", "layers": 1, "embed_dim": 16, "ffn_dim": 24, "share_embeddings": "none"}, 60, 50),
    ({"arch": "fconv_iwslt_de_en", "optimizer": "nag"}, 60, 50),
    ({"arch": "bart_base", "layers": 1, "embed_dim": 24, "ffn_dim": 36, "layernorm_embedding": True}, 50, 50),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "source_size", "target_size"), TEXT_NETWORKS)
def test_text_networks_are_counted_as_torch_counts_them(model, source_size, target_size):
    if model["arch"].startswith("bart"):
        model = {**model, "share_embeddings": "all", "attention_heads": 4}
    settings = TEXT | model | ({"attention_heads": 4} if model["arch"] == "transformer" else {})
    task, built = random_model(settings, {"source": "de", "target": "en"}, (source_size, target_size))
    ours, pairs, source, target, beam = text_network(settings, source_size, target_size), 2, 7, 5, 3
    sources, targets = torch.full((pairs, source), 5), torch.full((pairs, target), 6)
    lengths = torch.full((pairs,), source)
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernel for CPUs is not counted
        assert counted(lambda: built.train()(sources, lengths, targets)) == pairs * ours.forward(source, target)
        if "fconv" not in model["arch"]:  # torch does not count conv_tbc backward
            training = counted(lambda: built(sources, lengths, targets)[0].sum().backward())
            assert training == 3 * pairs * ours.forward(source, target)
        options = {"beam": beam, "length_penalty": 1.0, "max_length_factor": 0}
        generator = build_generator(task, built.eval(), options | {"max_length_offset": 4, "min_length": 4})
        batch = {"id": torch.arange(pairs), "net_input": {"src_tokens": sources, "src_lengths": lengths}}
        found = []
        searched = counted(lambda: found.extend(search(task, built, generator, [batch])))
    assert [len(one.tokens) for one in found] == [5, 5]
    assert searched == pairs * ours.search(source, 5, beam)
    assert sum(parameter.numel() for parameter in built.parameters()) == ours.parameters
    assert sum(value.numel() for value in built.state_dict().values()) == ours.exported


SMALL = TEXT | {"arch": "transformer", "layers": 1, "embed_dim": 4, "ffn_dim": 3, "attention_heads": 2}


def test_a_small_transformer_by_hand():
    """s = 4, t = 5, d = 4, f = 3, V = 7."""
    network = text_network(SMALL, 7, 7)
    encoder = 8 * 4 * 4**2 + 4 * 4**2 * 4 + 4 * 4 * 4 * 3
    own, across = 8 * 5 * 4**2 + 4 * 5**2 * 4, 4 * 5 * 4**2 + 4 * 4 * 4**2 + 4 * 5 * 4 * 4
    assert network.forward(4, 5) == encoder + own + across + 4 * 5 * 4 * 3 + 2 * 5 * 4 * 7 == 3416
    step = (8 * 4**2 + 4 * 4) + (4 * 4**2 + 4 * 4 * 4**2 + 4 * 4 * 4) + 4 * 4 * 3 + 2 * 4 * 7  # sees itself alone
    assert network.search(4, 1, 1) == encoder + step
    assert (network.calls, network.step_calls) == (8 + 14 + 1, 12 + 1)  # keys and values of the source are kept


def test_lengths_need_not_be_whole():
    """Means of a corpus: half way between two lengths lies their mean, but for the square of the attention."""
    network = text_network(SMALL, 7, 7)
    between = (network.forward(4, 5) + network.forward(5, 5)) / 2
    assert network.forward(4.5, 5) == between - 4 * 4 / 4


def test_bart_large_has_the_parameters_of_the_published_model():
    """406,290,432: what fairseq's own bart_large has, built with 50,264 symbols."""
    model = TEXT | {"arch": "bart_large", "share_embeddings": "all"}
    assert text_network(model, 50264, 50264).parameters == 406_290_432


def test_dictionaries_of_random_models_have_the_asked_size():
    task, _ = random_model(TEXT | {"arch": "transformer", "layers": 1}, {"source": "de", "target": "en"}, (30, 20))
    assert isinstance(task.target_dictionary, Dictionary)
    assert (len(task.source_dictionary), len(task.target_dictionary)) == (30, 20)
