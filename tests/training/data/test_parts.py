"""Opening the images of a recipe: every source, and kept while nothing changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dsx.recipes.options import Data
from dsx.recipes.recipe import load_recipe
from dsx.training.data import parts
from dsx.training.data.folder import FolderImages
from dsx.training.data.images import ImageSet, ImageSource, Stored
from dsx.training.data.parts import folder_times, forget, open_parts
from dsx.training.data.split import held_out_split
from dsx.training.faults import DataError

Folder = tuple[Path, np.ndarray, np.ndarray]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget()
    yield
    forget()


def data_of(recipe: str, **overrides: object) -> Data:
    return load_recipe(recipe, {f"data.{key.replace('__', '.')}": value for key, value in overrides.items()}).data


def pixels(images: ImageSet) -> np.ndarray:
    return np.stack([images.read(row) for row in range(len(images.labels))])


def test_official_images_are_evaluated_where_the_recipe_says_so(mnist_folder: Folder) -> None:
    root, images, labels = mnist_folder
    opened = open_parts(data_of("mnist", root=str(root), split__evaluate="official"))
    np.testing.assert_array_equal(pixels(opened.training)[..., 0], images)
    np.testing.assert_array_equal(opened.training.labels, labels)
    assert len(opened.evaluation.labels) == 50
    assert opened.classes == [str(digit) for digit in range(10)]
    assert opened.places == (f"{root}/MNIST", "its official images")


def test_images_are_held_out_of_the_training_images_otherwise(mnist_folder: Folder) -> None:
    root, images, labels = mnist_folder
    split = {"split__evaluate": "held_out", "split__held_out": 0.3, "split__seed": 4}
    opened = open_parts(data_of("mnist", root=str(root), **split))
    kept, held = held_out_split(labels, 0.3, 4)
    np.testing.assert_array_equal(pixels(opened.training)[..., 0], images[kept])
    np.testing.assert_array_equal(pixels(opened.evaluation)[..., 0], images[held])
    np.testing.assert_array_equal(opened.evaluation.labels, labels[held])
    assert opened.places == (f"{root}/MNIST", "held out of them")


def test_folders_and_own_data_sets_are_opened_by_who_knows_them(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_parts(data_of("folder", root=str(image_folder)))
    assert (list(opened.classes), len(opened.training.labels)) == (["ant", "bee", "cat"], 60)
    asked: list[str] = []
    made = ImageSource(
        opened.training.take(np.arange(6)), opened.evaluation.take(np.arange(3)), ["a", "b", "c"], ("here", "there")
    )
    monkeypatch.setattr(parts, "open_own", lambda data: asked.append(data.dataset) or made)
    for storage, kind in (("auto", Stored), ("memory", Stored), ("stream", FolderImages)):
        assert type(open_parts(data_of("folder", dataset="mine:make", storage=storage)).training) is kind
    assert asked == ["mine:make"] * 3


def test_what_was_opened_is_kept_until_it_is_forgotten_or_changes(image_folder: Path) -> None:
    data = data_of("folder", root=str(image_folder))
    first = open_parts(data)
    assert open_parts(data) is first
    extra = image_folder / "train" / "ant" / "more.jpg"
    extra.write_bytes((image_folder / "train" / "ant" / "000.jpg").read_bytes())
    os.utime(extra.parent, ns=(1, 1))  # whatever the clock's grain
    second = open_parts(data)
    assert len(second.training.labels) == len(first.training.labels) + 1
    forget()
    assert open_parts(data) is not second


def test_the_times_are_of_the_root_the_parts_and_their_classes(image_folder: Path) -> None:
    data = data_of("folder", root=str(image_folder))
    folders = [image_folder, *(path for path in image_folder.rglob("*") if path.is_dir())]
    assert len(folders) == 9
    for stamp, folder in enumerate(folders):
        before = folder_times(data)
        os.utime(folder, ns=(stamp, stamp))
        assert folder_times(data) != before
    assert sorted(folder_times(data)) == list(range(9))


def test_without_a_root_there_are_no_times_and_one_that_is_nowhere_is_said_by_its_reader(tmp_path: Path) -> None:
    assert folder_times(data_of("digits")) == ()
    data = data_of("folder", root=str(tmp_path / "nowhere"))
    assert folder_times(data) == ()
    with pytest.raises(DataError, match=r"no folder .*/nowhere/train"):
        open_parts(data)
