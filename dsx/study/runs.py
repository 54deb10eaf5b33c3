"""A run is one training of one model: its name, its seed, its recipe.

run_id is the model_id; sampled recipe settings add `-r` and 8 hexadecimal digits, replicate k ≥ 1 adds `-s{k}`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dsx.networks.lookup import Network, network_from_dict
from dsx.spaces.population import Population, plain, recipe_settings

if TYPE_CHECKING:
    from dsx.recipes.base import AnyRecipe


def training_seed(study_seed: int, model_id: str, replicate: int = 0) -> int:
    """Seed of one training, in [0, 2**63): a function of its three arguments, the same on every machine."""
    digest = hashlib.sha256(f"{study_seed}/{model_id}/{replicate}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def run_name(model_id: str, replicate: int = 0, recipe_overrides: dict[str, Any] | None = None) -> str:
    """The run_id: of model_id alone, or with its recipe settings and replicate."""
    name = model_id
    if recipe_overrides:
        text = json.dumps(recipe_overrides, sort_keys=True, separators=(",", ":"))
        name += f"-r{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return f"{name}-s{replicate}" if replicate else name


@dataclass(frozen=True)
class Run:
    """One training."""

    run_id: str
    model_id: str
    row: int  # of the model in the population
    replicate: int
    seed: int
    content: str = field(repr=False)  # the architecture as canonical JSON
    recipe_overrides: dict[str, Any] = field(default_factory=dict, repr=False)
    # the study's recipe, None before the first launch; `recipe` has the model's own settings applied
    base_recipe: AnyRecipe | None = field(default=None, repr=False)

    @cached_property
    def architecture(self) -> Network:
        """Parsed when asked for: a study may have 100,000 runs."""
        return network_from_dict(json.loads(self.content), where=self.model_id)

    @property
    def recipe(self) -> AnyRecipe | None:
        """What this run trains with."""
        sampled = {name: value for name, value in self.recipe_overrides.items() if name != "seed"}
        if self.base_recipe is None or not sampled:
            return self.base_recipe
        return self.base_recipe.with_sampled(sampled)


def runs_of(population: Population, seed: int, recipe: AnyRecipe | None = None, replicates: int = 1) -> list[Run]:
    """All runs of a study: every model once, in the order drawn, then every model's replicate 1, and so on.

    So an interrupted study has as many models as it can. seed: the study's.
    """
    sampled = recipe_settings(population.settings)
    overrides = [
        {name: plain(column[row]) for name, column in sampled.items()}
        for row in range(len(population) if sampled else 0)
    ]
    runs = []
    for replicate in range(replicates):
        for row, model_id in enumerate(population.model_ids):
            sampled_overrides = overrides[row] if sampled else {}
            runs.append(
                Run(
                    run_id=run_name(model_id, replicate, sampled_overrides),
                    model_id=model_id,
                    row=row,
                    replicate=replicate,
                    # a space may sample the seed, so that replicates are a space like any other
                    seed=training_seed(sampled_overrides.get("seed", seed), model_id, replicate),
                    content=population.contents[row],
                    recipe_overrides=sampled_overrides,
                    base_recipe=recipe,
                )
            )
    return runs
