"""Random numbers of several processes: shared where they must be, apart where they must be."""

import torch

from entropyreg.images.streams import Streams


def drawn(streams, purpose):
    return torch.stack([torch.rand(4, generator=one) for one in streams[purpose]])


def test_processes_share_order_and_augmentation_and_draw_dropout_apart():
    first, second = Streams([1, 2]), Streams([1, 2], rank=1)
    for purpose in ("initial", "order", "augmentation"):
        assert torch.equal(drawn(first, purpose), drawn(second, purpose))
    assert not (drawn(first, "dropout") == drawn(second, "dropout")).any()


def test_after_resuming_processes_still_draw_dropout_apart_and_repeatably():
    first = Streams([1, 2])
    drawn(first, "order"), drawn(first, "dropout")
    state = first.state()  # the first process's, which alone is kept

    def resumed(rank):
        streams = Streams([1, 2], rank=rank)
        streams.restore(state)
        return drawn(streams, "order"), drawn(streams, "dropout")

    orders, drops = zip(*[resumed(rank) for rank in (0, 1, 2)], strict=True)
    assert torch.equal(orders[0], drawn(first, "order")) and torch.equal(drops[0], drawn(first, "dropout"))
    assert torch.equal(orders[0], orders[1]) and torch.equal(orders[0], orders[2])
    assert len({tuple(row.tolist()) for drop in drops for row in drop}) == 6  # three processes, two seeds
    assert torch.equal(resumed(1)[1], drops[1])
