"""`dsx train`: one network, one recipe, as a study of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dsx.base.errors import check_at_least_one
from dsx.base.nested import canonical_json
from dsx.commands.config import launch_changes
from dsx.commands.launch import exit_code, launch_studies, plan
from dsx.commands.selection import remember
from dsx.commands.show import models_table
from dsx.commands.target import own_resolution
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_recipe_here
from dsx.networks.complexity import complexity
from dsx.networks.lookup import Network, find_network, fit_to_data
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import Recipe
from dsx.spaces.population import Population
from dsx.study.study import Study

_RESOLUTION = "recipe.resolution="


def one_model(name: str, network: Network, resolution: int) -> Population:
    """The population of a single network."""
    flops, params, acts = (np.array([value], dtype=np.int64) for value in complexity(network, resolution))
    return Population(name, {}, flops, params, acts, [canonical_json(network.to_dict())], resolution)


def network_study(label: str, network: Network, recipe: AnyRecipe, folder: Path) -> Study:
    """The study of one network, with the classes and channels of the recipe's data and at its resolution."""
    network = fitted(network, recipe)
    resolution = getattr(recipe, "resolution", None) or own_resolution(network)
    request: dict[str, object] = {
        "n": 1,
        "constraints": {},
        "resolution": resolution,
        "num_classes": network.num_classes,
    }
    return Study.create(folder, one_model(label, network, resolution), {"network": network.to_dict()}, request, 0)


def fitted(network: Network, recipe: AnyRecipe) -> Network:
    """The network with the classes and channels of the recipe's data, where dsx knows them."""
    if isinstance(recipe, Recipe) and recipe.num_classes is not None:
        return fit_to_data(network, recipe.num_classes, recipe.in_channels)
    return network


def train(
    name: str,
    recipe_name: str,
    seeds: int = 1,
    device: str = "auto",
    out: Path | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], object] = print,
) -> int:
    """Train one network with one recipe, as a study of one; the exit code. say: told each step. Raises DsxError.

    A network whose strides use up the recipe's images gets them scaled up, unless their resolution was asked for.
    """
    check_at_least_one("--seeds", seeds)  # before anything is written
    changes = launch_changes(overrides)
    launcher = changes.launcher_or("local")
    recipe = changes.recipe_or(recipe_name)
    assert recipe is not None
    network = find_network(name)
    asked = "resolution" in changes.recipe
    if isinstance(recipe, Recipe) and recipe.resolution < network.total_stride and not asked:
        say(
            f"{name} reduces images {network.total_stride}-fold: those of recipe {recipe.name} are scaled up from"
            f" {recipe.resolution}×{recipe.resolution} to {network.total_stride}×{network.total_stride}"
            f" ({_RESOLUTION}{network.total_stride})"
        )
        recipe = recipe.with_overrides({"resolution": network.total_stride})
    recipe = recipe.at_resolution(own_resolution(network))
    recipe.check(fitted(network, recipe))
    if launcher.trains_here:
        check_recipe_here(recipe)  # before anything is written
    label = Path(name).stem if "/" in name or name.endswith((".json", ".yaml", ".yml")) else name
    study = network_study(label, network, recipe, out or Path("runs") / label)
    remember([study])
    planned = plan([study], [recipe], seeds)
    code = exit_code(launch_studies([study], planned, launcher, LaunchOptions(device=device), say))
    if code == 0:
        say(models_table(study))
    return code
