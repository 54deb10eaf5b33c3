"""From a recipe to its batches."""

from __future__ import annotations

import torch

from dsx.recipes.recipe import Recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.batchwise import Batchwise
from dsx.training.data.check import check_parts
from dsx.training.data.imagewise import Imagewise
from dsx.training.data.parts import open_parts


def open_batches(recipe: Recipe, seed: int, device: torch.device, share: BatchShare | None = None) -> Batches:
    """The batches that a recipe describes. Raises DataError if the images are not there or not what it can train on."""
    parts = open_parts(recipe.data)
    check_parts(recipe, parts)
    kind = Imagewise if recipe.imagewise and recipe.data.storage != "prepared" else Batchwise
    return kind(recipe, seed, device, share or BatchShare(), parts)
