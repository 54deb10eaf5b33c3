"""The parts of a recipe: what may not be said, and what follows from what is."""

from __future__ import annotations

import pytest

from dsx.base.errors import DefinitionError
from dsx.recipes.options import Augmentation, Data, Optimiser, Schedule, Split

GREY = {"mean": [0.5], "std": [0.25]}
COLOUR = {"mean": [0.5] * 3, "std": [0.25] * 3}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"dataset": "digits", "mean": [0.5], "std": [0.2, 0.3]},
            "mean has 1 channels and std 2: give one of each per channel",
        ),
        ({"dataset": "digits", **COLOUR}, "mean and std have 3 channels; digits has 1"),
        (
            {"dataset": "digits", **GREY, "split": {"evaluate": "official"}},
            "digits has no validation or test images of its own: use split.evaluate held_out",
        ),
        (
            {"dataset": "digits", **GREY, "num_classes": 10},
            "num_classes and in_channels are known for digits: leave them out",
        ),
        ({"dataset": "digits", **GREY, "storage": "stream"}, "digits is kept in memory: leave storage out"),
        ({"dataset": "digits", "shape": [3]}, "digits gives images: leave shape out"),
        (
            {"dataset": "mine:Data", "shape": [3], "storage": "stream"},
            "shape: what is no image is kept in memory: leave storage out",
        ),
        (
            {"dataset": "mine:Data", "shape": [2, 9], **COLOUR},
            "mean and std have 3 entries, shape begins with 2: give one for each",
        ),
        (
            {"dataset": "imagenet", **COLOUR, "storage": "memory"},
            "imagenet is decoded from files while training: leave storage out",
        ),
        (
            {"dataset": "cifar10", **COLOUR, "split": {"evaluate": "official"}, "evaluation_folder": "val"},
            "evaluation_folder is for folders of images, with split.evaluate official: leave it out",
        ),
        (
            {"dataset": "folder", **COLOUR, "evaluation_folder": "val"},
            "evaluation_folder is for folders of images, with split.evaluate official: leave it out",
        ),
        (
            {"dataset": "mine:make", **COLOUR, "in_channels": 1},
            "in_channels is 1 and mean and std have 3 channels",
        ),
    ],
)
def test_data_that_do_not_fit_together_are_refused(data: dict, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        Data(**data)
    assert str(refused.value) == f"Data: {message}"


@pytest.mark.parametrize(
    ("data", "streams"),
    [
        ({"dataset": "digits", **GREY}, False),
        ({"dataset": "folder", **COLOUR}, True),
        ({"dataset": "mine:make", **COLOUR}, False),
        ({"dataset": "mine:make", **COLOUR, "storage": "stream"}, True),
    ],
)
def test_only_folders_of_files_are_streamed_unless_asked(data: dict, streams: bool) -> None:
    assert Data(**data).streams is streams


@pytest.mark.parametrize(("held_out", "rule"), [(0, "> 0.0"), (-0.1, "> 0.0"), (1, "< 1.0")])
def test_some_images_are_held_out_and_some_are_not(held_out: float, rule: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        Split(held_out=held_out)
    assert str(refused.value) == f"Split: held_out = {held_out}: expected a value {rule}"


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(DefinitionError) as refused:
        Optimiser(weight_decay=0, momentum=0)
    assert str(refused.value) == "Optimiser: nesterov needs momentum > 0"
    assert Optimiser(weight_decay=0, momentum=0, nesterov=False).momentum == 0
    assert Optimiser(name="adamw", weight_decay=0, momentum=0).momentum == 0


@pytest.mark.parametrize("schedule", [{"name": "step"}, {"name": "cosine", "milestones": [30]}])
def test_milestones_are_for_steps_alone(schedule: dict) -> None:
    with pytest.raises(DefinitionError) as refused:
        Schedule(**schedule)
    assert str(refused.value) == "Schedule: schedule 'step' needs milestones (in epochs), and only it takes them"
    assert Schedule(name="step", milestones=[30, 60]).milestones == (30, 60)


def test_by_default_images_stay_as_they_are() -> None:
    done = Augmentation()
    assert (done.random_area, done.crop_padding, done.flip, done.automatic) == (None, 0, False, "none")
    assert (done.lighting, done.mixup, done.cutmix) == (0, 0, 0)


def test_what_is_no_image_is_taken_as_it_is_unless_mean_and_std_say_otherwise() -> None:
    assert Data.from_dict({"dataset": "mine:Data", "shape": [2, 9]}).mean == (0.0, 0.0)
    assert Data.from_dict({"dataset": "mine:Data", "shape": [2, 9], "std": [2, 4]}).std == (2.0, 4.0)
