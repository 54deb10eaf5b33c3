"""What a training of the user's own gave, checked, as the `Result` that the built-in trainer gives."""

from __future__ import annotations

import hashlib
import math
import platform
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dsx
from dsx.base.errors import DsxError, suggest
from dsx.base.files import load_json, write_json
from dsx.base.provenance import software
from dsx.networks.lookup import Network
from dsx.recipes.metric import Metric
from dsx.recipes.own import OwnRecipe
from dsx.study.paths import RunPaths
from dsx.training.faults import TimeLimitExceeded
from dsx.training.result import Result, recorded

# below a run's folder: what belongs to the training itself, and survives an interruption
OWN_FOLDER = "own"
# beside the copy of dsx that queued jobs run: of the recipe's `code`
COPIED_CODE = "own_code"
_ELAPSED = "elapsed.json"


class ReportError(DsxError):
    """A report that lacks its metric, or holds what is no number."""


@dataclass
class OwnTraining:
    """One training of a user's own: what it is given, how long it took, and the record it ends in.

    folder: of the run. seconds: of wall clock, over all sessions before this one; began: of this one.
    """

    architecture: Network
    recipe: OwnRecipe
    seed: int
    folder: Path
    device: str
    threads: int | None
    seconds: float = 0.0
    began: float = 0.0

    def begin(self) -> Result | None:
        """Make its folder and start its clock; the result instead, if there is one already."""
        finished = recorded(self.folder, self.architecture, self.recipe, self.seed)
        if finished is None:
            self.recipe.check(self.architecture)
            self.place.mkdir(parents=True, exist_ok=True)
            before, _ = load_json(self.place / _ELAPSED)
            self.seconds, self.began = float((before or {}).get("seconds", 0.0)), time.monotonic()
        return finished

    @property
    def place(self) -> Path:
        """The training's own folder, which survives an interruption; absolute."""
        return (self.folder / OWN_FOLDER).resolve()

    @property
    def elapsed(self) -> float:
        """Seconds over all sessions."""
        return self.seconds + time.monotonic() - self.began

    def is_late(self) -> bool:
        """Whether the recipe's time limit is used up."""
        limit = self.recipe.time_limit_min
        return limit is not None and self.elapsed > 60 * limit

    def pause(self) -> None:
        """Write down how long it took so far."""
        write_json(self.place / _ELAPSED, {"seconds": self.elapsed})

    def late(self) -> TimeLimitExceeded:
        """What is raised of a training that is out of time."""
        return TimeLimitExceeded(
            f"time limit of {self.recipe.time_limit_min:g} min reached; a higher time_limit_min goes on from its folder"
        )

    def finish(self, report: Mapping[str, object], where: str) -> Result:
        """Write and return the result that a report makes. where: it came from.

        Raises ReportError for a report without its metrics.
        """
        result = self._result(report, where)
        write_json(RunPaths(self.folder).result, result.to_dict())
        (self.place / _ELAPSED).unlink(missing_ok=True)
        return result

    def _result(self, report: Mapping[str, object], where: str) -> Result:
        recipe, main = self.recipe, self.recipe.measures[0]
        metrics, lost = _metrics(recipe.measures, report, where)
        curve = _curve(report.get("curve") or (), main, where)
        error = main.as_error(metrics[main.name])
        reached = [entry["error"] for entry in curve if "error" in entry and math.isfinite(entry["error"])]
        given = {key: _number(report[key], key, where) for key in _OPTIONAL if report.get(key) is not None}
        return Result(
            state="diverged" if lost else "done",
            model_id=self.architecture.model_id,
            error=error,
            best_error=error if lost else min([error, *reached]),
            epochs=int(given.get("epochs", len(curve))),
            curve=curve,
            metrics=metrics,
            seconds=self.elapsed,
            images_per_second=given.get("images_per_second", math.nan),
            waiting=math.nan,
            peak_memory_bytes=int(given["peak_memory_bytes"]) if "peak_memory_bytes" in given else None,
            seed=self.seed,
            recipe=recipe.label,
            recipe_id=recipe.recipe_id,
            effective_recipe=recipe.to_dict() | {"text": recipe.describe()},
            split={},
            device=self.device,
            environment=_environment(recipe),
            note=lost or str(report.get("note", "")),
            ended=time.time(),
        )


# of a report, besides metrics and curve
_OPTIONAL = ("epochs", "images_per_second", "peak_memory_bytes")


def _metrics(measures: Iterable[Metric], report: Mapping[str, object], where: str) -> tuple[dict[str, float], str]:
    """Every declared metric, and why the training diverged, or nothing: a metric that is not finite, or its word."""
    given = report.get("metrics", report)
    if not isinstance(given, Mapping):
        raise ReportError(f"{where}: metrics = {given!r}: expected a mapping of names to numbers")
    values, lost = {}, "said so" if report.get("state") == "diverged" else ""
    for metric in measures:
        if metric.name not in given and not lost:
            near = suggest(metric.name, map(str, given))
            raise ReportError(f"{where}: no metric '{metric.name}' among {', '.join(map(str, given)) or 'none'}.{near}")
        value = given.get(metric.name)
        values[metric.name] = math.nan if value is None else _number(value, metric.name, where, finite=False)
        if metric.percent and not 0 <= values[metric.name] <= 100 and math.isfinite(values[metric.name]):
            raise ReportError(f"{where}: {metric.name} = {value:g}: expected percent, 0 to 100")
        if not math.isfinite(values[metric.name]):
            lost = lost or f"{metric.name} is not finite"
    if not lost:
        return values, ""
    for metric in measures:
        if metric.chance is None:
            raise ReportError(
                f"{where}: diverged ({lost}), and metrics.{metric.name} of the recipe says no chance value to count"
            )
        values[metric.name] = metric.chance
    return values, lost


def _number(value: object, name: str, where: str, finite: bool = True) -> float:
    """The value, which must be a number. Raises ReportError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (finite and not math.isfinite(value)):
        raise ReportError(f"{where}: {name} = {value!r}: expected a number")
    return float(value)


def _curve(entries: object, metric: Metric, where: str) -> list[dict[str, Any]]:
    """The curve with the epoch of every entry, and the metric as an error too."""
    if not isinstance(entries, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ReportError(f"{where}: curve: expected a list with a mapping for every epoch")
    curve: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, start=1):
        record = {"epoch": number, **entry}
        value = entry.get(metric.name)
        if isinstance(value, (int, float)):
            record["error"] = metric.as_error(value)
        curve.append(record)
    return curve


def code_folder(recipe: OwnRecipe) -> Path | None:
    """Where the user's code lies: the copy beside this dsx that a submission made, else the recipe's folder."""
    if recipe.code is None:
        return None
    copied = Path(dsx.__file__).resolve().parents[1] / COPIED_CODE
    return copied if copied.is_dir() else Path(recipe.code).expanduser().resolve()


def _environment(recipe: OwnRecipe) -> dict[str, object]:
    """By what it was trained: machine, versions, and a hash of every file that the command names."""
    return {
        **software(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "files": {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in recipe.files(code_folder(recipe))
        },
    }
