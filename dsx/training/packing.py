"""How many models share a GPU: as many as keep it busy, and as fit into its memory."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

from dsx.networks.lookup import Network
from dsx.recipes.recipe import Recipe
from dsx.training.preflight import Estimate, preflight

# of each process beside its tensors: CUDA's context, libraries, memory kept for reuse; and the share that stays free
_BESIDE_BYTES, _FREE = 1 << 30, 0.1


def models_together(rows: Sequence[Estimate], memory_bytes: int, cores: int) -> int:
    """How many models may train at once on a GPU of so much memory, beside so many CPU cores.

    Processes take turns on a GPU: of models that each keep it busy for a share b of their time, 1/b fill it. Every
    process needs a core to start kernels from. 1 if something was not measured, or did not fit.
    """
    busy = [row.busy for row in rows if row.busy]
    peaks = [row.peak_memory_bytes for row in rows if row.peak_memory_bytes is not None]
    if not rows or len(busy) < len(rows) or len(peaks) < len(rows):
        return 1
    fitting = int(memory_bytes * (1 - _FREE)) // (max(peaks) + _BESIDE_BYTES)
    return max(1, min(math.ceil(1 / median(busy)), fitting, cores))


def measured_together(
    architectures: Sequence[Network], recipe: Recipe, gpu: str, cores: int
) -> tuple[int, Sequence[Estimate]]:
    """`models_together` for one of this machine's GPUs, from some steps of three of the networks.

    gpu: what CUDA_VISIBLE_DEVICES calls it. In a process of its own: this one gets no context on the GPU.
    Raises DsxError as `preflight` does.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_see, initargs=(gpu,)) as pool:
        rows, memory_bytes = pool.submit(_measure, tuple(architectures), recipe).result()
    return models_together(rows, memory_bytes, cores), rows


def _see(gpu: str) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu


def _measure(architectures: Sequence[Network], recipe: Recipe) -> tuple[list[Estimate], int]:
    import torch

    rows = preflight(architectures, recipe, "cuda", steps=20).rows
    free: float = torch.cuda.mem_get_info()[0]
    return rows, int(free) + int(torch.cuda.memory_reserved())
