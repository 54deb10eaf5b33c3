"""The parts of torch, and of multiprocessing beside it, that are not public: all that training uses, and why.

Tried with torch 2.14. tests/training/test_torch_private.py fails when one of them changes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader


def standard_gamma(alpha: Tensor, draws: torch.Generator) -> Tensor:
    """Draws of Gamma(α, 1), of alpha's shape and dtype; torch.distributions takes no generator."""
    return torch._standard_gamma(alpha, generator=draws)


def has_forward_hooks(module: nn.Module) -> bool:
    """Whether somebody looks at what goes into the module or comes out of it."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def load_compiler() -> None:
    """Load what the first step of an optimiser loads otherwise, at a second or more in each process."""
    import torch._dynamo  # noqa: F401


def end_processes(loader: DataLoader[Any]) -> None:
    """End the persistent processes of a loader now, instead of when it is collected."""
    running: Any = getattr(loader, "_iterator", None)
    if running is not None and hasattr(running, "_shutdown_workers"):
        running._shutdown_workers()
        loader._iterator = None


@contextlib.contextmanager
def children_allowed() -> Iterator[None]:
    """A pool's worker is daemonic and so may have no children; a loader's processes end with their parent anyway."""
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    daemonic = config.get("daemon", False)
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = daemonic
