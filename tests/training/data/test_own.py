"""Data sets by import path: the same result however they are read, and a cause for whatever their code does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from dsx.base.errors import DsxError
from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.batches import Batches
from dsx.training.data.opening import open_batches
from dsx.training.faults import DataError
from dsx.training.trainer import train

CPU = torch.device("cpu")
# images of 20 × 16 whose brightness tells the class; CODE is what an item is
SOURCE = """
import random
import numpy as np
import torch
from PIL import Image

class Data:
    def __init__(self, root, train):
        rng = np.random.default_rng(int(train))
        self.n = 48 if train else 18
        self.labels = np.arange(self.n) % 3
        images = rng.integers(0, 90, (self.n, 20, 16, 3)) + 80 * self.labels[:, None, None, None]
        self.images = images.astype(np.uint8)
        PREPARE
    def __len__(self):
        return self.n
    def __getitem__(self, i):
        image, label = self.images[i], self.labels[i]
        CODE
"""
HANDLED = {
    "batchwise": {},
    "resized": {"resolution": 12, "data.split.evaluate": "held_out", "augmentation.automatic": "randaugment"},
    "cropped": {"augmentation.random_area": [0.4, 1.0], "augmentation.lighting": 0.1},
    "shorter side": {"augmentation.evaluation_resize": 18},
}
ITEMS = {
    "bytes": "return image, label",
    "floats": "return torch.from_numpy(image).permute(2, 0, 1) / 255, torch.tensor(label)",
    "double floats": "return image / 255, float(label)",
    "pictures": "return Image.fromarray(image), int(label)",
    "grey pictures": "return Image.fromarray(image[..., 0]), [label][0]",
    "wide pictures with alpha": "return Image.fromarray(np.dstack([image, image[..., :1]])), np.array([label])",
    "truth values": "return image > 120, label",
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Recipe]]:
    """own(item, prepare="pass", **overrides): the recipe of a data set whose items are that code."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(item: str, prepare: str = "pass", **overrides: object) -> Recipe:
        name = f"own_{tmp_path.name}_{len(made)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(SOURCE.replace("CODE", item).replace("PREPARE", prepare))
        made.append(name)
        fixed: dict[str, object] = {"data.dataset": f"{name}:Data", "resolution": 16, "batch_size": 12, "epochs": 1}
        fixed |= {"schedule.warmup_epochs": 0, "data.workers": 0}
        fixed["augmentation"] = {"crop_padding": 2, "flip": True, "random_area": None, "evaluation_resize": None}
        return load_recipe("folder", fixed | {key.replace("__", "."): value for key, value in overrides.items()})

    yield make
    for name in made:
        sys.modules.pop(name, None)


def everything(batches: Batches) -> list[torch.Tensor]:
    """Two epochs, the second from its second step on, and the evaluation images."""
    sources = batches.training(0), batches.training(1, first_step=1), batches.evaluation()
    tensors = [tensor for source in sources for batch in source for tensor in batch]
    batches.close()
    return tensors


@pytest.mark.parametrize(
    ("item", "overrides"),
    [
        # of two ways to make items alike, the quick tests try one type of item
        pytest.param(item, HANDLED[handled], id=f"{handled}-{item}", marks=[] if quick else [pytest.mark.slow])
        for i, item in enumerate(ITEMS)
        for j, handled in enumerate(HANDLED)
        for quick in [i == j < 2]
    ],
)
def test_storage_and_loader_processes_never_change_a_batch(
    item: str, overrides: dict[str, object], own: Callable[..., Recipe]
) -> None:
    plain = own(ITEMS[item])
    ways: list[dict[str, object]] = [{"data.storage": "memory"}]
    ways += [{"data.storage": "stream", "data.workers": workers} for workers in (0, 1, 3)]
    recipes = [plain.with_overrides(overrides | way) for way in ways]
    first, *others = (everything(open_batches(recipe, 5, CPU)) for recipe in recipes)
    assert len(first) > 4
    for other in others:
        assert len(other) == len(first)
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_own_random_numbers_are_those_of_the_image_in_any_process(own: Callable[..., Recipe]) -> None:
    item = "return image[::random.choice((1, -1))] // np.random.randint(1, 3) * int(torch.randint(2, ())), label"
    plain = own(item, data__storage="stream")
    first, *others = (
        everything(open_batches(plain.with_overrides({"data.workers": workers}), 5, CPU)) for workers in (0, 2)
    )
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    state = torch.get_rng_state()
    everything(open_batches(plain, 6, CPU))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
