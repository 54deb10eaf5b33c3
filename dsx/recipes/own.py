"""A recipe that is a program or a function of the user's: what it is told, and what it reports. Docs: your_training."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from dsx.base.errors import DsxError, suggest
from dsx.base.schema import Count
from dsx.networks.lookup import Network
from dsx.recipes.base import AnyRecipe
from dsx.recipes.metric import ERROR_NAME, PLAIN_ERROR, Metric
from dsx.recipes.options import NotNegative

# what a command may name in braces, besides its own settings
PLACES = ("architecture", "settings", "folder", "model", "seed", "resolution", "device", "threads")
_BRACES = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_PYTHON = ("python", "python3")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class OwnRecipe(AnyRecipe):
    """A training of the user's own: `command`, a program and its arguments, or `function`, as `package.module:run`.

    command: words, in which `{architecture}` and the like stand for what differs from model to model; `{{` is a brace.
    metrics: what it reports, by name; one error in percent unless it says otherwise. metric: by which models are
    compared; the first by default. settings: handed to it; a space's `recipe.…` parameters are among them.
    resolution: pixels; null: that of the study's population. code: folder in which the program runs and in which a
    function's module lies, copied when jobs are submitted, kept with its whole path; null: wherever the worker runs,
    and nothing is copied.
    time_limit_min: minutes of wall time per model, over all its sessions; null: none.
    stop_grace_s: seconds that a program has to save and end after SIGTERM.
    """

    OPERATIONAL: ClassVar[tuple[str, ...]] = ("description", "time_limit_min", "stop_grace_s", "code")

    version: Count = 1
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    function: str | None = None
    metrics: Annotated[dict[str, Metric], Field(min_length=1)] = Field(default={ERROR_NAME: PLAIN_ERROR})
    metric: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    resolution: Count | None = None
    code: str | None = None
    time_limit_min: NotNegative | None = None
    stop_grace_s: NotNegative = 20.0

    def __hash__(self) -> int:
        return hash(self.recipe_id)

    @field_validator("metrics", mode="before")
    @classmethod
    def _named(cls, metrics: object) -> object:
        """Every metric knows its name."""
        if not isinstance(metrics, Mapping):
            return metrics
        return {
            name: {**(facts or {}), "name": name} if facts is None or isinstance(facts, Mapping) else facts
            for name, facts in metrics.items()
        }

    @field_validator("code")
    @classmethod
    def _whole_path(cls, code: str | None) -> str | None:
        """A study is trained from other folders than the one in which its recipe was read."""
        return None if code is None else str(Path(code).expanduser().resolve())

    @model_validator(mode="after")
    def _consistent(self) -> OwnRecipe:
        if (self.command is None) == (self.function is None):
            raise ValueError("give either a command or a function")
        if self.metric and self.metric not in self.metrics:
            raise ValueError(
                f"metric '{self.metric}' is none of metrics: {', '.join(self.metrics)}."
                f"{suggest(self.metric, self.metrics)}"
            )
        if ERROR_NAME in self.metrics and self.measures[0] != self.metrics[ERROR_NAME]:
            raise ValueError(f"metrics: '{ERROR_NAME}' is what models are compared by: call another metric differently")
        if ERROR_NAME in self.metrics and self.metrics[ERROR_NAME].better == "higher":
            raise ValueError(f"metrics: of '{ERROR_NAME}' lower is better: call what is to be high differently")
        for name in self.metrics:
            if not name.isidentifier():
                raise ValueError(f"metrics: '{name}': expected a name of letters, digits and _, as of a column")
        if self.function is not None and not _FUNCTION.fullmatch(self.function):
            raise ValueError(f"function '{self.function}': expected package.module:name")
        known = (*PLACES, *self.settings)
        for word in self.command or ():
            lone = re.search(r"[{}]", _BRACES.sub("", word))
            if lone is not None:
                raise ValueError(f"command: '{word}' has a lone '{lone[0]}': a brace is written {lone[0] * 2}")
            for name in _BRACES.findall(word):
                if name and name not in known:
                    raise ValueError(
                        f"command: unknown {{{name}}}.{suggest(name, known)} Known: {', '.join(known)}; or a setting,"
                        f" declared under settings; a brace is written {{{{"
                    )
        return self

    @property
    def trainer(self) -> str:
        """`module:function`: that of all trainings of users' own."""
        return "dsx.training.own:train"

    @property
    def measures(self) -> tuple[Metric, ...]:
        """All metrics; first the one by which models are compared."""
        chosen = self.metric or next(iter(self.metrics))
        return (self.metrics[chosen], *(metric for name, metric in self.metrics.items() if name != chosen))

    def with_sampled(self, settings: Mapping[str, object]) -> OwnRecipe:
        """A recipe with what a space sampled among its settings, and its resolution."""
        keys = (name if name == "resolution" else f"settings.{name}" for name in settings)
        return self.with_overrides(dict(zip(keys, settings.values(), strict=True)))

    def at_resolution(self, resolution: int) -> OwnRecipe:
        """The recipe with this resolution, unless it states one."""
        return self if self.resolution is not None else self.model_copy(update={"resolution": resolution})

    def check(self, architecture: Network) -> None:
        """Raises DsxError if the network's strides use up images of the recipe's resolution."""
        if self.resolution is not None:
            self._check_resolution(architecture, self.resolution)

    def check_program(self) -> None:
        """Raises DsxError if the program is not on this machine; a script, too, if Python is to run one."""
        if self.command is None:
            return
        program, *words = self.words({})
        folder = Path(self.code or ".")
        if shutil.which(program) is None and not (folder / program).is_file():
            raise DsxError(f"recipe {self.name}: command: no program '{program}' here; write its path, or install it")
        script = words[0] if words and self.command[0] in _PYTHON else ""
        if script.endswith(".py") and "{" not in script and not (folder / script).is_file():
            remedy = "write its whole path, or name its folder in `code`" if self.code is None else "see `code`"
            raise DsxError(f"recipe {self.name}: command: no file {folder / script}; {remedy}")

    def words(self, values: Mapping[str, object]) -> list[str]:
        """The command with values in place of the names in braces; `python` is the interpreter that dsx runs in."""
        assert self.command is not None

        def told(match: re.Match[str]) -> str:
            if match[1] is None:
                return match[0][0]
            return str(values[match[1]]) if match[1] in values else match[0]

        words = [_BRACES.sub(told, word) for word in self.command]
        return [sys.executable, *words[1:]] if words[0] in _PYTHON else words

    def files(self, folder: Path | None = None) -> list[Path]:
        """The files in the folder of its code, or here, that the command names: its script, its configuration."""
        candidates = [(folder or Path(self.code or ".")) / word for word in self.command or ()]
        return [path for path in candidates if path.is_file()]

    def describe(self, world: int = 1, training_images: int | None = None) -> str:  # noqa: ARG002 (of the built-in)
        """The recipe in one line."""
        what = shlex.join(self.command) if self.command is not None else f"function {self.function}"
        shown = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        metric = self.measures[0]
        compared = f"{metric.words}{f' ({metric.unit})' if metric.unit else ''}, {metric.better} is better"
        return f"recipe {self.label}: {what}{f'; {shown}' if shown else ''}; compared by {compared}"


def recipe_of_command(text: str) -> dict[str, object]:
    """The content of a recipe that is this command line alone, named after its script. Raises DsxError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise DsxError(f"--command {text!r}: {error}") from None
    if not words:
        raise DsxError("--command: expected a program and its arguments, as in 'python train.py {architecture}'")
    scripts: list[str] = [word for word in words if PurePath(word).suffix in (".py", ".sh")]
    return {"name": PurePath((scripts or words)[0]).stem, "command": words}
