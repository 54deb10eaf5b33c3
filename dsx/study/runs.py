"""A run is one training of one model: its name, its seed, its recipe.

run_id is the model_id; sampled recipe settings add `-r` and 8 hexadecimal digits, replicate k ≥ 1 adds `-s{k}`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from dsx.base.nested import content_hash, plain
from dsx.networks.lookup import Network, network_from_dict
from dsx.spaces.population import Population, recipe_settings

if TYPE_CHECKING:
    from dsx.recipes.base import AnyRecipe


def training_seed(study_seed: int, model_id: str, replicate: int = 0) -> int:
    """Seed of one training, in [0, 2**63): a function of its three arguments, the same on every machine."""
    digest = hashlib.sha256(f"{study_seed}/{model_id}/{replicate}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def run_name(model_id: str, replicate: int = 0, recipe_overrides: Mapping[str, object] | None = None) -> str:
    """The run_id: of model_id alone, or with its recipe settings and replicate."""
    name = model_id
    if recipe_overrides:
        name += f"-r{content_hash(recipe_overrides, digits=8)}"
    return f"{name}-s{replicate}" if replicate else name


@dataclass(frozen=True)
class Run:
    """One training."""

    run_id: str
    model_id: str
    row: int  # of the model in the population
    replicate: int
    seed: int
    population: Population = field(repr=False, compare=False)
    recipe_overrides: dict[str, Any] = field(default_factory=dict, repr=False)
    # the study's recipe, None before the first launch; `recipe` has the model's own settings applied
    base_recipe: AnyRecipe | None = field(default=None, repr=False)

    @cached_property
    def architecture(self) -> Network:
        """Parsed when asked for: a study may have 100,000 runs."""
        return network_from_dict(json.loads(self.population.contents[self.row]), where=self.model_id)

    @property
    def recipe(self) -> AnyRecipe | None:
        """What this run trains with."""
        sampled = {name: value for name, value in self.recipe_overrides.items() if name != "seed"}
        if self.base_recipe is None or not sampled:
            return self.base_recipe
        return self.base_recipe.with_sampled(sampled)


class Runs(Sequence[Run]):
    """All runs of a study: every model once, in the order drawn, then every model's replicate 1, and so on.

    So an interrupted study has as many models as it can. Each is made when it is asked for: there may be 100,000.
    seed: the study's. ids: of all runs. recipe: the study's.
    """

    def __init__(self, population: Population, seed: int, recipe: AnyRecipe | None = None, replicates: int = 1) -> None:
        self._population, self._seed, self.recipe = population, seed, recipe
        sampled = recipe_settings(population.settings)
        count = len(population) if sampled else 0
        self._overrides = [{name: plain(column[row]) for name, column in sampled.items()} for row in range(count)]
        models = population.model_ids
        self.ids = list(models) if not sampled else []
        for replicate in range(0 if sampled else 1, replicates):
            self.ids += [run_name(name, replicate, self._of(row)) for row, name in enumerate(models)]
        self._places: Sequence[int] = range(len(self.ids))

    def some(self, places: Sequence[int]) -> Runs:
        """Those at these places."""
        chosen = copy.copy(self)
        chosen.ids, chosen._places = [self.ids[i] for i in places], [self._places[i] for i in places]
        return chosen

    def _of(self, row: int) -> dict[str, Any]:
        """The recipe settings that the space sampled for a model."""
        return self._overrides[row] if self._overrides else {}

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> Runs: ...
    def __getitem__(self, place: int | slice) -> Run | Runs:
        if isinstance(place, slice):
            return self.some(range(len(self))[place])
        replicate, row = divmod(self._places[place], len(self._population))
        model_id, overrides = self._population.model_ids[row], self._of(row)
        return Run(
            run_id=self.ids[place],
            model_id=model_id,
            row=row,
            replicate=replicate,
            # a space may sample the seed, so that replicates are a space like any other
            seed=training_seed(overrides.get("seed", self._seed), model_id, replicate),
            population=self._population,
            recipe_overrides=overrides,
            base_recipe=self.recipe,
        )
