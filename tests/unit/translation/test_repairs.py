"""No n-gram is generated twice; the buffer behind the hypotheses does not matter."""

import random

import pytest
import torch

from entropyreg.translation.repairs import GeneratedNgramBlock, block_repeats

N_WORDS, PAD = 5, 1


def forbidden(words, n):
    """Words that would complete an n-gram that is there, by trying each."""
    seen = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return [word for word in range(N_WORDS) if tuple([*words[len(words) - n + 1 :], word]) in seen]


@pytest.mark.parametrize("n", [2, 3, 4])
def test_exactly_the_words_that_would_repeat_an_ngram_are_forbidden(n):
    draw, block, n_forbidden = random.Random(n), GeneratedNgramBlock(n), 0
    for _ in range(200):
        step = draw.randrange(0, 14)
        rows = [draw.choices(range(3), k=step + 1) for _ in range(4)]
        buffer = torch.full((4, 40), PAD)
        buffer[:, : step + 1] = torch.tensor(rows)
        found = block(buffer, torch.zeros(4, N_WORDS), 2, 2, step)
        for row, words in zip(found, rows, strict=True):
            expected = forbidden(words, n) if len(words) >= n - 1 else []
            assert row.isinf().nonzero().flatten().tolist() == expected
            n_forbidden += len(expected)
    assert n_forbidden > 100


class Generator:
    """The attributes that `block_repeats` reads."""

    def __init__(self, blocker):
        self.repeat_ngram_blocker = blocker


def test_a_generator_is_repaired_only_if_it_blocks():
    from fairseq.ngram_repeat_block import NGramRepeatBlock

    plain, blocking = Generator(None), Generator(NGramRepeatBlock(3))
    for generator in (plain, blocking):
        block_repeats(generator)
    assert plain.repeat_ngram_blocker is None
    assert isinstance(blocking.repeat_ngram_blocker, GeneratedNgramBlock)
    assert blocking.repeat_ngram_blocker.no_repeat_ngram_size == 3
