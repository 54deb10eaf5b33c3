"""Training by a function of the user's, in the worker's own process: `function: package.module:run`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.base.nested import plain
from dsx.networks.lookup import Network
from dsx.recipes.own import OwnRecipe
from dsx.training.faults import Interrupted
from dsx.training.program import code_folder
from dsx.training.protocol import imported
from dsx.training.report import OwnTraining, ReportError
from dsx.training.result import Result


@dataclass(frozen=True)
class Training:
    """What the user's function is called with.

    folder: survives an interruption; what is there is from an earlier session of this very training. settings: of the
    recipe, with what the space sampled. should_stop: whether to save and end now, by raising Interrupted or returning
    nothing; `report` looks after it.
    """

    architecture: Network
    settings: dict[str, object]
    seed: int
    resolution: int | None
    folder: Path
    device: str
    threads: int | None
    should_stop: Callable[[], bool]
    _own: OwnTraining = field(repr=False)
    _curve: list[dict[str, object]] = field(default_factory=list, repr=False)

    def report(self, **values: float) -> None:
        """Note what an epoch gave: `report(epoch=3, map=21.5)`. What was reported is the curve of the result.

        Raises Interrupted or TimeLimitExceeded if the training is to end here: save before.
        """
        self._curve.append(plain(values))
        if self._own.is_late():
            raise self._own.late()
        if self.should_stop():
            raise Interrupted


def run(own: OwnTraining, should_stop: Callable[[], bool]) -> Result:
    """Call the recipe's function for one network.

    Raises Interrupted, TimeLimitExceeded, ReportError, DsxError if the function cannot be imported, or what it raises.
    """
    recipe = own.recipe
    function = function_of(recipe)
    training = Training(
        own.architecture, dict(recipe.settings), own.seed, recipe.resolution, own.place, own.device, own.threads,
        should_stop, own,
    )  # fmt: skip
    try:
        report = function(training)
    except BaseException:
        own.pause()
        raise
    if report is None and should_stop():
        own.pause()
        raise Interrupted
    if not isinstance(report, Mapping):
        raise ReportError(f"{recipe.function}: returned {report!r}: expected a mapping of names to numbers")
    given = {"curve": training._curve, **report} if training._curve else report
    return own.finish(plain(given), str(recipe.function))


def function_of(recipe: OwnRecipe) -> Callable[[Training], object]:
    """The recipe's function, from its code folder, the current one or what is installed. Raises DsxError."""
    assert recipe.function is not None
    folder = str(code_folder(recipe) or Path.cwd())
    if folder not in sys.path:  # for good: the function may import more when it is called
        sys.path.append(folder)
    try:
        function = imported(recipe.function)
    except (ImportError, AttributeError, SyntaxError) as error:
        line = next(iter(str(error).splitlines()), "")
        raise DsxError(
            f"recipe {recipe.name}: function {recipe.function}: cannot be imported ({type(error).__name__}: {line});"
            " name its folder in `code`"
        ) from error
    if not callable(function):
        raise DsxError(f"recipe {recipe.name}: function {recipe.function}: is no function")
    checked: Callable[[Training], object] = function
    return checked
