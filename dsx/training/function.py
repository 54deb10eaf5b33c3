"""Training by a function of the user's, in the worker's own process: `function: package.module:run`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.base.nested import plain
from dsx.networks.lookup import Network
from dsx.recipes.own import OwnRecipe
from dsx.training.faults import Interrupted
from dsx.training.protocol import imported
from dsx.training.report import OwnTraining, ReportError, code_folder
from dsx.training.result import Result

# the folder that the last function's modules came from
_looked_in: list[str] = []


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
    _training: OwnTraining = field(repr=False)
    _curve: list[dict[str, object]] = field(default_factory=list, repr=False)

    def report(self, **values: float) -> None:
        """Note what an epoch gave: `report(epoch=3, map=21.5)`. What was reported is the curve of the result.

        Raises Interrupted or TimeLimitExceeded if the training is to end here: save before.
        """
        self._curve.append(plain(values))
        if self._training.is_late():
            raise self._training.late()
        if self.should_stop():
            raise Interrupted


def run(training: OwnTraining, should_stop: Callable[[], bool]) -> Result:
    """Call the recipe's function for one network.

    Raises Interrupted, TimeLimitExceeded, ReportError, DsxError if the function cannot be imported, or what it raises.
    """
    recipe = training.recipe
    function = function_of(recipe)
    given = Training(
        training.architecture, dict(recipe.settings), training.seed, recipe.resolution, training.place,
        training.device, training.threads, should_stop, training,
    )  # fmt: skip
    try:
        report = function(given)
    except BaseException:
        training.pause()
        raise
    if report is None and should_stop():
        training.pause()
        raise Interrupted
    if not isinstance(report, Mapping):
        raise ReportError(f"{recipe.function}: returned {report!r}: expected a mapping of names to numbers")
    report = {"curve": given._curve, **report} if given._curve else report
    return training.finish(plain(report), str(recipe.function))


def function_of(recipe: OwnRecipe) -> Callable[[Training], object]:
    """The recipe's function, from its code folder, the current one or what is installed. Raises DsxError."""
    assert recipe.function is not None
    folder = code_folder(recipe)
    if folder is not None:
        _look_first_in(folder, recipe.function.partition(":")[0].partition(".")[0])
    elif str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    what = f"recipe {recipe.name}: function {recipe.function}"
    function: Callable[[Training], object] = imported(recipe.function, what, "; name its folder in `code`")
    if not callable(function):
        raise DsxError(f"{what}: is no function")
    return function


def _look_first_in(folder: Path, name: str) -> None:
    """Modules come from this folder before any other, for good: the function may import more when it is called.

    name: of the function's module. Of an earlier function's folder nothing stays loaded, nor that name from elsewhere.
    """
    at = str(folder)
    earlier = [path for path in _looked_in if path != at]
    sys.path[:] = [at, *(path for path in sys.path if path != at and path not in earlier)]
    for loaded, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or at)
        if any(file.is_relative_to(path) for path in earlier) or (
            loaded.partition(".")[0] == name and not file.is_relative_to(at)
        ):
            del sys.modules[loaded]
    _looked_in[:] = [at]
    importlib.invalidate_caches()
