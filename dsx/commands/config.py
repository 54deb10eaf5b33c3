"""Configuration of experiments and launches: composed by Hydra, it becomes frozen typed objects once, here.

An experiment file has a defaults list (`recipe: digits`, `launcher: ./box.yaml`) and its own fields; overrides change
them: `n=48`, `recipe=mnist`, `recipe.epochs=2`, `launcher.workers=4`. A name is looked up beside the experiment (in
`recipe/` and `launcher/`), in `./experiments`, and among the files shipped with dsx; a path is taken from the folder
of the experiment, then from the current one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StrictBool, ValidationInfo, field_validator, model_validator

from dsx.base import resources
from dsx.base.compose import compose_file, compose_group
from dsx.base.errors import DefinitionError, suggest
from dsx.base.nested import assigned
from dsx.base.overrides import parse_override
from dsx.base.schema import Count, Frozen, Name
from dsx.base.units import parse_range
from dsx.commands.analyze import AnalysisSettings
from dsx.launch.launcher import Launcher
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.registry import kinds, read_launcher
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import load_recipe, read_recipe
from dsx.results.columns import COMPLEXITIES

GROUPS = ("recipe", "launcher")


class AnalysisConfig(AnalysisSettings):
    """How an experiment's studies are analysed."""

    out: Name | None = None  # the folder; null: `analysis` beside the studies


class Paper(Frozen):
    """What a paper reports, for `dsx analyze` to print beside its own numbers."""

    source: str  # figure or table, and of how many models
    # space or network → lowest and mean error in percent, null where one is not reported
    errors: Mapping[str, tuple[float | None, float | None]] = {}
    facts: tuple[str, ...] = ()  # further numbers, in words
    expect: str = ""  # what to look for when it is repeated


class Experiment(Frozen):
    """Which spaces, which constraint, how many models, which recipe, which analysis: one study per space."""

    name: Name
    description: str = ""
    spaces: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()  # published ones, of which each is a study of one; n and the window are for spaces
    n: Count = 1  # models per space
    seed: Annotated[int, Field(ge=0)] = 0
    replicates: Count = 1  # trainings of each model, with different seeds
    flops: str | None = None  # flops, params, acts: `low:high`, null keeps each space's own
    params: str | None = None
    acts: str | None = None
    resolution: Count | None = None
    num_classes: Count | None = None
    allow_short: StrictBool = False
    out: Name = "runs"  # the folder that gets one study folder per space, and `analysis/`
    # recipe, launcher: composed of the files that the defaults list names, and what the experiment changes in them
    recipe: AnyRecipe
    launcher: Launcher = LocalLauncher()
    analysis: AnalysisConfig = AnalysisConfig()
    paper: Paper | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        if not self.spaces and not self.networks:
            raise ValueError("names no spaces and no networks: list at least one, as in spaces: [AnyNetXA]")
        if self.spaces and "n" not in self.model_fields_set:
            raise ValueError("n is missing: the number of models of each space, as in n: 100")
        named = (*self.spaces, *self.networks)
        other = next((name for name in (self.paper.errors if self.paper else ()) if name not in named), None)
        if other is not None:
            raise ValueError(f"paper.errors names '{other}', which is none of its spaces.{suggest(other, named)}")
        return self

    @field_validator(*COMPLEXITIES)
    @classmethod
    def _range(cls, text: str | None) -> str | None:
        if text is not None:
            parse_range(text)
        return text

    @field_validator("recipe", "launcher", mode="before")
    @classmethod
    def _typed(cls, content: object, field: ValidationInfo) -> object:
        if not isinstance(content, Mapping):
            return content
        read = read_recipe if field.field_name == "recipe" else read_launcher
        try:
            return read(content, str(field.field_name))
        except DefinitionError as error:
            raise ValueError(str(error).removeprefix(f"{field.field_name}: ")) from None

    @field_validator("spaces")
    @classmethod
    def _distinct(cls, spaces: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(spaces)) < len(spaces):
            raise ValueError("a space is listed twice: each one makes one study folder")
        return spaces


def load_experiment(name: str, overrides: Sequence[str] = ()) -> Experiment:
    """An experiment by name or path, with overrides. Raises DefinitionError for any fault in either."""
    path = resources.find("experiments", name)
    content = compose_file(path, GROUPS, [parse_override(text) for text in overrides])
    return Experiment.from_dict({"name": path.stem, **content}, str(path))


# the name or file of a recipe, the content of one, or nothing where the study has its own
RecipeAsked = str | Mapping[str, Any] | None


@dataclass(frozen=True)
class LaunchChanges:
    """What overrides say of a launch."""

    recipe: dict[str, object]  # recipe, launcher: dotted keys below it → values
    launcher: dict[str, object]
    chosen: dict[str, str]  # the name or file of a recipe or launcher that an override `recipe=…` or `launcher=…` names

    def recipe_or(self, asked: RecipeAsked) -> AnyRecipe | None:
        """The recipe that an override names, else the one asked for, as the others change it; None without either."""
        named = self.chosen.get("recipe", asked)
        if isinstance(named, Mapping):
            return read_recipe(assigned(named, self.recipe), f"recipe {named['name']}")
        return None if named is None else load_recipe(named, self.recipe)

    def launcher_or(self, asked: str) -> Launcher:
        """The launcher that an override names, else the one asked for, as the others change it."""
        return load_launcher(self.chosen.get("launcher", asked), self.launcher)


def launch_changes(overrides: Sequence[str]) -> LaunchChanges:
    """Overrides of a launch, by what they change. Raises DsxError for a key that is neither recipe.… nor launcher.…"""
    changes: dict[str, dict[str, object]] = {group: {} for group in GROUPS}
    chosen = {}
    for override in map(parse_override, overrides):
        group, _, key = override.key.partition(".")
        if group not in GROUPS:
            raise DefinitionError(
                f"override '{override.key}=…': unknown key.{suggest(override.key, GROUPS)} Known: recipe.…, launcher.…"
            )
        if key:
            changes[group][key] = override.value
        elif isinstance(override.value, Mapping):
            changes[group] |= override.value
        else:
            chosen[group] = str(override.value)
    return LaunchChanges(chosen=chosen, **changes)


def load_launcher(name: str, changes: Mapping[str, object] | None = None) -> Launcher:
    """The launcher of a file, by name or path, or of a kind that a package adds, with values replaced.

    Raises DefinitionError: unknown name, kind or key, bad value.
    """
    if name in kinds() and name not in resources.names("experiments", "launcher"):
        return read_launcher(assigned({"kind": name}, changes or {}))
    return read_launcher(compose_group("launcher", resources.find("experiments", name, group="launcher"), changes))
