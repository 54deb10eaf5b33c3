"""Known data sets, from the files that they are published in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torchvision
from sklearn.datasets import load_digits

from dsx.recipes.recipe import load_recipe
from dsx.training.data.parts import open_parts
from dsx.training.data.published import missing, place_of, read_published
from dsx.training.faults import DataError

Folder = tuple[Path, np.ndarray, np.ndarray]


def test_idx_files_that_lie_in_the_root_itself_are_read_too(mnist_folder: Folder, tmp_path: Path) -> None:
    """As Debian's package dataset-fashion-mnist has them; torchvision's folder wins where both are there."""
    root, images, labels = mnist_folder
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in (root / "MNIST" / "raw").iterdir():
        (flat / path.name).write_bytes(path.read_bytes())
    training, official = read_published("fashion_mnist", str(flat), official=True)
    np.testing.assert_array_equal(training.images[..., 0], images)
    np.testing.assert_array_equal(training.labels, labels)
    assert official is not None
    assert official.images.shape == (50, 28, 28, 1)
    (flat / "FashionMNIST" / "raw").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no file .*/flat/FashionMNIST/raw/train-images-idx3-ubyte"):
        read_published("fashion_mnist", str(flat), official=True)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_a_missing_data_set_says_what_is_expected_where_and_how_to_get_it(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, {"data.root": str(tmp_path)})
    with pytest.raises(DataError) as caught:
        open_parts(recipe.data)
    message = str(caught.value)
    assert f"expected below data.root {tmp_path}" in message
    assert f"('{tmp_path}', download=True)" in message
    assert "\n" not in message


def test_digits_are_scikit_learns_in_bytes() -> None:
    training, official = read_published("digits", None, official=False)
    bundle = load_digits()
    assert official is None
    assert training.dtype == np.uint8
    assert np.asarray(training.images).shape == (1797, 8, 8, 1)
    # sixteen shades of ink, of which the darkest is 255
    np.testing.assert_allclose(np.asarray(training.images)[..., 0] / 255 * 16, bundle.images, atol=16 / 255 / 2)
    np.testing.assert_array_equal(training.labels, bundle.target)
    assert training.name(5) == "digits[5]"


def test_digits_are_the_same_where_scikit_learn_keeps_its_file_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    read, _ = read_published("digits", None, official=False)
    monkeypatch.setattr("dsx.training.data.published.find_spec", lambda name: None)
    loaded, _ = read_published("digits", None, official=False)
    np.testing.assert_array_equal(loaded.images, read.images)
    np.testing.assert_array_equal(loaded.labels, read.labels)


def test_official_images_are_read_only_where_they_are_asked_for(mnist_folder: Folder) -> None:
    root, _, _ = mnist_folder
    for path in (root / "MNIST" / "raw").glob("t10k*"):
        path.unlink()
    training, official = read_published("mnist", str(root), official=False)
    assert (len(training.labels), official) == (200, None)
    with pytest.raises(DataError, match=r"no file .*t10k-images-idx3-ubyte"):
        read_published("mnist", str(root), official=True)


def test_images_are_named_by_set_part_and_row(mnist_folder: Folder, cifar_folder: Folder) -> None:
    for name, (root, _, _), names in (
        ("mnist", mnist_folder, ("mnist train[3]", "mnist t10k[3]")),
        ("cifar10", cifar_folder, ("cifar10 training[3]", "cifar10 test[3]")),
    ):
        training, official = read_published(name, str(root), official=True)
        assert official is not None
        assert (training.name(3), official.name(3)) == names


def test_a_known_data_set_needs_to_be_told_where() -> None:
    with pytest.raises(DataError, match=r"^data set mnist needs data\.root, the folder that holds MNIST/raw/"):
        read_published("mnist", None, official=True)


def test_the_place_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert place_of("cifar100", "~/data") == "/home/ada/data/cifar-100-python"
    assert place_of("digits", None) == "scikit-learn"


def test_what_is_missing_is_fetched_if_the_recipe_says_so(
    tmp_path: Path, mnist_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[tuple[str, bool]] = []

    def fetch(root: str, download: bool) -> None:
        fetched.append((root, download))
        (mnist_folder[0] / "MNIST").rename(tmp_path / "new" / "MNIST")

    (tmp_path / "new").mkdir()
    monkeypatch.setattr(torchvision.datasets, "MNIST", fetch)
    with pytest.raises(DataError, match=r"data\.download=true"):
        read_published("mnist", str(tmp_path / "new"), official=False)
    assert fetched == []
    for _ in range(2):
        training, _ = read_published("mnist", str(tmp_path / "new"), official=False, download=True)
        assert len(training.labels) == 200
    assert fetched == [(str(tmp_path / "new"), True)]


def test_a_download_that_fails_is_told_by_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(root: str, download: bool) -> None:
        raise RuntimeError("Error downloading:\nTried mirror\n  no route to host \n\n")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fetch)
    with pytest.raises(DataError) as caught:
        read_published("cifar10", str(tmp_path), official=False, download=True)
    assert str(caught.value) == str(missing("cifar10", str(tmp_path), "could not be downloaded (no route to host)"))
