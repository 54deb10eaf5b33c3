"""Noise in the shape of a known data set that is not here."""

from __future__ import annotations

from pathlib import Path

import torch

from dsx.recipes.recipe import load_recipe
from dsx.training.data.noise import NoiseBatches, is_absent


def test_only_a_known_data_set_whose_folder_is_not_there_is_absent(tmp_path: Path) -> None:
    assert is_absent(load_recipe("imagenet_10ep", {"data.root": str(tmp_path / "none")}).data)
    assert not is_absent(load_recipe("imagenet_10ep", {"data.root": str(tmp_path)}).data)
    assert not is_absent(load_recipe("digits").data)
    assert not is_absent(load_recipe("folder", {"data.root": str(tmp_path / "none")}).data)


def test_batches_have_the_shape_and_number_of_the_real_ones() -> None:
    recipe = load_recipe("cifar10", {"batch_size": 100, "data.root": "none"})
    batches = NoiseBatches(recipe, 0, torch.device("cpu"))
    assert (batches.training_images, batches.evaluation_images) == (45_000, 5_000)  # a tenth is held out
    images, labels = next(batches.training(0))
    assert images.shape == (100, 3, 32, 32)
    assert labels.shape == (100,)
    assert labels.min() >= 0
    assert labels.max() < 10
    assert sum(1 for _ in batches.training(0, first_step=440)) == 450 - 440
    assert next(batches.evaluation())[0].shape[1:] == (3, 32, 32)
