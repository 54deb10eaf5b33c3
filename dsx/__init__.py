"""dsx: design-space exploration for network architectures. Names load on first use; importing does nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# public name → module that holds it
_HOMES = {
    "DsxError": "dsx.base.errors",
    "Space": "dsx.spaces.definition",
    "load_space": "dsx.spaces.definition",
    "Population": "dsx.spaces.population",
    "sample": "dsx.spaces.sampling",
    "Architecture": "dsx.networks.architecture",
    "complexity": "dsx.networks.complexity",
    "build": "dsx.networks.anynet",
    "published": "dsx.networks.published",
    "Study": "dsx.study.study",
    "open_study": "dsx.study.study",
    "Recipe": "dsx.recipes.recipe",
    "load_recipe": "dsx.recipes.recipe",
    "Result": "dsx.training.trainer",
    "train": "dsx.training.trainer",
    "load_reference": "dsx.results.reference",
    "design": "dsx.designing.design",
}
_PACKAGES = ("analysis", "plots")

__all__ = ["__version__", *_HOMES, *_PACKAGES]  # pyright: ignore

if TYPE_CHECKING:
    from dsx import analysis as analysis
    from dsx import plots as plots
    from dsx.base.errors import DsxError as DsxError
    from dsx.designing.design import design as design
    from dsx.networks.anynet import build as build
    from dsx.networks.architecture import Architecture as Architecture
    from dsx.networks.complexity import complexity as complexity
    from dsx.networks.published import published as published
    from dsx.recipes.recipe import Recipe as Recipe
    from dsx.recipes.recipe import load_recipe as load_recipe
    from dsx.results.reference import load_reference as load_reference
    from dsx.spaces.definition import Space as Space
    from dsx.spaces.definition import load_space as load_space
    from dsx.spaces.population import Population as Population
    from dsx.spaces.sampling import sample as sample
    from dsx.study.study import Study as Study
    from dsx.study.study import open_study as open_study
    from dsx.training.trainer import Result as Result
    from dsx.training.trainer import train as train


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"dsx.{name}")
    raise AttributeError(f"module 'dsx' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
