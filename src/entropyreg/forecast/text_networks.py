"""Counts operations of fairseq's Transformers: training, teacher-forced prediction and beam search.

For a pair of s source and t target tokens, width d, feed-forward width f, vocabulary V, one forward pass has

    encoder layer   8 s d^2 + 4 s^2 d + 4 s d f
    decoder layer   8 t d^2 + 4 t^2 d  +  4 t d^2 + 4 s d^2 + 4 t s d  +  4 t d f
    output          2 t d V

operations (a multiplication and an addition are two), and the backward pass twice as many: a token's embedding is
looked up, so even the first product needs both gradients. A search that keeps `beam` rows for T steps, with the keys of
earlier steps kept, needs for each row: the encoder's keys and values once, T steps of a decoder layer of one token that
attends to 1, 2, ... T tokens, and T outputs. Checked against torch's own count of the real models. Sources: Vaswani et
al. 2017; fairseq 0.12.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

TRAINING = 3  # forward once, backward twice


class TextNetwork(Protocol):
    """The interface of a model of text for a forecast; lengths are in tokens, the end of sentence included."""

    parameters: int
    exported: int  # values in model.pt, where a shared matrix is written once per name
    calls: int  # products of a forward pass
    step_calls: int  # products of a step of the search

    def forward(self, source: float, target: float) -> float: ...

    def search(self, source: float, steps: float, beam: int) -> float: ...


SIZES = {  # fairseq's architectures: layers, embed_dim, ffn_dim
    "transformer": (6, 512, 2048),
    "transformer_iwslt_de_en": (6, 512, 1024),
    "transformer_wmt_en_de": (6, 512, 2048),
    "bart_base": (6, 768, 3072),
    "bart_large": (12, 1024, 4096),
}
BART_POSITIONS = 1026  # 1024, and two that fairseq puts before them


@dataclass(frozen=True)
class Transformer:
    """Encoder and decoder of the same sizes; `bart`: learned positions and normalised embeddings."""

    layers: int
    width: int
    ffn: int
    source_vocabulary: int
    target_vocabulary: int
    shared: str = "none"  # share_embeddings: all, decoder or none
    bart: bool = False
    layernorm_embedding: bool = False

    @classmethod
    def of(cls, model: Mapping[str, Any], source_vocabulary: int, target_vocabulary: int) -> "Transformer":
        """The model of the configuration with these dictionaries."""
        layers, width, ffn = SIZES[model["arch"]]
        bart = model["arch"].startswith("bart")
        return cls(
            model.get("layers", layers),
            model.get("embed_dim", width),
            model.get("ffn_dim", ffn),
            source_vocabulary,
            target_vocabulary,
            model.get("share_embeddings", "all" if bart else "none"),
            bart,
            model.get("layernorm_embedding", bart),
        )

    def encoder(self, source: float) -> float:
        d = self.width
        return self.layers * (8 * source * d**2 + 4 * source**2 * d + 4 * source * d * self.ffn)

    def decoder(self, source: float, target: float) -> float:
        d = self.width
        own = 8 * target * d**2 + 4 * target**2 * d + 4 * target * d * self.ffn
        across = 4 * target * d**2 + 4 * source * d**2 + 4 * target * source * d
        return self.layers * (own + across) + 2 * target * d * self.target_vocabulary

    def forward(self, source: float, target: float) -> float:
        """Operations of a pair under its reference."""
        return self.encoder(source) + self.decoder(source, target)

    def steps(self, source: float, steps: float) -> float:
        """Operations of the decoder for one row of the beam: as `decoder`, but a step sees only what is before it."""
        d = self.width
        unseen = 4 * d * (steps**2 - steps * (steps + 1) / 2)
        return self.decoder(source, steps) - self.layers * unseen

    def search(self, source: float, steps: float, beam: int) -> float:
        """Operations of a beam search that ends after `steps` tokens; BART keeps the encoder's keys once a sentence."""
        kept = (beam - 1) * self.layers * 4 * source * self.width**2 if self.bart else 0
        return self.encoder(source) + beam * self.steps(source, steps) - kept

    @property
    def parameters(self) -> int:
        d, norm, attention = self.width, 2 * self.width, 4 * (self.width**2 + self.width)
        ffn = 2 * d * self.ffn + self.ffn + d
        layers = self.layers * ((attention + ffn + 2 * norm) + (2 * attention + ffn + 3 * norm))
        embeddings = {
            "all": self.target_vocabulary,
            "decoder": self.source_vocabulary + self.target_vocabulary,
            "none": self.source_vocabulary + 2 * self.target_vocabulary,
        }
        positions = 2 * BART_POSITIONS * d if self.bart else 0
        return layers + embeddings[self.shared] * d + positions + (2 * norm if self.layernorm_embedding else 0)

    @property
    def exported(self) -> int:
        copies = {"all": 2, "decoder": 1, "none": 0}[self.shared]
        return self.parameters + copies * self.target_vocabulary * self.width

    @property
    def calls(self) -> int:
        return self.layers * (8 + 14) + 1

    @property
    def step_calls(self) -> int:
        return self.layers * 12 + 1  # the encoder's keys and values are kept


