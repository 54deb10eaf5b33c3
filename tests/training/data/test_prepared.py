"""Prepared folders are read as they were written, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsx.recipes.options import Data
from dsx.recipes.recipe import load_recipe
from dsx.training.data.parts import forget, open_parts, open_source
from dsx.training.data.pixels import Unreadable
from dsx.training.data.prepare import plan_preparation, prepare
from dsx.training.data.prepared import PreparedImages
from dsx.training.faults import DataError


def data_of(root: Path | None, **overrides: Any) -> Data:
    where = {"data.root": None if root is None else str(root), "data.storage": "prepared", "data.prepared_size": 32}
    return load_recipe("folder", where | {f"data.{k.replace('__', '.')}": v for k, v in overrides.items()}).data


@pytest.fixture
def made(image_folder: Path, tmp_path: Path) -> Path:
    forget()
    (image_folder / "train" / "cat" / "notes.txt").write_text("mine")
    (image_folder / "train" / "bee" / "003.jpg").write_bytes(b"nothing")
    data = load_recipe("folder", {"data.root": str(image_folder)}).data
    prepare(plan_preparation(data, 32, tmp_path / "made"), 1, lambda done: None)
    return tmp_path / "made"


def test_images_are_views_of_mapped_files(made: Path) -> None:
    images = open_source(data_of(made)).training
    assert isinstance(images, PreparedImages)
    pixels = images.read(0)
    base: Any = pixels
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert not pixels.flags.writeable
    assert min(pixels.shape[:2]) <= 32
    some = images.take(np.array([7, 2]))
    np.testing.assert_array_equal(some.read(0), images.read(7))
    assert (some.name(0), some.labels.tolist()) == (f"{made}: train image 7", [0, 0])


def test_an_image_that_was_unreadable_stays_so(made: Path, image_folder: Path) -> None:
    images = open_source(data_of(made)).training
    with pytest.raises(Unreadable) as raised:
        images.read(23)
    assert str(raised.value) == f"{image_folder}/train/bee/003.jpg: of no format that PIL knows"


def test_the_split_is_that_of_the_folder_itself(made: Path, image_folder: Path) -> None:
    split = {"split__evaluate": "held_out", "split__held_out": 0.3, "split__seed": 4}
    ours = open_parts(data_of(made, **split))
    theirs = open_parts(data_of(image_folder, storage="auto", **split))
    np.testing.assert_array_equal(ours.evaluation.labels, theirs.evaluation.labels)
    assert isinstance(ours.evaluation, PreparedImages)
    names = [theirs.evaluation.name(row) for row in range(len(theirs.evaluation.labels))]
    whole = open_source(data_of(image_folder, storage="auto")).training
    assert [whole.name(row) for row in ours.evaluation.rows.tolist()] == names
    assert (list(ours.classes), ours.notes) == (list(theirs.classes), theirs.notes)
    assert ours.places == (str(made), "held out of them")


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"prepared_size": 256}, "data.prepared_size 32, and the recipe has 256: set what the folder has, or prepare"),
        ({"dataset": "imagenet"}, "data.dataset folder, and the recipe has imagenet: choose another folder or recipe"),
        (
            {"mean": [0.5, 0.5, 0.5]},
            "data.mean [0.485, 0.456, 0.406], and the recipe has [0.5, 0.5, 0.5]: prepare with the recipe's, which is"
            " what transparent pixels show",
        ),
        ({"evaluation_folder": "test"}, "data.evaluation_folder val, and the recipe has test: prepare another"),
    ],
)
def test_what_was_prepared_otherwise_is_refused(made: Path, overrides: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataError) as raised:
        open_source(data_of(made, **overrides))
    assert str(raised.value).startswith(f"{made}: {problem}")


def test_evaluation_images_must_have_been_prepared(made: Path) -> None:
    manifest = json.loads((made / "prepared.json").read_text())
    del manifest["parts"]["evaluation"]
    manifest["evaluation_folder"] = None
    (made / "prepared.json").write_text(json.dumps(manifest))
    assert open_source(data_of(made, split__evaluate="held_out")).evaluation is None
    with pytest.raises(DataError) as raised:
        open_source(data_of(made))
    assert str(raised.value) == (
        f"{made}: was prepared without evaluation images: set data.split.evaluate=held_out, or prepare them"
    )


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda root: (root / "train.000.pixels").write_bytes(b""), "/train.000.pixels: has another length than"),
        (lambda root: (root / "train.000.pixels").unlink(), ": train.npy or files beside it are not readable ("),
        (lambda root: (root / "train.npy").write_bytes(b"torn"), ": train.npy or files beside it are not readable ("),
        (lambda root: (root / "prepared.json").write_text("{"), "/prepared.json: torn or not JSON; treated as"),
        (lambda root: (root / "prepared.json").unlink(), ": its images are not all prepared yet; `dsx data"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_refused(made: Path, damage: Any, problem: str) -> None:
    damage(made)
    with pytest.raises(DataError) as raised:
        open_source(data_of(made))
    assert str(raised.value).startswith(f"{made}{problem}")


def test_a_folder_that_is_none_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        open_source(data_of(tmp_path))
    assert str(raised.value) == (
        f"{tmp_path}: no prepared.json there; `dsx data prepare folder --root FOLDER --out {tmp_path}` makes it"
    )
    with pytest.raises(DataError, match=r"prepared needs data\.root, the folder that `dsx data prepare` wrote"):
        open_source(data_of(None))
