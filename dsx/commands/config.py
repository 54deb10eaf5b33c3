"""Configuration: Hydra composes it, and it becomes frozen typed objects once, here.

An experiment file has Hydra's defaults list (`recipe: digits`, `launcher: local`) and its own
fields. Overrides are Hydra's: `n=48`, `recipe=mnist`, `recipe.epochs=2`, `launcher.workers=4`.
Groups are looked up beside the experiment, in `./experiments`, and among those shipped with dsx.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, field_validator

from dsx.base import resources
from dsx.base.errors import DefinitionError, DsxError, suggest
from dsx.base.schema import Frozen
from dsx.base.units import parse_range
from dsx.networks.architecture import Count

GROUPS = ("recipe", "launcher")


class LocalLauncher(Frozen):
    """Training on this machine: `local` in worker processes, `debug` in the command's own.

    workers: processes; null: one per core, or models_per_gpu per GPU. threads: torch threads of each; null: one on a
    CPU. time_limit_min, memory_limit_gb: of one model; null: none. max_failures: stop once more models failed than
    this; null: never. nice: added to the niceness of the workers.
    """

    kind: Literal["local", "debug"] = "local"
    workers: Count | None = None
    threads: Count | None = None
    models_per_gpu: Count = 1
    time_limit_min: Annotated[float, Field(gt=0)] | None = None
    memory_limit_gb: Annotated[float, Field(gt=0)] | None = None
    max_failures: Annotated[int, Field(ge=0)] | None = None
    nice: Annotated[int, Field(ge=0, le=19)] = 0


class AnalysisConfig(Frozen):
    """level: of every interval, between 0 and 1. figures: all, main (those that compare studies) or none."""

    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    figures: Literal["all", "main", "none"] = "all"


class Experiment(Frozen):
    """Which spaces, which constraint, how many models, which recipe, which analysis: one study per space.

    n: models per space. flops, params, acts: `low:high`, null keeps each space's own. replicates: trainings of
    each model, with different seeds. out: the folder that gets one study folder per space, and `analysis/`.
    recipe, launcher: the composed content of these groups.
    """

    name: str
    description: str = ""
    spaces: Annotated[tuple[str, ...], Field(min_length=1)]
    n: Count
    seed: Annotated[int, Field(ge=0)] = 0
    replicates: Count = 1
    flops: str | None = None
    params: str | None = None
    acts: str | None = None
    resolution: Count | None = None
    num_classes: Count | None = None
    allow_short: StrictBool = False
    out: str = "runs"
    recipe: dict[str, Any]
    launcher: dict[str, Any] = {}
    analysis: AnalysisConfig = AnalysisConfig()

    @field_validator("flops", "params", "acts")
    @classmethod
    def _range(cls, text: str | None) -> str | None:
        if text is not None:
            parse_range(text)
        return text

    @field_validator("spaces")
    @classmethod
    def _distinct(cls, spaces: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(spaces)) < len(spaces):
            raise ValueError("a space is listed twice: each one makes one study folder")
        return spaces


def load_experiment(name: str, overrides: Sequence[str] = ()) -> Experiment:
    """An experiment by name or path, with Hydra overrides. Raises DefinitionError for any fault in either."""
    path = resources.find("experiments", name)
    content = _compose(path.parent.resolve(), path.stem, overrides, where=str(path))
    return Experiment.from_dict({"name": path.stem, **content}, str(path))


def load_launch(recipe: str | None, launcher: str, overrides: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """The composed `recipe` (if one is named) and `launcher` groups for a launch. Raises DefinitionError."""
    from hydra.core.config_store import ConfigStore

    defaults: list[Any] = [{"launcher": launcher}]
    for group, name in (("recipe", recipe), ("launcher", launcher)):
        if name is not None:
            resources.find("experiments", name, group=group)  # a bad name fails with near misses
    store = ConfigStore.instance()
    if recipe is not None:
        path = resources.find("experiments", recipe, group="recipe")
        if recipe not in resources.names("experiments", "recipe"):
            from dsx.base.yaml import read_yaml

            store.store(group="recipe", name=path.stem, node=read_yaml(path))
        defaults.append({"recipe": path.stem})
    store.store(name="dsx_launch", node={"defaults": defaults})
    content = _compose(resources.shipped("experiments"), "dsx_launch", overrides, where="dsx launch")
    unknown = sorted(set(content) - set(GROUPS))
    if unknown:
        raise DefinitionError(
            f"override '{unknown[0]}=…': unknown key.{suggest(unknown[0], GROUPS)} Known: recipe.…, launcher.…"
        )
    return {group: content.get(group, {}) for group in GROUPS}


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Dotted key → value, read by Hydra's grammar: `parameters.width.high=512`. Raises DsxError for bad syntax."""
    if not overrides:
        return {}
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise DsxError(f"override {error.override!r}: write key=value, as in parameters.width.high=512") from None
    return {str(o.key_or_group): None if o.is_delete() else o.value() for o in parsed}


def _compose(folder: Path, name: str, overrides: Sequence[str], where: str) -> dict[str, Any]:
    """Hydra's composition of a primary configuration, as plain data."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    parse_overrides(overrides)
    search = [f"file://{path}" for path in resources.folders("experiments") if path != folder]
    given = [_forced(text) for text in overrides] + ([f"hydra.searchpath=[{','.join(search)}]"] if search else [])
    try:
        with initialize_config_dir(config_dir=str(folder), version_base="1.3"):
            content = OmegaConf.to_container(compose(name, overrides=given), resolve=True)
    except OverrideParseException as error:
        raise DefinitionError(f"override {error.override!r}: {str(error).splitlines()[0]}") from None
    except (HydraException, OmegaConfBaseException) as error:
        raise DefinitionError(f"{where}: {_one_line(error)}") from None
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _forced(override: str) -> str:
    """Plain overrides may add keys that a file leaves at their defaults; the typed objects check the names."""
    key = override.partition("=")[0]
    return override if key in GROUPS or override[0] in "+~" else f"++{override}"


def _one_line(error: Exception) -> str:
    """Hydra's message without its search path; a missing group option lists the known ones with a near miss."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0]
    for group in GROUPS:
        marker = f"Could not find '{group}/"
        if marker in text:
            wanted = text.split(marker)[1].split("'")[0]
            known = resources.names("experiments", group)
            return f"unknown {group} '{wanted}'.{suggest(wanted, known)} Known: {', '.join(sorted(known))}"
    return text