@dataclass(frozen=True)
class Convolutional:
    """fairseq's convolutional model: gated convolutions, every decoder layer attends (Gehring et al. 2017).

    For C channels, kernel k, embedding E: a layer has 4 k C^2 operations a token (twice the channels, for the gates),
    an attending one 4 E C + 4 s E more. In training the decoder's convolutions also run over the k-1 places of padding.
    """

    source_vocabulary: int
    target_vocabulary: int
    embedding: int = 256
    channels: int = 256
    kernel: int = 3
    encoder_layers: int = 4
    decoder_layers: int = 3
    output: int = 256
    positions: int = 1024

    def encoder(self, source: float) -> float:
        layers = self.encoder_layers * 4 * self.kernel * self.channels**2
        return source * (layers + 4 * self.embedding * self.channels)

    def decoder(self, source: float, target: float, padding: int) -> float:
        convolved = (target + padding) * 4 * self.kernel * self.channels**2
        attended = target * (4 * self.embedding * self.channels + 4 * source * self.embedding)
        first = 2 * self.embedding * self.channels
        last = 2 * self.channels * self.output + 2 * self.output * self.target_vocabulary
        return self.decoder_layers * (convolved + attended) + target * (first + last)

    def forward(self, source: float, target: float) -> float:
        """Operations of a pair under its reference."""
        return self.encoder(source) + self.decoder(source, target, self.kernel - 1)

    def search(self, source: float, steps: float, beam: int) -> float:
        """Operations of a beam search that ends after `steps` tokens."""
        return self.encoder(source) + beam * self.decoder(source, steps, 0)

    @property
    def parameters(self) -> int:
        """Every weight is normalised: a length an output channel beside it."""

        def linear(n_in: int, n_out: int) -> int:
            return n_in * n_out + 2 * n_out

        e, c = self.embedding, self.channels
        layer = self.kernel * c * 2 * c + 2 * 2 * c
        embeddings = (self.source_vocabulary + self.target_vocabulary + 2 * self.positions) * e
        ends = linear(e, c) + linear(c, e) + linear(e, c) + linear(c, self.output)
        attention = linear(c, e) + linear(e, c)
        layers = self.encoder_layers * layer + self.decoder_layers * (layer + attention)
        return embeddings + ends + layers + linear(self.output, self.target_vocabulary)

    @property
    def exported(self) -> int:
        return self.parameters

    @property
    def calls(self) -> int:
        return (2 + self.encoder_layers) + (3 + 5 * self.decoder_layers)

    @property
    def step_calls(self) -> int:
        return 3 + 5 * self.decoder_layers


def text_network(model: Mapping[str, Any], source_vocabulary: int, target_vocabulary: int) -> TextNetwork:
    """The network of a model of the configuration with these dictionaries."""
    if model["arch"] == "fconv_iwslt_de_en":
        return Convolutional(source_vocabulary, target_vocabulary)
    return Transformer.of(model, source_vocabulary, target_vocabulary)
