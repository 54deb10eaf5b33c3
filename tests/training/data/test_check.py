from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.check import check_data, check_parts
from dsx.training.data.images import BYTES, ImageParts, Stored, Unreadable
from dsx.training.faults import CorruptData, DataError

PLACES = ("here", "there")


@dataclasses.dataclass(frozen=True)
class Failing:
    """Images of which those with the label 7 cannot be read, as if from files."""

    labels: np.ndarray
    what: str
    dtype: np.dtype = BYTES

    def name(self, row: int) -> str:
        return f"{self.what}[{row}]"

    def take(self, rows: np.ndarray) -> Failing:
        return Failing(self.labels[rows], self.what)

    def read(self, row: int, seed: int = 0) -> np.ndarray:
        if self.labels[row] == 7:
            raise Unreadable("torn")
        return np.full((4, 4, 1), 200, np.uint8)


def parts_of(training: np.ndarray, evaluation: np.ndarray, classes: int = 10) -> ImageParts:
    sets = [Failing(labels, what) for labels, what in ((training, "training"), (evaluation, "evaluation"))]
    return ImageParts(sets[0], sets[1], [str(i) for i in range(classes)], PLACES)


def digits(**overrides: object) -> Recipe:
    return load_recipe("digits", {"batch_size": 8, **{k.replace("__", "."): v for k, v in overrides.items()}})


def test_what_a_launch_tells_of_images(image_folder: Path) -> None:
    (image_folder / "train" / "bee" / "001.jpg").unlink()
    recipe = load_recipe("folder", {"data.root": str(image_folder), "batch_size": 8})
    told = check_data(recipe)
    assert (told.training_images, told.num_classes) == (59, 3)
    assert told.lines == (
        f"data: 59 training images (ant 20, bee 19, cat 20) in {image_folder}/train; 24 evaluation images (3 classes of"
        f" 8): {image_folder}/val",
    )
    held = check_data(recipe.with_overrides({"data.split.evaluate": "held_out", "batch_size": 7}))
    assert held.lines == (
        f"data: 47 training images (ant 16, bee 15, cat 16) in {image_folder}/train; 12 evaluation images (3 classes of"
        f" 4): held out of {image_folder}/train",
    )


def test_the_recipes_line_counts_the_images_that_are_there() -> None:
    recipe = load_recipe("digits")
    told = check_data(recipe)
    assert told.training_images == 1438
    assert f"{1438 // recipe.batch_size} steps an epoch" in recipe.describe(training_images=told.training_images)
    assert told.lines == (
        "data: 1,438 training images (10 classes of 139 to 146) in scikit-learn; 359 evaluation images (10 classes of"
        " 35 to 37): held out of them",
    )


@pytest.mark.slow
def test_checking_a_folder_loads_no_torch(image_folder: Path) -> None:
    code = (
        "import sys, dsx\n"
        "from dsx.training.data.check import check_data\n"
        "check_data(dsx.load_recipe('folder', {'data.root': sys.argv[1], 'batch_size': 8}))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(image_folder)], check=True)


def test_a_few_unreadable_images_of_many_are_tolerated_a_sample_full_of_them_is_not() -> None:
    many = np.arange(100_000) % 7
    few, all_but = many.copy(), np.full(100_000, 7)
    few[::1000] = 7
    all_but[:300] = 1
    check_parts(digits(data__max_corrupt=0.05), parts_of(few, many[:100]))
    with pytest.raises(CorruptData, match=r"^22\d of the 228 images looked at are not readable, more than .* = 0\.9"):
        check_parts(digits(data__max_corrupt=0.9), parts_of(all_but, np.full(100, 7)))


def test_classes_that_are_never_trained_are_told(image_folder: Path) -> None:
    parts = parts_of(np.repeat(np.arange(1, 4), 20), np.repeat(np.arange(1, 4), 5), classes=4)
    check_parts(digits(), parts)
    from dsx.training.data import check

    assert check._lines(parts, digits()) == [
        "data: 60 training images (0 0, 1 20, 2 20, 3 20) in here; 15 evaluation images (0 0, 1 5, 2 5, 3 5): there",
        "1 of 4 classes have no training image, e.g. 0",
    ]


def test_values_of_different_types_are_refused() -> None:
    parts = parts_of(np.arange(40) % 4, np.arange(20) % 4)
    floats = Stored(np.ones((20, 4, 4, 1), np.float32), np.arange(20) % 4)
    with pytest.raises(DataError) as caught:
        check_parts(digits(), dataclasses.replace(parts, evaluation=floats))
    assert str(caught.value) == (
        "data set digits: training images are uint8 and evaluation images float32: return one type"
    )
