"""Sets of labelled images: in memory, by row, with names; and what a label is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsx.training.data.images import Stored, class_number, class_numbers, kept, too_many_unreadable
from dsx.training.data.pixels import Unreadable
from dsx.training.faults import DataError


class Files:
    """Four grey images of which the third cannot be read; counts its readings."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shapes: list[tuple[int, int]]) -> None:
        self.shapes = shapes
        self.labels = np.arange(len(shapes))
        self.readings: list[tuple[int, int]] = []

    def name(self, row: int) -> str:
        return f"{row}.png"

    def read(self, row: int, seed: int = 0) -> np.ndarray:
        self.readings.append((row, seed))
        if row == 2:
            raise Unreadable("torn")
        return np.full((*self.shapes[row], 1), 10 + row, np.uint8)

    def take(self, rows: np.ndarray) -> Files:
        raise NotImplementedError


def test_every_image_is_read_once_with_its_row_as_seed_and_kept() -> None:
    files = Files([(4, 4)] * 4)
    stored = kept(files)
    assert files.readings == [(0, 0), (1, 1), (2, 2), (3, 3)]
    for _ in range(2):
        assert [int(stored.read(row)[0, 0, 0]) for row in (0, 1, 3)] == [10, 11, 13]
        with pytest.raises(Unreadable, match=r"^torn$"):
            stored.read(2)
    assert len(files.readings) == 4
    assert isinstance(stored.images, np.ndarray)
    assert stored.images.shape == (4, 4, 4, 1)
    assert [stored.name(row) for row in range(4)] == ["0.png", "1.png", "2.png", "3.png"]
    assert stored.labels.tolist() == [0, 1, 2, 3]


def test_images_of_several_shapes_are_kept_apart() -> None:
    stored = kept(Files([(4, 4), (4, 5), (9, 9), (6, 4)]))
    assert isinstance(stored.images, list)
    assert [stored.read(row).shape for row in (0, 1, 3)] == [(4, 4, 1), (4, 5, 1), (6, 4, 1)]


def test_a_set_of_which_nothing_can_be_read_is_kept_too() -> None:
    class Broken(Files):
        def read(self, row: int, seed: int = 0) -> np.ndarray:
            raise Unreadable("gone")

    stored = kept(Broken([(4, 4)] * 2))
    assert stored.unreadable == {0: "gone", 1: "gone"}
    assert stored.dtype == np.uint8


@pytest.mark.parametrize("stacked", [True, False])
def test_a_selection_keeps_names_labels_and_what_is_unreadable(stacked: bool) -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros((1, 2, 2, 1), np.uint8)
    whole = Stored(images if stacked else list(images), np.arange(5) * 10, "mnist train", unreadable={3: "torn"})
    part = whole.take(np.array([4, 3, 1])).take(np.array([1, 2]))
    assert [part.name(row) for row in range(2)] == ["mnist train[3]", "mnist train[1]"]
    assert part.labels.tolist() == [30, 10]
    assert part.unreadable == {0: "torn"}
    assert int(part.read(1)[0, 0, 0]) == 1


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int8(3), np.float64(3), np.array(3), np.array([3]), torch.tensor(3), torch.tensor([[3]])]
)
def test_a_whole_number_in_any_type_is_a_class(value: object) -> None:
    number = class_number(value, "item 0")
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (-1, "-1"),
        (0.5, "0.5"),
        (float("nan"), "nan"),
        ("bee", "'bee'"),
        (None, "None"),
        (np.eye(2)[0], "of shape (2,)"),
        (torch.zeros(2, 3), "of shape (2, 3)"),
    ],
)
def test_what_is_no_class_is_told_with_its_item(value: object, found: str) -> None:
    with pytest.raises(DataError) as caught:
        class_number(value, "set x: item 7")
    assert str(caught.value) == f"set x: item 7 has the label {found}: expected the number of a class, from 0"


@pytest.mark.parametrize("values", [[0, 2.0, np.int16(1)], np.array([0, 2, 1], np.uint8), torch.tensor([0, 2, 1])])
def test_labels_become_int64_whatever_they_were(values: list[object]) -> None:
    numbers = class_numbers(values, "set x")
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [0, 2, 1]
    assert class_numbers([], "set x").shape == (0,)


def test_the_first_wrong_label_of_many_is_named() -> None:
    with pytest.raises(DataError, match=r"^set x: item 1 has the label 'bee': expected the number of a class, from 0$"):
        class_numbers([0, "bee", "cat"], "set x")
    with pytest.raises(DataError, match=r"^set x: item 2 has the label -4: expected a class from 0$"):
        class_numbers(np.array([0, -1, -4, 3]), "set x")


def test_too_many_unreadable_images_are_told_by_the_first_three() -> None:
    reasons = {"d": "x", "b": "torn", "a": "", "c": "gone"}
    assert str(too_many_unreadable(reasons, "40 images", 0.05)) == (
        "4 of 40 images are not readable, more than data.max_corrupt = 0.05 allows; the first: a, b (torn), c (gone)"
    )
