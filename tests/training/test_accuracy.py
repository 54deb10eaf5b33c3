"""What real training reaches on real images, beside classifiers of another library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.images import ImageSet
from dsx.training.data.parts import open_parts
from dsx.training.trainer import train

pytestmark = pytest.mark.slow

SPLITS = range(5)


def pixels(images: ImageSet) -> np.ndarray:
    """(n, 64), from 0 to 1."""
    return np.stack([images.read(row).ravel() for row in range(len(images.labels))]) / 255


def wrong_by_perceptron(recipe: Recipe, seed: int) -> int:
    """Held-out digits that scikit-learn's perceptron takes for others: its defaults, until it has converged."""
    parts = open_parts(recipe.data)
    perceptron = MLPClassifier(max_iter=500, random_state=seed).fit(pixels(parts.training), parts.training.labels)
    return int((perceptron.predict(pixels(parts.evaluation)) != parts.evaluation.labels).sum())


def test_the_digits_recipe_brings_a_good_network_beyond_a_perceptron_of_scikit_learn() -> None:
    """Both learn the same digits and are asked the same: 359 of each of five splits, 1,795 in all.

    The network is a model of AnyNetXE-digits, of 440,074 flops. How many digits it takes for others moves with the
    rounding of the processor's kernels, by one or so on each split; the perceptron's sum lies seven above it.
    """
    wide = [Stage(depth=1, width=128, stride=2, bottleneck_ratio=4, group_width=16) for _ in range(3)]
    first = Stage(depth=1, width=16, stride=1, bottleneck_ratio=4, group_width=4)
    network = Architecture(stem=Stem(type="cifar", width=16), stages=(first, *wide), num_classes=10, in_channels=1)
    recipes = [load_recipe("digits", {"data.split.seed": split}) for split in SPLITS]
    results = [train(network, recipe, seed=i, device="cpu", threads=1) for i, recipe in enumerate(recipes)]
    assert {(result.split["evaluation_images"], result.epochs) for result in results} == {(359, 8)}
    wrong = [round(result.error / 100 * 359) for result in results]
    theirs = [wrong_by_perceptron(recipe, i) for i, recipe in enumerate(recipes)]
    assert sum(wrong) <= sum(theirs), (wrong, theirs)
