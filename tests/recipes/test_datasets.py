"""What is known of a data set before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsx.recipes.datasets import DATASETS, check_dataset_name, class_folders, hidden
from dsx.recipes.recipe import load_recipe


def test_classes_of_a_folder_are_its_class_folders(tmp_path: Path) -> None:
    for name in ("cat", "dog", "owl"):
        (tmp_path / "train" / name).mkdir(parents=True)
    assert load_recipe("folder", {"data.root": str(tmp_path)}).num_classes == 3
    assert load_recipe("folder").num_classes is None


def test_class_folders_are_sorted_and_neither_files_nor_hidden(tmp_path: Path) -> None:
    for name in ("owl", "cat", ".thumbnails", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "labels.txt").touch()
    assert class_folders(tmp_path) == ("cat", "owl")
    assert class_folders(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("name", "left_out"), [(".DS_Store", True), ("__MACOSX", True), ("cat", False), ("a.b", False)]
)
def test_what_editors_and_archivers_leave_is_hidden(name: str, left_out: bool) -> None:
    assert hidden(name) is left_out


@pytest.mark.parametrize("name", [*DATASETS, "my.module:make"])
def test_a_known_name_and_an_import_path_are_data_sets(name: str) -> None:
    check_dataset_name(name)


@pytest.mark.parametrize("name", ["cifar", "module:", ":make", "module:not a name"])
def test_another_name_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown data set"):
        check_dataset_name(name)


def test_a_misspelt_name_has_a_near_miss() -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        check_dataset_name("cifar-10")
    assert str(refused.value) == (
        "unknown data set 'cifar-10'. Did you mean cifar10? Known: digits, mnist, fashion_mnist, cifar10, cifar100,"
        " imagenet, folder; or module:callable"
    )
