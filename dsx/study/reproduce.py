"""The commands that make a study again, from nothing but its study.yaml."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from dsx.base.errors import DsxError
from dsx.base.nested import flat
from dsx.recipes.recipe import load_recipe
from dsx.results.columns import COMPLEXITIES
from dsx.spaces.definition import load_space
from dsx.study.study import Study


def commands(study: Study) -> list[str]:
    """`dsx sample …` and, once there is a recipe, `dsx launch …`, in full.

    A space or recipe that is not the one of that name is written as a file of study.yaml's content.
    """
    folder = shlex.quote(str(study.path))
    return [_sample(study, folder), *_launch(study, folder)]


def _sample(study: Study, folder: str) -> str:
    request, definition = study.request, study.definition
    if "confirms" in request:  # its models are the best of another study, which has to be made first
        origin = os.path.normpath(study.path / request["confirms"])
        return f"dsx confirm {shlex.quote(origin)} --top {request['n']} --seeds {study.replicates} --out {folder}"
    constraints = request.get("constraints") or {}
    name = str(definition.get("name", ""))
    parts = [f"dsx sample --space {_space(name, definition)} --n {request.get('n', len(study.population))}"]
    parts += [f"--{metric} {constraints[metric]}" for metric in COMPLEXITIES if metric in constraints]
    for flag, key in (("--resolution", "resolution"), ("--num-classes", "num_classes")):
        parts += [f"{flag} {request[key]}"] if request.get(key) else []
    return " ".join([*parts, f"--seed {study.seed} --out {folder}"])


def _space(name: str, definition: Mapping[str, object]) -> str:
    """The name, where it stands for this very space but for what the flags set; else a file to be written."""
    try:
        same = _apart_from_flags(load_space(name).to_dict()) == _apart_from_flags(definition)
    except DsxError:
        same = False
    return shlex.quote(name) if same else shlex.quote(f"./{name}.yaml")


def _apart_from_flags(definition: Mapping[str, Any]) -> str:
    """What decides the population and has no flag of `dsx sample`."""
    kept = {k: v for k, v in definition.items() if k not in ("resolution", "num_classes", "description", "source")}
    others = {k: v for k, v in (definition.get("constraints") or {}).items() if k not in COMPLEXITIES}
    return json.dumps({**kept, "constraints": others}, sort_keys=True)


def _launch(study: Study, folder: str) -> list[str]:
    recipe = study.recipe
    if recipe is None:
        return []
    seeds = f" --seeds {study.replicates}" if study.replicates > 1 else ""
    try:
        before = flat(load_recipe(recipe.name).to_dict())
    except DsxError:
        return [f"dsx launch {folder} --recipe {shlex.quote(f'./{recipe.name}.yaml')}{seeds}"]
    changed = [(key, value) for key, value in flat(recipe.to_dict()).items() if before.get(key) != value]
    overrides = "".join(f" {shlex.quote(f'recipe.{key}={_hydra(value)}')}" for key, value in changed)
    return [f"dsx launch {folder} --recipe {shlex.quote(recipe.name)}{seeds}{overrides}"]


def _hydra(value: object) -> str:
    """A value as Hydra's overrides write it."""
    return "null" if value is None else value if isinstance(value, str) else json.dumps(value)
