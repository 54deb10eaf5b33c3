"""What the commands do with one network: show it, train it, time it, export it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsx.base.errors import DsxError, StudyError
from dsx.base.text import align
from dsx.base.units import format_number
from dsx.commands.config import launch_changes, load_launcher
from dsx.commands.launching import LaunchOptions, launch_studies
from dsx.commands.selection import remember
from dsx.networks.architecture import canonical_json
from dsx.networks.complexity import complexity
from dsx.networks.describe import describe_network
from dsx.networks.lookup import Network, find_network, fit_to_data
from dsx.recipes.recipe import load_recipe
from dsx.spaces.definition import space_from_dict
from dsx.spaces.derivation import describe_derivation
from dsx.spaces.population import Model, Population
from dsx.study.study import Study, open_study

_RESOLUTION = "recipe.resolution="


def show(target: str, model: str | None, resolution: int | None, per_layer: bool) -> str:
    """A study's models, one of them, or a network by name or file, in words."""
    if not Path(target).is_dir():
        if model is not None:
            raise StudyError(f"{target}: no such study folder, to show its model {model}")
        network = find_network(target)
        return f"{target}\n{describe_network(network, resolution or _own_resolution(network), per_layer)}"
    study = open_study(target)
    if model is None:
        return _models(study)
    found = find_model(study, model)
    setting = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.setting.items()
    )
    text = describe_network(found.architecture, resolution or study.population.resolution, per_layer)
    derivation = ""
    if "family" in study.definition:  # a study of one network has no space
        derivation = describe_derivation(space_from_dict(study.definition), found) + "\n"
    return f"{found.model_id} of {study.path}\n  {setting}\n{derivation}{text}"


def _own_resolution(network: Network) -> int:
    return getattr(network, "resolution", 224)


def _models(study: Study) -> str:
    """Every model with its state and error, the best first."""
    table = study.results().sort_values("error", na_position="last", kind="stable")
    rows = [["model", "state", "error %", "epochs", "flops", "params", "acts"]]
    for row in table.to_dict("records"):
        error = "–" if np.isnan(row["error"]) else f"{row['error']:.2f}"
        epochs = "–" if np.isnan(row["epochs"] or np.nan) else f"{row['epochs']:.0f}"
        costs = [format_number(row[name]) for name in ("flops", "params", "acts")]
        rows.append([row["model_id"], row["state"], error, epochs, *costs])
    return f"{study.path}\n{align(rows, left=2)}"


def find_model(study: Study, prefix: str) -> Model:
    """The model whose id begins so. Raises StudyError if there is none, or several."""
    population = study.population
    rows = [row for row, model_id in enumerate(population.model_ids) if model_id.startswith(prefix)]
    if len(rows) != 1:
        found = "no model" if not rows else f"{len(rows)} models"
        raise StudyError(f"{study.path}: {found} whose id begins with '{prefix}'; `dsx show {study.path}` lists them")
    return population[rows[0]]


def one_model(name: str, network: Network, resolution: int) -> Population:
    """The population of a single network."""
    flops, params, acts = (np.array([value], dtype=np.int64) for value in complexity(network, resolution))
    return Population(name, {}, flops, params, acts, [canonical_json(network.to_dict())], resolution)


def train(name: str, recipe_name: str, seeds: int, device: str, out: Path | None, overrides: Sequence[str]) -> int:
    """Train one network with one recipe, as a study of one; the exit code.

    A network whose strides use up the recipe's images gets them scaled up, unless their resolution was asked for.
    """
    changes = launch_changes(overrides)
    launcher = load_launcher(changes.chosen.get("launcher", "local"), changes.launcher)
    recipe = load_recipe(changes.chosen.get("recipe", recipe_name), changes.recipe)
    network = find_network(name)
    if recipe.resolution < network.total_stride and "resolution" not in changes.recipe:
        print(
            f"{name} reduces images {network.total_stride}-fold: those of recipe {recipe.name} are scaled up from"
            f" {recipe.resolution}×{recipe.resolution} to {network.total_stride}×{network.total_stride}"
            f" ({_RESOLUTION}{network.total_stride})"
        )
        recipe = recipe.with_overrides({"resolution": network.total_stride})
    if recipe.num_classes is not None:
        network = fit_to_data(network, recipe.num_classes, recipe.in_channels)
    recipe.check(network)
    if launcher.get("kind") != "slurm":  # a cluster's nodes may see folders that this machine does not
        from dsx.training.data.check import check_data

        check_data(recipe)  # before anything is written
    label = Path(name).stem if "/" in name or name.endswith((".json", ".yaml", ".yml")) else name
    folder = out or Path("runs") / label
    definition = {"network": network.to_dict()}
    request = {"n": 1, "constraints": {}, "resolution": recipe.resolution, "num_classes": network.num_classes}
    study = Study.create(folder, one_model(label, network, recipe.resolution), definition, request, 0)
    remember([study])
    options = LaunchOptions(seeds=seeds, device=device)
    code = launch_studies([study], [recipe], launcher, options)
    if code == 0:
        print(_models(study))
    return code


@dataclass(frozen=True)
class TimingSettings:
    """Flags of `dsx time`; resolution and batch_size: None takes the network's own, or finds one."""

    resolution: int | None = None
    batch_size: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None


def time_models(targets: Sequence[str], settings: TimingSettings, limit: int | None) -> str:
    """Inference and training-step time of networks, or of a study's models, which are kept in its folder."""
    from dsx.networks.timing import MODES, time_network

    rows = [["", "mode", "ms/batch", "quartiles", "images/s", "batch", "resolution"]]
    last = None
    for target in targets:
        study = open_study(target) if Path(target).is_dir() else None
        kept = []
        for label, network, size in _to_time(target, study, limit):
            for mode in MODES:
                last = time_network(
                    network,
                    mode,
                    resolution=settings.resolution or size,
                    batch_size=settings.batch_size,
                    device=settings.device,
                    dtype=settings.dtype,
                    threads=settings.threads,
                )
                kept.append({"model_id": label, **last.to_dict()})
                spread = f"{last.low_ms:.3g}–{last.high_ms:.3g}"
                numbers = [f"{last.median_ms:.3g}", spread, f"{last.images_per_second:.3g}"]
                rows.append([label, mode, *numbers, str(last.batch_size), str(last.resolution)])
        if study is not None:
            study.keep_timings(kept)
    assert last is not None
    where = f"{last.device}, {last.dtype}, {last.threads} threads, torch {last.torch_version}"
    return f"{align(rows, left=2)}\n{where}"


def _to_time(target: str, study: Study | None, limit: int | None) -> list[tuple[str, Network, int]]:
    if study is None:
        network = find_network(target)
        return [(target, network, _own_resolution(network))]
    size = study.recipe.resolution if study.recipe else study.population.resolution
    rows = range(min(limit or len(study.population), len(study.population)))
    return [(study.population.model_ids[row], study.population[row].architecture, size) for row in rows]


def export(target: str, model: str | None, out: Path, resolution: int | None, weights: Path | None) -> str:
    """Write a network, or a study's model, as ONNX or safetensors."""
    from dsx.networks.export import export as write

    if Path(target).is_dir():
        if model is None:
            raise DsxError(f"{target}: name the model to export; `dsx show {target}` lists them")
        study = open_study(target)
        network: Network = find_model(study, model).architecture
        size = study.recipe.resolution if study.recipe else study.population.resolution
    else:
        network, size = find_network(target), 0
    path = write(network, out, resolution or size or _own_resolution(network), weights=weights)
    started = f"weights of {weights}" if weights else "random weights"
    return f"wrote {path} ({started})"