def test_both_storages_train_to_the_same_result(own: Callable[..., Recipe], tiny: Callable[..., Architecture]) -> None:
    plain = own(ITEMS["floats"], epochs=2)
    results = [
        train(tiny(3, 3), plain.with_overrides({"data.storage": storage}), device="cpu", threads=1)
        for storage in ("memory", "stream")
    ]
    kept = [[entry["train_loss"], entry["loss"], entry["error"]] for result in results for entry in result.curve]
    assert kept[:2] == kept[2:]


def test_broken_pictures_are_left_out_alike_in_both_storages(own: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    item = f"return Image.open({str(tmp_path / 'broken.png')!r}) if i % 9 == 4 else image, label"
    plain = own(item, data__max_corrupt=0.2)
    seen = []
    for storage in ("memory", "stream"):
        batches = open_batches(plain.with_overrides({"data.storage": storage}), 5, CPU)
        with pytest.warns(UserWarning, match=r"item \d+: not a readable image; left out \(cannot identify image file"):
            seen.append(everything(batches))
        # all six of the training images, as they are met in any order; two of the evaluation images
        assert batches.report()["corrupt_images"] == 5 + 2
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_targets_are_believed_only_while_the_items_agree(own: Callable[..., Recipe]) -> None:
    agree = own(ITEMS["bytes"], "self.targets = torch.from_numpy(self.labels)", data__storage="stream")
    other = own(ITEMS["bytes"], "self.targets = [2 - l for l in self.labels]", data__storage="stream")
    late = own(ITEMS["bytes"], "self.targets = [*self.labels]; self.targets[1] = 2", data__storage="stream")
    expected = torch.arange(48) % 3
    for recipe in (agree, other):
        batches = open_batches(recipe, 5, CPU)
        labels = torch.cat([labels for _, labels in batches.training(0)])
        assert torch.equal(labels.sort().values, expected.sort().values)
    with pytest.raises(DataError, match=r"item 1 has the label 1 and, in the data set's targets, 2: make them agree"):
        open_batches(late, 5, CPU)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_bug_in_an_item_is_told_with_its_line_and_is_no_broken_image(
    workers: int, own: Callable[..., Recipe]
) -> None:
    for raised, line in (
        ("{}['key']", "KeyError: 'key'"),
        ("int('three')", "ValueError: invalid literal for int() with base 10: 'three'"),
        ("open('/nowhere/x.png')", "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x.png'"),
        ("raise RuntimeError('out of ideas')", "RuntimeError: out of ideas"),
    ):
        # only after the check has looked at the items
        item = f"if i == 5 and self.spent:\n            {raised}\n        return image, label"
        recipe = own(item, "Data.spent = False", data__storage="stream", data__workers=workers)
        batches = open_batches(recipe, 5, CPU)
        sys.modules[recipe.data.dataset.partition(":")[0]].Data.spent = True
        with pytest.raises(DataError) as caught:
            everything(batches)
        batches.close()
        assert f"data set {recipe.data.dataset}: item 5: {line}" in str(caught.value)
        assert str(caught.value).endswith(f"({recipe.data.dataset.partition(':')[0]}.py, line 20)")
        assert "Traceback" in str(caught.value.__cause__)


NUMBERS = """
import numpy as np
import torch

class Data:
    def __init__(self, root, train):
        self.numbers = np.random.default_rng(0).normal(5, 2, size=(40, *SHAPE))
        self.targets = np.arange(40) % 2
    def __len__(self):
        return 40
    def __getitem__(self, i):
        numbers, label = self.numbers[i], int(self.targets[i])
        CODE
"""


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Recipe]]:
    """numbers(shape, item, **data): the recipe of a data set of such items, which are no images."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"numbers_{tmp_path.name}".replace("-", "_")

    def make(shape: tuple[int, ...], item: str = "return numbers, label", **data: object) -> Recipe:
        (tmp_path / f"{name}.py").write_text(NUMBERS.replace("CODE", item).replace("SHAPE", str(shape)))
        content = {
            "name": "mine",
            "version": 1,
            "epochs": 1,
            "batch_size": 8,
            "lr": 0.1,
            "optimiser": {"weight_decay": 0},
        }
        return Recipe.from_dict(content | {"data": {"dataset": f"{name}:Data", "shape": shape, **data}})

    yield make
    sys.modules.pop(name, None)


@pytest.mark.parametrize("item", ["return numbers, label", "return torch.from_numpy(numbers), label"])
@pytest.mark.parametrize("shape", [(3,), (2, 7), (2, 4, 5)])
def test_what_is_no_image_comes_as_it_is_less_mean_and_over_std(
    shape: tuple[int, ...], item: str, numbers: Callable[..., Recipe]
) -> None:
    mean, std = [5.0 + i for i in range(shape[0])], [2.0 + i for i in range(shape[0])]
    recipe = numbers(shape, item, mean=mean, std=std)
    assert recipe.input_shape == shape
    everything_else = np.random.default_rng(0).normal(5, 2, size=(40, *shape)).reshape(40, shape[0], -1)
    wanted = ((everything_else - np.array(mean)[:, None]) / np.array(std)[:, None]).reshape(40, *shape)
    batches = open_batches(recipe, 0, CPU)
    given = torch.cat([images for source in (batches.training(0), batches.evaluation()) for images, _ in source])
    assert given.shape == (40, *shape)
    order = np.argsort(given.reshape(40, -1)[:, 0].numpy())
    expected = wanted[np.argsort(wanted.reshape(40, -1)[:, 0])]
    np.testing.assert_allclose(given[order].numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        ("return numbers[:2], label", "item 0: an array of float64 of shape (2): expected numbers of (3)"),
        ("return 'a', label", "item 0: an array of <U1 of shape (): expected numbers of (3)"),
        ("return numbers * np.nan, label", "item 0: holds numbers that are not finite"),
    ],
)
def test_items_that_are_not_those_numbers_are_told(item: str, rule: str, numbers: Callable[..., Recipe]) -> None:
    recipe = numbers((3,), item)
    with pytest.raises(DataError) as refusal:
        open_batches(recipe, 0, CPU)
    assert str(refusal.value) == f"data set {recipe.data.dataset}: {rule}"


def test_images_networks_and_numbers_do_not_fit(
    numbers: Callable[..., Recipe], tiny: Callable[..., Architecture]
) -> None:
    recipe = numbers((3,))
    with pytest.raises(DsxError) as refusal:
        recipe.check(tiny(3, 2))
    assert str(refusal.value) == (
        f"the network takes inputs of 3×1×1 and data set {recipe.data.dataset} of recipe mine has 3: sample from a"
        " space with that input, or choose another recipe"
    )
    with pytest.raises(DsxError, match=r"^recipe mine: augmentation\.flip is for images, and data\.shape says that"):
        recipe.with_overrides({"augmentation.flip": True})
    with pytest.raises(DsxError, match=r"^recipe mine: resolution: data\.shape says that there are no images: leave"):
        recipe.with_overrides({"resolution": 8})


def test_a_recipe_for_images_is_known_by_what_it_was_known_by() -> None:
    assert "shape" not in load_recipe("digits").identity()["data"]
