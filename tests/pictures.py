"""Pictures of every mode that PIL opens, as files, each with the 8-bit pixels it shows, computed without PIL."""

from __future__ import annotations

import colorsys
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

MEAN = (0.485, 0.456, 0.406)
BACKGROUND = np.rint(255 * np.array(MEAN))


def colours(seed: int = 0, height: int = 18, width: int = 22) -> np.ndarray:
    """(height, width, 3) uint8 in blocks of four pixels, as JPEG and palettes keep them."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 8, (height // 2, width // 2, 3)) * 36
    return blocks.repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """(height, width) uint8: ITU-R 601 luma."""
    return np.rint(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def thrice(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def laid(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Pixels on the background, as float."""
    share = alpha[..., None] / 255
    return pixels * share + BACKGROUND * (1 - share)


def alpha_like(pixels: np.ndarray) -> np.ndarray:
    """A channel of 0, 128 and 255 in stripes."""
    rows = np.arange(pixels.shape[0]) // 3 % 3
    return np.broadcast_to(np.array([0, 128, 255], np.uint8)[rows][:, None], pixels.shape[:2]).copy()


def rgba(pixels: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([pixels, alpha]))


def ycbcr_of(pixels: np.ndarray) -> np.ndarray:
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.rint(pixels @ matrix.T + np.array([0, 128, 128])).clip(0, 255).astype(np.uint8)


def hsv_of(pixels: np.ndarray) -> np.ndarray:
    flat = [colorsys.rgb_to_hsv(*(pixel / 255)) for pixel in pixels.reshape(-1, 3)]
    return np.rint(255 * np.array(flat)).reshape(pixels.shape).astype(np.uint8)


def deep_png(values: np.ndarray, path: Path) -> None:
    Image.fromarray(values.astype(np.uint16)).save(path)


