from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from dsx.training.data.pixels import Unreadable, eight_bit, pixels_of

from pictures import MEAN, alpha_like, colours, grey_of, hsv_of, laid, thrice, ycbcr_of

PIXELS = colours(3)
GREY = grey_of(PIXELS)
SIZE = PIXELS.shape[1::-1]


def _premultiplied(pixels: np.ndarray, alpha: np.ndarray) -> bytes:
    scaled = np.rint(pixels * (alpha[..., None] / 255)).astype(np.uint8)
    return np.dstack([scaled, alpha]).tobytes()


def _indexed(grey: np.ndarray, alpha: np.ndarray) -> Image.Image:
    image = Image.frombytes("PA", SIZE, np.dstack([255 - grey, alpha]).tobytes())
    image.putpalette(bytes(255 - i // 3 for i in range(768)), "RGB")
    return image


ALPHA = alpha_like(PIXELS)
MODES = {
    "1": (Image.fromarray(GREY > 100), thrice(np.where(GREY > 100, 255, 0)), 0),
    "L": (Image.fromarray(GREY), thrice(GREY), 0),
    "LA": (Image.fromarray(np.dstack([GREY, ALPHA])), laid(thrice(GREY), ALPHA), 1),
    "La": (Image.frombytes("La", SIZE, _premultiplied(GREY[..., None], ALPHA)), laid(thrice(GREY), ALPHA), 2),
    "RGB": (Image.fromarray(PIXELS), PIXELS, 0),
    "RGBA": (Image.fromarray(np.dstack([PIXELS, ALPHA])), laid(PIXELS, ALPHA), 1),
    "RGBa": (Image.frombytes("RGBa", SIZE, _premultiplied(PIXELS, ALPHA)), laid(PIXELS, ALPHA), 2),
    "PA": (_indexed(GREY, ALPHA), laid(thrice(GREY), ALPHA), 1),
    "YCbCr": (Image.frombytes("YCbCr", SIZE, ycbcr_of(PIXELS).tobytes()), PIXELS, 3),
    "HSV": (Image.frombytes("HSV", SIZE, hsv_of(PIXELS).tobytes()), PIXELS, 8),
    "I;16": (Image.frombytes("I;16", SIZE, (GREY * 257.0).astype("<u2").tobytes()), thrice(GREY), 0),
    "I;16B": (Image.frombytes("I;16B", SIZE, (GREY * 257.0).astype(">u2").tobytes()), thrice(GREY), 0),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_any_mode_shows_what_it_means(mode: str) -> None:
    image, shown, tolerance = MODES[mode]
    assert image.mode == mode
    colour = eight_bit(image, 3, MEAN)
    assert (colour.dtype, colour.shape) == (np.uint8, PIXELS.shape)
    assert np.abs(colour.astype(float) - shown).max() <= tolerance
    grey = eight_bit(image, 1, MEAN[:1])
    assert grey.shape == (*PIXELS.shape[:2], 1)


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_modes_without_a_range_are_refused_by_name(mode: str) -> None:
    with pytest.raises(Unreadable, match=rf"^mode {mode} \(.*\) has no known range of values: save it as 8-bit"):
        eight_bit(Image.new(mode, (4, 4)), 3, MEAN)


def test_sixteen_bits_are_rounded_not_cut() -> None:
    values = np.array([[0, 128, 129, 385, 65534, 65535]], np.uint16)
    assert eight_bit(Image.fromarray(values), 1, MEAN)[0, :, 0].tolist() == [0, 0, 1, 1, 255, 255]


def test_four_channels_are_taken_as_they_are() -> None:
    bands = np.random.default_rng(0).integers(0, 256, (6, 5, 4)).astype(np.uint8)
    np.testing.assert_array_equal(eight_bit(Image.fromarray(bands), 4, (0.5,) * 4), bands)
    with pytest.raises(Unreadable, match=r"^mode RGB does not have the 4 channels of data\.mean$"):
        eight_bit(Image.fromarray(PIXELS), 4, (0.5,) * 4)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (PIXELS, PIXELS),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), PIXELS),
        (PIXELS / 255, (PIXELS / 255).astype(np.float32)),
        (torch.from_numpy(PIXELS).permute(2, 0, 1) / 255, (PIXELS / np.float32(255))),
        (PIXELS > 100, (PIXELS > 100) * np.uint8(255)),
        ((PIXELS / 255).astype(np.float16), (PIXELS / 255).astype(np.float16).astype(np.float32)),
    ],
)
def test_arrays_and_tensors_of_a_known_range_are_kept(image: object, expected: np.ndarray) -> None:
    pixels = pixels_of(image, 3, MEAN)
    assert pixels.dtype == expected.dtype
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (PIXELS.astype(np.float32), "the image has floats from 0 to 252: expected 0–1 (divide by 255)"),
        (
            (PIXELS / 255 - 0.5) / 0.25,
            "the image has floats from -2 to 1.95: expected 0–1 (leave normalisation to data.mean and data.std)",
        ),
        (
            np.full((4, 4, 3), np.nan),
            "the image has floats from nan to nan: expected 0–1 (leave normalisation to data.mean and data.std)",
        ),
        (
            PIXELS.astype(np.uint16) * 257,
            "the image has values of type uint16: expected uint8 (0–255) or floats of 0–1",
        ),
        (
            PIXELS.transpose(2, 0, 1),
            "the image has shape (3, 18, 22): expected (height, width, 3) of an array or (3, height, width) of a"
            " tensor, with the 3 channels of data.mean and data.std",
        ),
        (PIXELS.tolist(), "the image is a list: expected a PIL image, an array or a tensor"),
        (PIXELS[:0], "the image has shape (0, 22, 3): no pixel"),
    ],
)
def test_what_has_no_known_range_or_shape_is_refused(image: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        pixels_of(image, 3, MEAN)
    assert str(caught.value) == message
