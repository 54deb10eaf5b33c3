"""Batches of prepared images: the same for any number of threads, and those of the images where they can be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.batchwise import Batchwise
from dsx.training.data.mapped import MappedImages
from dsx.training.data.opening import open_batches
from dsx.training.data.parts import forget
from dsx.training.data.prepare import plan_preparation, prepare
from dsx.training.trainer import train

CPU = torch.device("cpu")


def make_prepared(recipe: Recipe, out: Path, size: int) -> None:
    official = recipe.with_overrides({"data.split.evaluate": "official"})
    prepare(plan_preparation(official.data, size, out), 1, lambda done: None)


@pytest.fixture
def recipe(image_folder: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """recipe(**overrides): of the folder, prepared with a shorter side of 32 pixels."""
    forget()
    fixed = {"resolution": 24, "batch_size": 8, "data.workers": 0, "data.prepared_size": 32}
    plain = load_recipe("folder", fixed | {"data.root": str(image_folder), "augmentation.evaluation_resize": 32})
    make_prepared(plain, tmp_path / "made", 32)

    def make(**overrides: Any) -> Recipe:
        where = {"data.storage": "prepared", "data.root": str(tmp_path / "made")}
        return plain.with_overrides(where | {k.replace("__", "."): v for k, v in overrides.items()})

    return make


def epoch_of(batches: Batches, epoch: int = 0, first_step: int = 0) -> list[tuple[Tensor, Tensor]]:
    try:
        return list(batches.training(epoch, first_step))
    finally:
        batches.close()


def same(a: list[tuple[Tensor, Tensor]], b: list[tuple[Tensor, Tensor]]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(torch.equal(x, y) and torch.equal(m, n) for (x, m), (y, n) in pairs)


def test_threads_and_the_first_step_never_change_a_batch(recipe: Callable[..., Recipe]) -> None:
    whole = epoch_of(open_batches(recipe(), 5, CPU), 1)
    assert [tuple(images.shape) for images, _ in whole] == [(8, 3, 24, 24)] * 7
    for workers in (1, 3, None):
        assert same(whole, epoch_of(open_batches(recipe(data__workers=workers), 5, CPU), 1))
    assert same(whole[3:], epoch_of(open_batches(recipe(data__workers=2), 5, CPU), 1, first_step=3))
    assert not same(whole, epoch_of(open_batches(recipe(), 5, CPU), 0))
    assert not same(whole, epoch_of(open_batches(recipe(), 6, CPU), 1))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dsx-images")]


@pytest.mark.parametrize("overrides", [{}, {"augmentation__crop_padding": 3}, {"augmentation__random_area": None}])
def test_devices_share_a_batch(recipe: Callable[..., Recipe], overrides: dict[str, Any]) -> None:
    whole = epoch_of(open_batches(recipe(**overrides), 5, CPU))
    parts = [epoch_of(open_batches(recipe(**overrides), 5, CPU, BatchShare(rank, 2))) for rank in range(2)]
    joined = [tuple(torch.cat(pair) for pair in zip(a, b, strict=True)) for a, b in zip(*parts, strict=True)]
    assert same(whole, joined)  # type: ignore[arg-type]


def test_evaluation_images_are_those_of_the_files_to_the_bit(recipe: Callable[..., Recipe], image_folder: Path) -> None:
    """Resized once when prepared, with the recipe's own shorter side: nothing is left but the central crop."""
    files = {"data.storage": "auto", "data.root": str(image_folder), "data.workers": 0}
    ours, theirs = (open_batches(r, 5, CPU) for r in (recipe(), recipe().with_overrides(files)))
    assert type(ours) is Batchwise
    assert same(list(ours.evaluation()), list(theirs.evaluation()))
    twice = open_batches(recipe(augmentation__evaluation_resize=28), 5, CPU)
    once = open_batches(recipe(augmentation__evaluation_resize=28).with_overrides(files), 5, CPU)
    std = torch.tensor(recipe().data.std)[:, None, None]
    apart = torch.cat([a - b for (a, _), (b, _) in zip(twice.evaluation(), once.evaluation(), strict=True)]) * std
    assert 0 < apart.abs().mean() < 0.02


def test_where_bytes_are_not_interpolated_whole_batches_are(recipe: Callable[..., Recipe]) -> None:
    """What an accelerator does, on the CPU: at most a level from what the CPU does, in the same places."""
    ours = open_batches(recipe(), 5, CPU)
    other = open_batches(recipe(), 5, CPU)
    reader: Any = other._training._reader  # type: ignore[attr-defined]
    assert isinstance(reader, MappedImages)
    reader._resizes = False
    std = torch.tensor(recipe().data.std)[:, None, None]
    for (a, labels), (b, same_labels) in zip(epoch_of(ours), epoch_of(other), strict=True):
        assert torch.equal(labels, same_labels)
        assert ((a - b) * std * 255).abs().max() < 1.01


