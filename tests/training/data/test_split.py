from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsx.recipes.recipe import load_recipe
from dsx.training.data.parts import open_parts
from dsx.training.data.split import held_out_split


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.floats(0.05, 0.95), st.integers(0, 5))
def test_every_image_is_on_one_side_and_every_class_has_its_share(labels: list[int], share: float, seed: int) -> None:
    array = np.array(labels)
    if all(labels.count(label) == 1 for label in labels):
        return
    kept, held = held_out_split(array, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    for label, count in zip(*np.unique(array, return_counts=True), strict=True):
        out = int((array[held] == label).sum())
        assert out == min(max(1, round(share * count)), count - 1)


def test_the_digits_split_is_pinned() -> None:
    parts = open_parts(load_recipe("digits").data)
    assert (len(parts.training.labels), len(parts.evaluation.labels), parts.num_classes) == (1438, 359, 10)
    # a change here changes every result of the recipe: raise its version
    assert hashlib.sha256(parts.evaluation.images.tobytes()).hexdigest()[:16] == "9953b967c63043af"


def test_another_seed_holds_out_other_images() -> None:
    labels = np.repeat(np.arange(3), 50)
    assert not np.array_equal(held_out_split(labels, 0.2, 0)[1], held_out_split(labels, 0.2, 1)[1])
