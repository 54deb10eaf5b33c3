"""The final record of one training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dsx.base.errors import StudyError
from dsx.base.files import read_json
from dsx.base.nested import differences, plain
from dsx.networks.lookup import Network
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import Recipe, recorded_identity
from dsx.study.paths import RunPaths


@dataclass(frozen=True)
class Result:
    """What one training gave. Errors in percent, times in seconds of wall clock.

    state: `done`, or `diverged` (loss not finite; error and best_error are then chance, 100 · (1 − 1/classes)).
    error: the recipe's metric. best_error: the lowest over epochs of the same kind (raw or EMA, top-1 or top-5).
    metrics: every metric by its name, `last_raw_top1` and so on. epochs: completed ones.
    curve: one dict per epoch: epoch (from 1), lr (last step), train_loss, train_error, loss, error, error_top5, these
    three with `ema_` if the recipe keeps an average, seconds, train_seconds, waiting (share of train_seconds).
    seconds: over all sessions. images_per_second: training images while training. peak_memory_bytes: None if unknown.
    recipe: name and version. effective_recipe: all its fields, and learning rate and batch after scaling.
    split: images trained on and evaluated. environment: versions, device name, threads. note: what else is to be known.
    ended: seconds since 1970 at the end of training; 0 in records of older versions.
    """

    state: Literal["done", "diverged"]
    model_id: str
    error: float
    best_error: float
    epochs: int
    curve: list[dict[str, Any]] = field(repr=False)
    metrics: dict[str, float] = field(repr=False)
    seconds: float
    images_per_second: float
    waiting: float
    peak_memory_bytes: int | None
    seed: int
    recipe: str
    recipe_id: str
    effective_recipe: dict[str, Any] = field(repr=False)
    split: dict[str, Any]
    device: str
    environment: dict[str, Any] = field(repr=False)
    data: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    ended: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; numbers that are not finite become None."""
        content: dict[str, Any] = plain(dataclasses.asdict(self), finite=True)
        return content

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Result:
        """What `to_dict` gave; keys of later versions are ignored. Raises StudyError if something is missing."""
        names = {f.name for f in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in record.items() if name in names})
        except TypeError as error:
            raise StudyError(f"not the record of a result: {str(error).partition(') ')[2]}") from None


def recorded(folder: Path, architecture: Network, recipe: AnyRecipe, seed: int) -> Result | None:
    """The result in the folder, if there is a whole one. Raises StudyError if it is another training's."""
    path = RunPaths(folder).result
    record = read_json(path)
    if record is None:
        return None
    result = Result.from_dict(record)
    before = recorded_identity(result.effective_recipe)
    if isinstance(recipe, Recipe) and (result.recipe_id == recipe.recipe_id or recipe.on_out_of_memory == "accumulate"):
        before["micro_batch_size"] = recipe.micro_batch_size  # what was used in the end may be less
    there = {"model_id": result.model_id, "seed": result.seed, "recipe": before}
    check_same(path, there, {"model_id": architecture.model_id, "seed": seed, "recipe": recipe.identity()})
    return result


def check_same(path: Path, recorded: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    """Raises StudyError, with the first difference, if a record in a folder is not of the training that is wanted."""
    for key, change in differences(recorded, wanted).items():
        raise StudyError(
            f"{path} belongs to another training ({key}: {change}); use another folder, or the same settings"
        )


def chance_error(num_classes: int, top: int = 1) -> float:
    """Error in percent of guessing among equally likely classes."""
    return 100.0 * (1.0 - min(top, num_classes) / num_classes)
