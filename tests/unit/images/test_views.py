"""Augmentation against slow copies image by image, and its repeatability."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from entropyreg.images.data.imagenet import StoredImages
from entropyreg.images.stored_views import StoredView, central_box, random_box
from entropyreg.images.streams import stream
from entropyreg.images.views import View, normalise
from entropyreg.io.errors import UserError

STATISTICS = {"channel_mean": [10.0, 20.0, 30.0], "channel_std": [2.0, 4.0, 8.0]}
TUTORIAL = {"crop": 6, "flip": True, "brightness": 63, "contrast": [0.2, 1.8]}


def images(n_images=12, channels=3, side=8):
    return torch.randint(0, 256, (n_images, channels, side, side), dtype=torch.uint8, generator=stream("test", 0))


def view(settings, normalisation="unit", **options):
    return View(images(**options), {**settings, "normalisation": normalisation}, STATISTICS)


def slow(picture, settings, draws, number):
    """One image, numpy, step by step."""
    pad, crop = settings.get("pad", 0), settings.get("crop") or picture.shape[-1]
    padded = np.pad(picture.numpy().astype(np.float32), ((0, 0), (pad, pad), (pad, pad)))
    row, column = int(draws["row"][number]), int(draws["column"][number])
    cut = padded[:, row : row + crop, column : column + crop]
    if settings.get("flip") and draws["flip"][number]:
        cut = cut[:, :, ::-1]
    if "brightness" in draws:
        cut = cut + draws["brightness"][number].numpy()
    if "contrast" in draws:
        means = cut.mean((1, 2), keepdims=True)
        cut = (cut - means) * draws["contrast"][number].numpy() + means
    return cut


@pytest.mark.parametrize("settings", [{}, {"pad": 2}, {"pad": 4, "flip": True}, {"crop": 6}, TUTORIAL])
def test_batches_are_what_one_image_at_a_time_gives(settings):
    seen = view(settings)
    index = torch.tensor([3, 3, 0, 11, 7])
    draws = seen.draw(5, stream("augmentation", 1))
    expected = np.stack([slow(images()[row], settings, draws, number) for number, row in enumerate(index)])
    np.testing.assert_allclose(seen(index, draws).numpy() * 255, expected, rtol=1e-4, atol=2e-3)


def test_shifts_take_all_25_positions_and_only_those():
    seen = view({"pad": 2}, channels=1)
    draws = seen.draw(2000, stream("augmentation", 1))
    positions = {(int(row), int(column)) for row, column in zip(draws["row"], draws["column"], strict=True)}
    assert positions == {(row, column) for row in range(5) for column in range(5)}
    centre = {"row": torch.tensor([2]), "column": torch.tensor([2])}
    assert torch.equal(seen(torch.tensor([4]), centre), images(channels=1)[4:5] / 255.0)
    moved = seen(torch.tensor([4]), {"row": torch.tensor([0]), "column": torch.tensor([4])})[0, 0]
    assert torch.equal(moved[2:, :-2], images(channels=1)[4, 0, :-2, 2:] / 255.0)
    assert not moved[:2].any() and not moved[:, -2:].any()


@pytest.mark.parametrize("settings", [{}, {"pad": 2}, {"pad": 4, "flip": True}])
def test_evaluation_leaves_the_image_alone(settings):
    assert torch.equal(view(settings)(torch.arange(12)), images() / 255.0)


def test_evaluation_cuts_the_centre():
    assert torch.equal(view(TUTORIAL)(torch.arange(12)), images()[:, :, 1:7, 1:7] / 255.0)


def test_standardised_images_have_mean_0_and_deviation_1_and_constant_ones_are_0():
    seen = view(TUTORIAL, "per_image")
    batch = seen(torch.arange(12), seen.draw(12, stream("augmentation", 1)))
    assert torch.allclose(batch.mean((1, 2, 3)), torch.zeros(12), atol=1e-5)
    assert torch.allclose(batch.std((1, 2, 3), correction=0), torch.ones(12), atol=1e-5)
    assert not normalise(torch.full((1, 3, 4, 4), 77.0), "per_image", {}).any()


def test_standardisation_undoes_brightness():
    seen = view(TUTORIAL, "per_image")
    draws = seen.draw(12, stream("augmentation", 1))
    without = {name: values for name, values in draws.items() if name != "brightness"}
    assert torch.allclose(seen(torch.arange(12), draws), seen(torch.arange(12), without), atol=1e-4)


def test_channels_are_standardised_by_the_training_set():
    pixels = torch.tensor([12.0, 28.0, 22.0])[None, :, None, None]
    assert normalise(pixels, "per_channel", STATISTICS).flatten().tolist() == [1.0, 2.0, -1.0]


def test_the_same_stream_draws_the_same_and_another_seed_does_not():
    seen = view(TUTORIAL)
    first, again, other = (seen.draw(50, stream("augmentation", seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(UserError, match=r"augmentation\.crop is 9"):
        view({"crop": 9})


def test_stored_images_are_decoded_cut_and_scaled(tmp_path):
    picture = np.zeros((40, 80, 3), dtype=np.uint8)
    picture[:, 40:] = (0, 255, 0)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    (tmp_path / "one.png").write_bytes(b"before" + file.getvalue() + b"after")
    place = (np.array([0]), np.array([6]), np.array([len(file.getvalue())]), np.array([0]))
    seen = StoredView(StoredImages(("one.png",), *place), tmp_path, {"crop": 8, "normalisation": "unit"}, {})
    image = seen(torch.tensor([0, 0]))
    assert image.shape == (2, 3, 8, 8)
    assert not image[0, :, :, :3].any() and (image[0, 1, :, 5:] == 1).all()
    draws = {
        "part": torch.tensor([[0.05, 0.5, 0.0, 0.5]] * 2, dtype=torch.float64),
        "flip": torch.tensor([False, True]),
    }
    cut = seen(torch.tensor([0, 0]), draws)
    assert not cut.any()  # a small part at the left edge is black


def test_boxes_lie_inside_the_image_and_have_the_wanted_area():
    assert central_box(80, 40) == (5.0, 2.5, 75.0, 37.5)
    for numbers in torch.rand(200, 4, generator=stream("test", 3)).tolist():
        left, upper, right, lower = random_box(80, 40, numbers)
        assert 0 <= left < right <= 80 + 1e-9 and 0 <= upper < lower <= 40 + 1e-9
    left, upper, right, lower = random_box(80, 40, [0.2, 0.75, 0.3, 0.6])
    assert (right - left) * (lower - upper) == pytest.approx((0.05 + 0.95 * 0.2) * 3200)
    assert (right - left) / (lower - upper) == pytest.approx((4 / 3) ** 0.5)
