"""A training of the user's own, as workers call it: its folder, its clock, and the program or function that trains."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from dsx.networks.lookup import Network
from dsx.recipes.own import OwnRecipe
from dsx.training import function, program
from dsx.training.report import OwnTraining
from dsx.training.result import Result


def train(
    architecture: Network,
    recipe: OwnRecipe,
    seed: int = 0,
    folder: Path | str | None = None,
    device: str = "auto",
    *,
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Result:
    """Train one network by the recipe's program or function, as `dsx.training.protocol.Trainer` says.

    folder: None keeps nothing. Raises what `dsx.training.program.run` and `dsx.training.function.run` do.
    """
    with contextlib.ExitStack() as stack:
        place = Path(folder) if folder is not None else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        training = OwnTraining(architecture, recipe, seed, place, device, threads)
        finished = training.begin()
        if finished is not None:
            return finished
        run = program.run if recipe.command is not None else function.run
        return run(training, should_stop or (lambda: False))
