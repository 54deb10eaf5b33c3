"""A training step recorded once as a CUDA graph and replayed: one launch for all kernels of a small network.

Recorded is what is the same at every step: forward and backward pass, clipping, optimiser, sums and moving average.
Outside stays what differs: the images, which are copied to where the recording reads them, the learning rate, which is
a tensor on the device, the count of averaged steps, and the looks at the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch

from dsx.base.errors import DsxError
from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Mixed

# steps in earnest before the recording: libraries choose their kernels, the optimiser makes its state
_STEPS_BEFORE = 3


def check_capture(recipe: Recipe, device: torch.device, world: int) -> None:
    """Raises DsxError if the recipe asks for a recording where there can be none. world: devices that share a batch."""
    if not recipe.capture:
        return
    if device.type != "cuda":
        raise DsxError(f"recipe {recipe.name}: capture needs a CUDA GPU and this trains on {device}: leave capture out")
    if world > 1:
        raise DsxError(f"recipe {recipe.name}: capture is for one GPU per model, not {world}: leave capture out")


@lru_cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """The one on which this process records: torch's libraries keep some memory for every stream that they ever saw."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class Captured:
    """Runs a step as a recording once it was run in earnest; the step may read nothing but the batch, `rate`, and what
    keeps its place on the device.

    rate: the learning rate, (). batch_size: images of a whole batch; others, from which unreadable images are missing,
    run unrecorded.
    """

    def __init__(self, batch_size: int, device: torch.device) -> None:
        self.rate = torch.zeros((), device=device)
        self._batch_size = batch_size
        self._stream = _stream(device)
        self._recorded: tuple[torch.cuda.CUDAGraph, Mixed] | None = None
        self._whole_steps = 0

    def __call__(self, step: Callable[[Mixed], None], batch: Mixed) -> None:
        """step: the same at every call; not kept, as it holds on to all that it works on."""
        whole = len(batch.targets) == self._batch_size
        self._whole_steps += whole
        if not whole or self._whole_steps <= _STEPS_BEFORE:
            self._run(step, batch)
            return
        if self._recorded is None:
            self._recorded = self._record(step, batch)
        graph, inputs = self._recorded
        inputs.images.copy_(batch.images)
        inputs.targets.copy_(batch.targets)
        graph.replay()

    def _run(self, step: Callable[[Mixed], None], batch: Mixed) -> None:
        """The step itself, on the recording's stream: what backward passes keep for a weight belongs to one stream."""
        others = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(others)
        with torch.cuda.stream(self._stream):
            step(batch)
        others.wait_stream(self._stream)

    def _record(self, step: Callable[[Mixed], None], like: Mixed) -> tuple[torch.cuda.CUDAGraph, Mixed]:
        """The graph, and the batch that it reads. Nothing is computed yet."""
        inputs = Mixed(torch.empty_like(like.images), torch.empty_like(like.targets))
        graph = torch.cuda.CUDAGraph()
        # thread_local: threads that pin memory for the next batches may go on
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            step(inputs)
        return graph, inputs
