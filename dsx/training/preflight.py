"""Before spending: some training steps of the smallest, median and largest network, and what all would cost."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dsx.base.errors import DsxError
from dsx.base.out_of_memory import is_out_of_memory
from dsx.base.temporary import use_short_sockets
from dsx.networks.complexity import complexity
from dsx.networks.lookup import Network
from dsx.recipes.recipe import Recipe
from dsx.training.data.batches import Batches
from dsx.training.data.noise import NoiseBatches, is_absent
from dsx.training.data.opening import open_batches
from dsx.training.device import peak_memory_bytes, reset_peak_memory, resolve_device
from dsx.training.distributed import Group
from dsx.training.faults import Diverged
from dsx.training.session import Session
from dsx.training.trainer import torch_settings

# an evaluated image costs a forward pass: a third of a trained one
_EVALUATION_COST = 1 / 3
# of all images of a step on a CPU, where noise is timed
_BRIEF_PIXELS = 2 * 224**2


@dataclass(frozen=True)
class Estimate:
    """One network, measured."""

    which: str  # smallest, median or largest by flops (multiply-adds at the recipe's resolution)
    model_id: str
    flops: int
    images_per_second: float | None
    waiting: float | None  # share of the time spent waiting for data
    peak_memory_bytes: int | None
    device_hours: float | None  # of its whole training, torch's compiler included where the recipe asks for it
    note: str = ""  # out of memory, if so; then the measured values are None
    busy: float | None = None  # share of the time in which a GPU computes; None elsewhere
    compiling_s: float = 0.0  # of its first steps, in which it is compiled


@dataclass(frozen=True)
class Preflight:
    """Measured networks and the cost of all `models`, each with `replicates` trainings."""

    rows: list[Estimate]
    models: int
    device_hours: float | None  # linear in flops between the measured networks; None if one of them did not fit
    recipe: str  # in words
    note: str = ""  # what was timed in place of the images, if they are not here
    plain: Estimate | None = None  # the largest network without the compiler that the recipe asks for

    def wall_hours(self, workers: int) -> float | None:
        """Hours until the end with that many devices or worker processes at work all the time."""
        return None if self.device_hours is None else self.device_hours / workers


def preflight(
    architectures: Sequence[Network],
    recipe: Recipe,
    device: str = "auto",
    *,
    steps: int = 10,
    threads: int | None = None,
    replicates: int = 1,
) -> Preflight:
    """Time `steps` training steps, after two that are not counted, of three of the architectures. Writes nothing.

    Where a known data set is not on this machine, noise of its size stands for its images.

    Raises DsxError if network, recipe, data and device do not fit.
    """
    if not architectures:
        raise DsxError("nothing to time: no architectures were given")
    chosen = resolve_device(device)
    use_short_sockets()
    for architecture in architectures:
        recipe.check(architecture)
    flops = np.array([complexity(architecture, recipe.resolution).flops for architecture in architectures])
    order = np.argsort(flops, kind="stable")
    picked = {"smallest": order[0], "median": order[len(order) // 2], "largest": order[-1]}
    rows: list[Estimate] = []
    with torch_settings(recipe, chosen, threads):
        absent = is_absent(recipe.data)
        brief = absent and chosen.type == "cpu"
        timed, steps = (_briefly(recipe), min(steps, 2)) if brief else (recipe, steps)
        batches = NoiseBatches(timed, 0, chosen) if absent else open_batches(timed, 0, chosen)
        try:
            for which, row in picked.items():
                if all(architectures[row].model_id != estimate.model_id for estimate in rows):
                    rows.append(_measured(which, architectures[row], int(flops[row]), timed, batches, steps))
            plain = None
            if timed.compile:
                row, uncompiled = picked["largest"], timed.with_overrides({"compile": False})
                plain = _measured("largest", architectures[row], int(flops[row]), uncompiled, batches, steps)
            text = recipe.describe(1, batches.training_images)
        finally:
            batches.close()
    hours = [estimate.device_hours for estimate in rows]
    total = None
    if all(h is not None for h in hours):
        each = np.interp(flops, [estimate.flops for estimate in rows], np.array(hours, dtype=float))
        total = float(each.sum()) * replicates
    note = f"{recipe.data.dataset} is not at data.root {recipe.data.root}: timed on noise, without reading images"
    return Preflight(rows, len(architectures), total, text, note if absent else "", plain)


def _briefly(recipe: Recipe) -> Recipe:
    """The recipe with so few images a step that a CPU takes seconds for networks that are made for GPUs.

    In torch's plain layout: in the other, torch 2.14's convolutions of stride 2 and 8 channels crash on large images.
    """
    images = min(recipe.batch_size, max(2, _BRIEF_PIXELS // recipe.resolution**2))
    return recipe.with_overrides({"batch_size": images, "micro_batch_size": None, "channels_last": False})


def _measured(which: str, architecture: Network, flops: int, recipe: Recipe, batches: Batches, steps: int) -> Estimate:
    reset_peak_memory(batches.device)
    warm = min(2, batches.steps_per_epoch - 1)
    try:
        session = Session(architecture, recipe, 0, batches, Group())
        for until in (warm, warm + steps):
            began, first_s, session.train_seconds, session.wait_seconds = session.step, session.train_seconds, 0.0, 0.0
            with contextlib.suppress(Diverged):  # a step takes as long whatever its loss, which of noise may be any
                session.train_steps(until)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        text = "out of memory: use a smaller batch_size or micro_batch_size"
        return Estimate(which, architecture.model_id, flops, None, None, None, None, text)
    seconds_per_step = session.train_seconds / (session.step - began)
    seconds_per_image, waiting = seconds_per_step / recipe.batch_size, session.wait_seconds / session.train_seconds
    images = batches.steps_per_epoch * recipe.batch_size + _EVALUATION_COST * batches.evaluation_images
    compiling_s = first_s if recipe.compile else 0.0
    return Estimate(
        which=which,
        model_id=architecture.model_id,
        flops=flops,
        images_per_second=1.0 / seconds_per_image,
        waiting=waiting,
        peak_memory_bytes=peak_memory_bytes(batches.device),
        device_hours=(recipe.epochs * images * seconds_per_image + compiling_s) / 3600,
        busy=_busy(session, seconds_per_step),
        compiling_s=compiling_s,
    )


def _busy(session: Session, seconds_per_step: float) -> float | None:
    """Share of a step in which a CUDA GPU computes, from the kernels of a few more steps; None elsewhere."""
    before, steps = session.step, min(5, session.batches.steps_per_epoch - session.step)
    if session.device.type != "cuda" or steps < 1:
        return None
    kernels = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
    with kernels as profile, contextlib.suppress(Diverged):
        session.train_steps(before + steps)
    seconds = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    return min(1.0, seconds / (session.step - before) / seconds_per_step) or None
