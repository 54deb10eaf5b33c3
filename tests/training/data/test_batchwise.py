from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.opening import open_batches

CPU = torch.device("cpu")


@pytest.fixture
def cifar(cifar_folder: tuple[Path, np.ndarray, np.ndarray]) -> Callable[..., Batches]:
    def make(share: BatchShare | None = None, **overrides: Any) -> Batches:
        fixed = {"data.root": str(cifar_folder[0]), "batch_size": 32, "data.mean": [0, 0, 0], "data.std": [1, 1, 1]}
        recipe = load_recipe("cifar10", fixed | {k.replace("__", "."): v for k, v in overrides.items()})
        return open_batches(recipe, 5, CPU, share)

    return make


def test_an_epoch_shows_different_images_and_leaves_out_what_fills_no_batch(cifar: Callable[..., Batches]) -> None:
    batches = cifar(augmentation={"crop_padding": 0, "flip": False}, data__split__held_out=0.25)
    assert (batches.training_images, batches.evaluation_images, batches.steps_per_epoch) == (150, 50, 4)
    epochs = [torch.cat([images for images, _ in batches.training(epoch)]) for epoch in (0, 0, 1)]
    assert epochs[0].shape == (128, 3, 32, 32)
    assert epochs[0].is_contiguous(memory_format=torch.channels_last)
    assert len({image.numpy().tobytes() for image in epochs[0]}) == 128
    assert torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[0], epochs[2])


def test_an_epoch_can_be_started_at_any_step(cifar: Callable[..., Batches]) -> None:
    whole = list(cifar().training(2))
    for (images, labels), (again, same) in zip(whole[3:], cifar().training(2, first_step=3), strict=True):
        assert torch.equal(images, again)
        assert torch.equal(labels, same)


def test_values_are_scaled_and_normalised(cifar: Callable[..., Batches]) -> None:
    plain = next(cifar(augmentation={"crop_padding": 0, "flip": False}).training(0))[0]
    shifted = next(
        cifar(
            augmentation={"crop_padding": 0, "flip": False}, data__mean=[0.1, 0.2, 0.3], data__std=[0.5, 0.25, 0.2]
        ).training(0)
    )[0]
    expected = (plain - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.5, 0.25, 0.2])[:, None, None]
    torch.testing.assert_close(shifted, expected)
    assert 0 <= plain.min() <= plain.max() <= 1


def test_crops_and_flips_are_windows_of_the_padded_image(cifar: Callable[..., Batches]) -> None:
    plain, _ = next(cifar(augmentation={"crop_padding": 0, "flip": False}).training(0))
    padded = torch.nn.functional.pad(plain, (4, 4, 4, 4))
    found, _ = next(cifar().training(0))
    offsets, mirrored = set(), 0
    for image, source in zip(found, padded, strict=True):
        matches = [
            (y, x, flip)
            for y in range(9)
            for x in range(9)
            for flip in (False, True)
            if torch.equal(
                image, source[:, y : y + 32, x : x + 32].flip(2) if flip else source[:, y : y + 32, x : x + 32]
            )
        ]
        assert len(matches) == 1
        offsets.add(matches[0][:2])
        mirrored += matches[0][2]
    assert len(offsets) > 20
    assert 6 < mirrored < 26


def test_shares_of_a_batch_make_up_the_batch(cifar: Callable[..., Batches]) -> None:
    whole = next(cifar().training(1))
    parts = [next(cifar(BatchShare(rank, 3)).training(1)) for rank in range(3)]
    for i in range(2):
        assert torch.equal(whole[i], torch.cat([part[i] for part in parts]))
    held = torch.cat([labels for _, labels in cifar().evaluation()])
    assert torch.equal(
        held, torch.cat([labels for rank in range(3) for _, labels in cifar(BatchShare(rank, 3)).evaluation()])
    )


def test_images_are_resized_once_to_the_recipes_resolution(cifar: Callable[..., Batches]) -> None:
    batches = cifar(resolution=16, augmentation={"crop_padding": 2})
    assert next(batches.training(0))[0].shape == (32, 3, 16, 16)
    assert next(batches.evaluation())[0].shape[2:] == (16, 16)


def test_automatic_policies_and_colour_noise_are_the_same_again(cifar: Callable[..., Batches]) -> None:
    for options in ({"automatic": "randaugment"}, {"automatic": "autoaugment"}, {"lighting": 0.1}):
        plain, first, again = (next(cifar(augmentation=o).training(0))[0] for o in ({}, options, options))
        assert torch.equal(first, again)
        assert not torch.equal(first, plain)


def test_a_batch_larger_than_the_data_is_refused(digits: Callable[..., Recipe]) -> None:
    with pytest.raises(DsxError, match="batch_size 2048 exceeds the 1198 training images of digits"):
        open_batches(digits(batch_size=2048), 0, CPU)
