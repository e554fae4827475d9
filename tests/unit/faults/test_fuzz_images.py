"""Damaged containers of images: one sentence that names the container, or the published images all the same."""

import random

import numpy as np
import pytest
from damage import LONG, damaged_bytes, spoil, told
from made_images import KINDS, made, write

from entropyreg.images.data.published import PUBLISHED
from entropyreg.images.data.sources import read_image_set


@pytest.mark.parametrize(("dataset", "kind"), [(dataset, kind) for dataset, kinds in KINDS.items() for kind in kinds])
def test_a_damaged_container_is_refused_by_name(monkeypatch, tmp_path, dataset, kind):
    one = made(dataset, np.random.default_rng(0))
    monkeypatch.setitem(PUBLISHED, dataset, PUBLISHED[dataset]._replace(sums=one.known()))
    folder, read = write(one, kind, tmp_path), []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    refused = 0
    for number in range(25 * LONG):
        generator = random.Random(number)
        path = generator.choice(files)
        content = path.read_bytes()
        spoil(path, damaged_bytes, generator)
        error = told(lambda: read.append(read_image_set(dataset, tmp_path)), str(folder))
        refused += error is not None
        path.write_bytes(content)
    for found in read:
        for part, batches in ((found.train, one.train.values()), (found.test, one.test.values())):
            np.testing.assert_array_equal(part.images, np.concatenate([batch.images for batch in batches]))
            np.testing.assert_array_equal(part.labels, np.concatenate([batch.labels[:, -1] for batch in batches]))
    assert len(read) + refused == 25 * LONG and refused > 10
