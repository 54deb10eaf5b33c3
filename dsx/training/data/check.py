"""Whether a recipe's data is where it should be, told before anything is started."""

from __future__ import annotations

from dsx.recipes.datasets import DATASETS
from dsx.recipes.recipe import Recipe
from dsx.training.data import arrays
from dsx.training.data.files import open_readers


def check_data(recipe: Recipe) -> None:
    """Read (small data sets) or list (folders of images) the data. Raises DataError: what is expected where.

    A data set by import path is left to the training itself: only running its code could tell.
    """
    data = recipe.data
    if data.dataset not in DATASETS or data.dataset == "digits":
        return
    if data.streams:
        open_readers(data)
    else:
        arrays.load_arrays(data)
        arrays.forget()
