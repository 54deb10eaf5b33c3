"""The parts of torch, and of multiprocessing beside it, that are not public: all that dsx uses, and why.

Tried with torch 2.14. tests/networks/test_torch_private.py fails when one of them changes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

Operation: TypeAlias = OpOverload
_Kind = TypeVar("_Kind", bound=type[Optimizer])


class Ran(NamedTuple):
    """An operation of torch that ran; it gave a tensor, or a sequence of tensors and other things."""

    operation: Operation
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    output: Any

    @property
    def family(self) -> Any:
        """What torch's counters know the operation by, whatever its overload; `__name__` is its name."""
        return self.operation._overloadpacket

    def for_each_tensor(self, do: Callable[[Tensor], None]) -> None:
        """Do it with each tensor of the output."""
        tree_map_only(Tensor, do, self.output)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shows each operation that runs inside to `see`; nothing public does so on the meta device too.

    instead: gives what an operation is replaced by, which is not shown, or None.
    """

    def __init__(
        self, see: Callable[[Ran], None], instead: Callable[[Operation, Sequence[Any]], Any] | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._see, self._instead = see, instead

    def __torch_dispatch__(
        self, func: Operation, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if self._instead is not None and (other := self._instead(func, args)) is not None:
            return other
        output = func(*args, **(kwargs or {}))
        self._see(Ran(func, args, kwargs or {}, output))
        return output


def storage_id(tensor: Tensor) -> int:
    """One number for each storage that is alive; its address is 0 on the meta device."""
    return tensor.untyped_storage()._cdata


# of a gradient that is an argument of a watched operation, and else only the engine's
_USES_BY_A_CALL = 4


def held_by_engine_alone(gradient: Tensor) -> bool:
    """Whether a watched operation's argument is nobody else's, so that the engine may overwrite it."""
    return gradient._use_count() <= _USES_BY_A_CALL  # type: ignore[attr-defined]


def copy_each(into: list[Tensor], tensors: list[Tensor]) -> None:
    """Copy all in one operation."""
    torch._foreach_copy_(into, tensors)


def standard_gamma(alpha: Tensor, draws: torch.Generator) -> Tensor:
    """Draws of Gamma(α, 1), of alpha's shape and dtype; torch.distributions takes no generator."""
    return torch._standard_gamma(alpha, generator=draws)


def has_forward_hooks(module: nn.Module) -> bool:
    """Whether somebody looks at what goes into the module or comes out of it."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


# of an optimiser, what tells torch's compiler to leave it alone, beside `step`
_SPEAK_TO_THE_COMPILER = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


@functools.cache
def without_compiler(kind: _Kind) -> _Kind:
    """The optimiser, loading no compiler that it is never compiled by: a second or more in each process that trains."""
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _SPEAK_TO_THE_COMPILER}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), methods | {"step": step})  # type: ignore[return-value]


def end_processes(loader: DataLoader[Any]) -> None:
    """End the persistent processes of a loader now, instead of when it is collected."""
    running: Any = getattr(loader, "_iterator", None)
    if running is not None and hasattr(running, "_shutdown_workers"):
        running._shutdown_workers()
        loader._iterator = None


def beneath_alarm(handler: Any) -> Any:
    """A handler of SIGCHLD as it was before torch set its own, which raises wherever a program is when a loader's
    process dies; any other handler is given as it is.
    """
    if getattr(handler, "__module__", None) != signal_handling.__name__:
        return handler
    return inspect.getclosurevars(handler).nonlocals["previous_handler"] or signal.SIG_DFL


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
