"""Random crops follow torchvision's law, and a whole batch is resized as torch resizes one image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from dsx.training.data.crops import Boxes, CropDraws, central_boxes, random_boxes, resized, resized_crops

AREA, ASPECT = (0.08, 1.0), (0.75, 4 / 3)


def boxes_of(height: int, width: int, count: int, seed: int = 0, area: tuple[float, float] = AREA) -> Boxes:
    sides = (torch.full((count,), side) for side in (height, width))
    return random_boxes(*sides, area, ASPECT, CropDraws.of(count, torch.Generator().manual_seed(seed)), flip=True)


@pytest.mark.parametrize(("height", "width"), [(256, 341), (341, 256), (256, 256), (256, 700), (37, 24)])
def test_crops_have_the_law_of_torchvision(height: int, width: int) -> None:
    """Each of place and size by Kolmogorov-Smirnov, height and width together by the law of their quotient."""
    count = 4000
    ours = boxes_of(height, width, count)
    torch.manual_seed(1)
    image = torch.empty(1, height, width)
    theirs = np.array([v2.RandomResizedCrop.make_params(crop, [image]) for crop in [v2.RandomResizedCrop(9)] * count])
    theirs = np.array([[p["top"], p["left"], p["height"], p["width"]] for p in theirs])
    mine = np.stack([sides.numpy() for sides in ours[:4]], 1)
    for law in (lambda box: box, lambda box: np.stack([box[:, 2] * box[:, 3], box[:, 3] / box[:, 2]], 1)):
        for column, other in zip(law(mine).T, law(theirs).T, strict=True):
            assert stats.ks_2samp(column, other).pvalue > 1e-3


def test_a_crop_lies_within_its_image_and_half_of_them_are_mirrored() -> None:
    ours = boxes_of(256, 341, 5000, seed=3)
    assert bool((ours.top >= 0).all() & (ours.top + ours.height <= 256).all())
    assert bool((ours.left >= 0).all() & (ours.left + ours.width <= 341).all())
    assert (int(ours.top.min()), int(ours.left.min())) == (0, 0)
    assert int((ours.top + ours.height).max()) == 256
    assert stats.binomtest(int(ours.mirrored.sum()), 5000).pvalue > 1e-3


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(100, 900, (0, 383, 100, 133)), (900, 100, (383, 0, 133, 100)), (50, 50, None)]
)
def test_where_no_try_fits_the_crop_is_central(height: int, width: int, expected: tuple[int, ...] | None) -> None:
    """All of a long image, in a crop of at most 4:3, fits in none of ten tries."""
    ours = boxes_of(height, width, 20, area=(1.0, 1.0))
    if expected is not None:
        assert {tuple(box[:4]) for box in ours.each()} == {expected}
    else:  # only a quotient near 1 rounds to the whole square
        assert {tuple(box[:4]) for box in ours.each()} == {(0, 0, 50, 50)}


def test_central_boxes_are_the_largest_squares() -> None:
    ours = central_boxes(torch.tensor([10, 7]), torch.tensor([4, 20]), CropDraws.of(2, torch.Generator()), flip=False)
    assert list(ours.each()) == [(3, 0, 4, 4, False), (0, 6, 7, 7, False)]


def test_whole_batches_are_resized_as_torch_resizes_each_crop() -> None:
    """Products with weights against torch's interpolation of bytes: at most one level apart, and most at none."""
    rng = np.random.default_rng(0)
    shapes = [(30, 40), (64, 64), (17, 33), (150, 90), (3, 5)]
    crops = torch.zeros(len(shapes), 150, 90, 3, dtype=torch.uint8)
    expected = []
    for i, (height, width) in enumerate(shapes):
        crop = torch.from_numpy(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        crops[i, :height, :width] = crop
        crops[i, height:] = crops[i, :, width:] = 255  # what lies beside a crop must not tell
        shown = crop.flip(1) if i % 2 else crop
        expected.append(
            torch.nn.functional.interpolate(
                shown.permute(2, 0, 1)[None], (48, 48), mode="bilinear", antialias=True
            )[0].permute(1, 2, 0)
        )  # fmt: skip
    sides = torch.tensor(shapes)
    ours = resized_crops(crops, sides[:, 0], sides[:, 1], torch.arange(len(shapes)) % 2 == 1, 48)
    apart = (ours.int() - torch.stack(expected).int()).abs()
    assert ours.shape == (5, 48, 48, 3)
    assert int(apart.max()) <= 1
    assert apart.float().mean() < 0.25


def test_images_of_the_right_size_are_left_alone() -> None:
    images = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)
    assert resized(images, 4) is images
    assert resized(images, 2).shape == (2, 2, 2, 3)