def test_images_are_mirrored_by_halves(recipe: Callable[..., Recipe]) -> None:
    """Central squares of the whole image: each is what it is without flips, or its mirror image."""
    options = {"augmentation__random_area": None}
    plain = epoch_of(open_batches(recipe(**options, augmentation__flip=False), 5, CPU))
    flipped = epoch_of(open_batches(recipe(**options), 5, CPU))
    mirrored = [(xs != ys).flatten(1).any(1) for (xs, _), (ys, _) in zip(plain, flipped, strict=True)]
    assert 16 <= int(torch.cat(mirrored).sum()) <= 40
    std = torch.tensor(recipe().data.std)[:, None, None]
    for (xs, _), (ys, _) in zip(plain, flipped, strict=True):
        apart = torch.minimum(*(((v - ys) * std * 255).abs().amax((1, 2, 3)) for v in (xs, xs.flip(3))))
        assert apart.max() < 1.01


def test_padding_and_colour_noise_go_on_top(recipe: Callable[..., Recipe]) -> None:
    plain = epoch_of(open_batches(recipe(), 5, CPU))[0][0]
    noisy = epoch_of(open_batches(recipe(augmentation__lighting=0.1), 5, CPU))[0][0]
    shift = (noisy - plain).flatten(2)
    assert (shift - shift.mean(2, keepdim=True)).abs().max() < 1e-5
    assert len(shift.mean(2).unique(dim=0)) == 8
    padded = epoch_of(open_batches(recipe(augmentation__crop_padding=4), 5, CPU))[0][0]
    assert padded.shape == plain.shape
    assert not torch.equal(padded, plain)


@pytest.mark.parametrize("overrides", [{}, {"augmentation.crop_padding": 0}, {"resolution": 16}])
def test_images_of_one_shape_train_on_the_very_pixels_of_memory(
    cifar_folder: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path, overrides: dict[str, Any]
) -> None:
    forget()
    plain = load_recipe("cifar10", {"data.root": str(cifar_folder[0]), "batch_size": 32, "data.workers": 0} | overrides)
    make_prepared(plain, tmp_path / "made", 256)
    there = plain.with_overrides({"data.storage": "prepared", "data.root": str(tmp_path / "made")})
    a, b = (open_batches(recipe, 5, CPU) for recipe in (plain, there))
    assert same(epoch_of(a), epoch_of(b))
    a, b = (open_batches(recipe, 5, CPU) for recipe in (plain, there))
    assert same(list(a.evaluation()), list(b.evaluation()))


def test_unreadable_images_are_left_out_and_named(image_folder: Path, tmp_path: Path) -> None:
    forget()
    bad = image_folder / "train" / "ant" / "000.jpg"
    bad.write_bytes(b"nothing")
    recipe = load_recipe("folder", {"data.root": str(image_folder), "resolution": 24, "batch_size": 60})
    make_prepared(recipe, tmp_path / "made", 256)
    where = {"data.storage": "prepared", "data.root": str(tmp_path / "made"), "data.max_corrupt": 0.02}
    batches = open_batches(recipe.with_overrides(where), 5, CPU)
    with pytest.warns(UserWarning, match=r"train image 0: not a readable image; left out \(.*000.jpg: of no format"):
        images, labels = next(batches.training(0))
    assert (len(images), len(labels)) == (59, 59)
    assert batches.report() == {"corrupt_images": 1, "corrupt_names": [f"{tmp_path}/made: train image 0"]}
    batches.close()


@pytest.mark.slow
def test_prepared_images_are_learnt_and_belong_to_the_result(
    recipe: Callable[..., Recipe], tiny: Callable[..., Architecture]
) -> None:
    short = {"epochs": 2, "lr": 0.5, "schedule__warmup_epochs": 0, "augmentation__random_area": [0.5, 1.0]}
    results = [train(tiny(3, 3), recipe(**short, data__workers=workers), device="cpu", threads=1) for workers in (0, 2)]
    assert results[0].error == results[1].error < 50
    assert [entry["train_loss"] for entry in results[0].curve] == [entry["train_loss"] for entry in results[1].curve]
    assert "folder (prepared with a shorter side of 32) at 24×24" in results[0].effective_recipe["text"]
