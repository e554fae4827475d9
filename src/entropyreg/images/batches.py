"""Makes the batches of an epoch for several seeds at once: each seed has its own order and augmentation."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from entropyreg.images.streams import Streams
from entropyreg.images.views import View


class Batch(NamedTuple):
    """One update's images of S seeds."""

    index: Tensor  # (S, B) rows of the training images
    images: Tensor  # (S, B, C, h, w)
    labels: Tensor  # (S, B)


def batches(
    view: View, labels: Tensor, streams: Streams, size: int, count: int, rank: int = 0, processes: int = 1
) -> Iterator[Batch]:
    """The first `count` batches of `size` images of a new epoch; of several processes, each gets its share of a batch.

    All random numbers of the epoch are drawn first, so the streams advance by the same amount however many batches are
    used.
    """
    orders = [torch.randperm(len(view), generator=one) for one in streams["order"]]
    order = torch.stack(orders).to(view.device)  # (S, N)
    each = [view.draw(len(view), one) for one in streams["augmentation"]]
    draws = {name: torch.stack([one[name] for one in each]) for name in each[0]}  # (S, N, ...)

    def batch(number: int) -> Batch:
        chosen = slice(number * size + rank, (number + 1) * size, processes)
        index = order[:, chosen]
        part = {name: values[:, chosen].flatten(0, 1) for name, values in draws.items()}
        return Batch(index, view(index.flatten(), part).unflatten(0, index.shape), labels[index])

    return _one_ahead(batch, count) if view.is_slow else map(batch, range(count))


def _one_ahead(batch, count: int) -> Iterator[Batch]:
    """Prepare the next batch on another thread while this one is used."""
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(batch, 0)
        for number in range(1, count + 1):
            ready = waiting.result()
            if number < count:
                waiting = ahead.submit(batch, number)
            yield ready
