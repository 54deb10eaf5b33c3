"""What a pixel is: pictures of every mode that PIL opens as 8-bit grey or RGB, and arrays as they are.

Pictures of 8 bits are converted as PIL does; depth, transparency and orientation are stated at `eight_bit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

# modes whose integers have a range that the format fixes: 16-bit PNG and PGM are opened as I by older versions of PIL
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_WIDENED = ("PNG", "PPM")
_KNOWN = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_NAMES = {"F": "32-bit floats", "I": "32-bit integers", "LAB": "CIELAB"}
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # tags of TIFF
# by how much floats may leave 0–1, as resizing with overshoot makes them
_OVERSHOOT = 0.1


class Unreadable(Exception):
    """An image that cannot be decoded or converted; the message says why. It is left out, counted and named."""


def eight_bit(image: Image.Image, channels: int, background: Sequence[float]) -> np.ndarray:
    """(height, width, channels) uint8 of a picture of any mode, as it is stored (no rotation, no colour profile).

    channels: 3 is RGB, 1 grey; another number takes pictures of just that many 8-bit bands as they are.
    16-bit grey is scaled by its full range and rounded. What is transparent shows `background`, values of 0–1 per
    channel. Of several frames, the one that the picture stands at. Raises Unreadable for modes without a known range.
    """
    grey = _sixteen_bit(image)
    if grey is not None:
        image = Image.fromarray(grey)
    elif image.mode not in _KNOWN:
        what = f" ({_NAMES[image.mode]})" if image.mode in _NAMES else ""
        raise Unreadable(f"mode {image.mode}{what} has no known range of values: save it as 8-bit grey or RGB")
    if channels not in (1, 3):
        if len(image.getbands()) != channels or image.mode == "1":
            raise Unreadable(f"mode {image.mode} does not have the {channels} channels of data.mean")
        return np.asarray(image).reshape(image.height, image.width, channels)
    pixels = np.asarray(_on_background(image, background).convert("RGB" if channels == 3 else "L"))
    return pixels if channels == 3 else pixels[..., None]


def _sixteen_bit(image: Image.Image) -> np.ndarray | None:
    """(height, width) uint8 of a picture with 16 bits a pixel; None if it is of another mode."""
    if image.mode not in _SIXTEEN_BIT and not (image.mode == "I" and image.format in _WIDENED):
        return None
    tags = getattr(image, "tag_v2", {})
    highest = 2 ** int(tags.get(_BITS_PER_SAMPLE, (16,))[0]) - 1
    values = np.asarray(image).astype(np.int64)
    if tags.get(_PHOTOMETRIC) == 0:  # zero is white: PIL turns such pictures round only if they have 8 bits or fewer
        values = highest - values
    return ((values * 255 + highest // 2) // highest).astype(np.uint8)


def _on_background(image: Image.Image, background: Sequence[float]) -> Image.Image:
    """The picture itself if all of it is opaque, else laid on the background."""
    if "transparency" not in image.info and image.mode not in ("LA", "La", "PA", "RGBA", "RGBa"):
        return image
    if image.mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        return image
    colour = tuple(round(255 * value) for value in background)
    behind = Image.new("RGBA", image.size, (*(colour if len(colour) == 3 else colour * 3), 255))
    return Image.alpha_composite(behind, layered)


def pixels_of(image: Any, channels: int, background: Sequence[float]) -> np.ndarray:
    """(height, width, channels), uint8 or float32 of 0–1, of what a data set returns as an image.

    image: a picture (see `eight_bit`), an array (height, width[, channels]) or a tensor (channels, height, width); of
    bytes, of truth values, or of floats of 0–1. Raises ValueError, for the caller to say of which item.
    """
    if isinstance(image, Image.Image):
        try:
            return eight_bit(image, channels, background)
        except Unreadable as error:
            raise ValueError(str(error)) from None
    if hasattr(image, "detach"):
        image = image.detach().cpu().numpy()
        image = image.transpose(1, 2, 0) if image.ndim == 3 else image
    elif not isinstance(image, np.ndarray):
        raise ValueError(f"the image is a {type(image).__name__}: expected a PIL image, an array or a tensor")
    array = image[..., None] if image.ndim == 2 else image
    if array.ndim != 3 or array.shape[2] != channels:
        raise ValueError(
            f"the image has shape {_shape(image.shape)}: expected (height, width, {channels}) of an array or"
            f" ({channels}, height, width) of a tensor, with the {channels} channels of data.mean and data.std"
        )
    if 0 in array.shape:
        raise ValueError(f"the image has shape {_shape(image.shape)}: no pixel")
    return _scaled(array)


def numbers_of(item: object, shape: Sequence[int]) -> np.ndarray:
    """(1, positions, first size of `shape`) float32 of an item that is no image: as one row of pixels.

    item: an array or a tensor of `shape`. Raises ValueError, for the caller to say of which item.
    """
    array = np.asarray(item.detach().cpu() if hasattr(item, "detach") else item)
    if array.shape != tuple(shape) or array.dtype.kind not in "buif":
        raise ValueError(
            f"an array of {array.dtype} of shape {_shape(array.shape)}: expected numbers of {_shape(shape)}"
        )
    if not np.isfinite(array).all():
        raise ValueError("holds numbers that are not finite")
    return np.ascontiguousarray(array.astype(np.float32).reshape(1, shape[0], -1).transpose(0, 2, 1))


def _scaled(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise ValueError(f"the image has values of type {array.dtype}: expected uint8 (0–255) or floats of 0–1")
    low, high = float(array.min()), float(array.max())
    if not low >= -_OVERSHOOT or not high <= 1 + _OVERSHOOT:  # also if one is not a number
        remedy = "divide by 255" if low >= 0 and high <= 255 else "leave normalisation to data.mean and data.std"
        raise ValueError(f"the image has floats from {low:.3g} to {high:.3g}: expected 0–1 ({remedy})")
    return array.astype(np.float32)


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