def deep_tiff(values: np.ndarray, path: Path, order: str, bits: int = 16, white_is_zero: bool = False) -> None:
    """An uncompressed TIFF of one strip of 16-bit grey, bytes in `order` (< or >)."""
    height, width = values.shape
    body = values.astype(f"{order}u2").tobytes()
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, int(not white_is_zero)), (273, 8)]
    tags += [(277, 1), (278, height), (279, len(body))]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(body))
    path.write_bytes(head + body + struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0")


def huge_png() -> bytes:
    """The beginning of a scan of 30,000 × 30,000 pixels: more than PIL opens."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))


Maker = Callable[[np.ndarray, Path], tuple[np.ndarray, float]]


def _saved(image: Image.Image, path: Path, **options: object) -> None:
    image.save(path, **options)  # type: ignore[arg-type]


def _one(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    bits = grey_of(pixels) > 120
    _saved(Image.fromarray(bits), path)
    return thrice(bits * np.uint8(255)), 0


def _grey(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(grey_of(pixels)), path)
    return thrice(grey_of(pixels)), 0


def _rgb(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(pixels), path)
    return pixels, 0


def _jpeg(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(pixels), path, format="JPEG", quality=100, subsampling=0)
    return pixels, 4


def _jpeg2000(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(pixels), path)
    return pixels, 1


def _lossless_webp(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(pixels), path, lossless=True)
    return pixels, 0


def _avif(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.fromarray(pixels), path, quality=100, subsampling="4:4:4")
    return pixels, 6


def _grey_alpha(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    grey, alpha = grey_of(pixels), alpha_like(pixels)
    _saved(Image.fromarray(np.dstack([grey, alpha])), path)
    return laid(thrice(grey), alpha), 1


def _colour_alpha(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    alpha = alpha_like(pixels)
    _saved(rgba(pixels, alpha), path)
    return laid(pixels, alpha), 1


def _picture_in_alpha(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    alpha = grey_of(pixels)
    _saved(rgba(np.zeros_like(pixels), alpha), path)
    return laid(np.zeros_like(pixels), alpha), 1


def _opaque_alpha(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(rgba(pixels, np.full(pixels.shape[:2], 255, np.uint8)), path)
    return pixels, 0


def _palette(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    grey = grey_of(pixels) // 32
    table = np.random.default_rng(5).integers(0, 256, (8, 3)).astype(np.uint8)
    image = Image.fromarray(grey).convert("P")
    image = Image.frombytes("P", (grey.shape[1], grey.shape[0]), grey.tobytes())
    image.putpalette(table.tobytes())
    _saved(image, path)
    return table[grey], 0


def _palette_with_a_hole(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    shown, _ = _palette(pixels, path)
    with Image.open(path) as image:
        image.load()
        image.save(path, transparency=3)
    return laid(shown, np.where(grey_of(pixels) // 32 == 3, 0, 255)), 0


def _cmyk(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    inks = 255 - pixels
    _saved(Image.frombytes("CMYK", pixels.shape[1::-1], np.dstack([inks, np.zeros_like(inks[..., 0])]).tobytes()), path)
    return pixels, 0


def _ycbcr(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    _saved(Image.frombytes("YCbCr", pixels.shape[1::-1], ycbcr_of(pixels).tobytes()), path)
    return pixels, 3


def _deep_png(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    values = grey_of(pixels).astype(np.int64) * 257 + 100
    deep_png(values.clip(0, 65535), path)
    return thrice(grey_of(pixels)), 0


def _deep_pgm(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    values = grey_of(pixels).astype(np.int64) * 257
    path.write_bytes(b"P5 %d %d 65535\n" % values.shape[::-1] + values.astype(">u2").tobytes())
    return thrice(grey_of(pixels)), 0


def _deep(order: str, bits: int = 16, white_is_zero: bool = False) -> Maker:
    def make(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
        values = grey_of(pixels).astype(np.int64) * 257
        deep_tiff(65535 - values if white_is_zero else values, path, order, bits, white_is_zero)
        return thrice(grey_of(pixels)), 0

    return make


def _frames(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    """Two frames, the second another picture."""
    grey = thrice(grey_of(pixels) // 32 * 32)
    more = Image.fromarray(255 - grey)
    options: dict[str, object] = {"lossless": True} if path.suffix == ".webp" else {}
    _saved(Image.fromarray(grey), path, save_all=True, append_images=[more], **options)
    return grey, 0


def _turned(orientation: int, back: Callable[[np.ndarray], np.ndarray]) -> Maker:
    def make(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options: dict[str, object] = {"quality": 100, "subsampling": 0} if path.suffix == ".jpg" else {}
        _saved(Image.fromarray(back(pixels)), path, exif=exif, **options)
        return pixels, 4 if path.suffix == ".jpg" else 0

    return make


def _profile(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, float]:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    _saved(Image.fromarray(pixels), path, icc_profile=profile)
    return pixels, 0


# what a file is called by, its suffix, and who makes it: pixels (height, width, 3), path → (what it shows, tolerance)
FILES: dict[str, tuple[str, Maker]] = {
    "1 in PNG": (".png", _one),
    "1 in TIFF": (".tif", _one),
    "1 in BMP": (".bmp", _one),
    "L in PNG": (".png", _grey),
    "L in TIFF": (".tiff", _grey),
    "L in BMP": (".bmp", _grey),
    "L in GIF": (".gif", _grey),
    "L in PGM": (".pgm", _grey),
    "LA in PNG": (".png", _grey_alpha),
    "LA in TIFF": (".tif", _grey_alpha),
    "P in PNG": (".png", _palette),
    "P in GIF": (".gif", _palette),
    "P in TIFF": (".tif", _palette),
    "P in BMP": (".bmp", _palette),
    "P with a transparent colour in PNG": (".png", _palette_with_a_hole),
    "P with a transparent colour in GIF": (".gif", _palette_with_a_hole),
    "RGB in PNG": (".png", _rgb),
    "RGB in BMP": (".bmp", _rgb),
    "RGB in TIFF": (".tif", _rgb),
    "RGB in PPM": (".ppm", _rgb),
    "RGB in JPEG": (".jpg", _jpeg),
    "RGB in JFIF": (".jfif", _jpeg),
    "RGB in JPEG 2000": (".jp2", _jpeg2000),
    "RGB in WebP": (".webp", _lossless_webp),
    "RGB in AVIF": (".avif", _avif),
    "RGBA in PNG": (".png", _colour_alpha),
    "RGBA in TIFF": (".tif", _colour_alpha),
    "RGBA, all in alpha": (".png", _picture_in_alpha),
    "RGBA, all opaque": (".png", _opaque_alpha),
    "CMYK in TIFF": (".tif", _cmyk),
    "YCbCr in TIFF": (".tif", _ycbcr),
    "I;16 in PNG": (".png", _deep_png),
    "I;16 in PGM": (".pgm", _deep_pgm),
    "I;16 in TIFF": (".tif", _deep("<")),
    "I;16B in TIFF": (".tif", _deep(">")),
    "I;16 in TIFF, zero is white": (".tif", _deep("<", white_is_zero=True)),
    "two frames in GIF": (".gif", _frames),
    "two frames in TIFF": (".tif", _frames),
    "two frames in WebP": (".webp", _frames),
    "two frames in PNG": (".png", _frames),
    "turned right in JPEG": (".jpg", _turned(6, lambda p: np.rot90(p, 1))),
    "turned over in JPEG": (".jpg", _turned(3, lambda p: p[::-1, ::-1])),
    "mirrored in PNG": (".png", _turned(2, lambda p: p[:, ::-1])),
    "turned left in TIFF": (".tif", _turned(8, lambda p: np.rot90(p, -1))),
    "RGB with a colour profile": (".png", _profile),
}


def _floats(pixels: np.ndarray, path: Path) -> None:
    _saved(Image.fromarray(grey_of(pixels).astype(np.float32)), path)


def _wide(pixels: np.ndarray, path: Path) -> None:
    _saved(Image.fromarray(grey_of(pixels).astype(np.int32)), path)


def _lab(pixels: np.ndarray, path: Path) -> None:
    _saved(Image.frombytes("LAB", pixels.shape[1::-1], pixels.tobytes()), path)


REFUSED: dict[str, tuple[str, Callable[[np.ndarray, Path], None], str]] = {
    "F in TIFF": (".tif", _floats, "mode F (32-bit floats) has no known range of values"),
    "I in TIFF": (".tif", _wide, "mode I (32-bit integers) has no known range of values"),
    "LAB in TIFF": (".tif", _lab, "mode LAB (CIELAB) has no known range of values"),
}
