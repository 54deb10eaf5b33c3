"""A CUDA device that is not there: tensors without values, and a record of every operation asked of it.

Operations on the CPU are done in earnest (data order and augmentation are drawn there); what touches the device runs
on torch's fake tensors, which know shape, dtype and device. Whatever would make the host wait is noted: reading a
value, and copies between the two that are not asked to go on by themselves. A size that depends on values raises
torch's DynamicOutputShapeException.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

CUDA = torch.device("cuda", 0)


@dataclass
class Record:
    """What was asked of the device, in order. waits: index and name of each operation that stops the host.

    operations: (name, devices of its tensors, dtypes of its floating tensors), those on the CPU alone included.
    """

    operations: list[tuple[str, frozenset[str], frozenset[torch.dtype]]] = field(default_factory=list)
    waits: list[tuple[int, str]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget what was so far."""
        self.operations.clear()
        self.waits.clear()

    def named(self, *names: str) -> list[tuple[str, frozenset[str], frozenset[torch.dtype]]]:
        return [operation for operation in self.operations if operation[0] in names]


class _Trace(TorchDispatchMode):
    """Sends what touches CUDA to fake tensors, and all else where it belongs."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if (
            func.namespace == "aten" and func._can_decompose()
        ):  # where no gradients are kept, operations arrive before they are taken apart
            with self:
                return func.decompose(*args, **kwargs)
        tensors = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        target = kwargs.get("device")
        onto_cuda = target is not None and torch.device(target).type == "cuda"
        name = func.overloadpacket.__name__
        result: Any = None
        if name == "_local_scalar_dense" and any(t.is_cuda for t in tensors):
            result = 1 if not tensors[0].is_floating_point() else 1.0
        elif name.startswith("_fused_"):
            result = None  # works in place on lists of tensors
        elif name in ("pin_memory", "_pin_memory"):
            result = args[0]  # where there is no driver, there is no such memory
        elif onto_cuda or any(isinstance(t, FakeTensor) for t in tensors):
            result = func(*args, **kwargs)
        else:
            with unset_fake_temporarily():
                result = func(*args, **kwargs)
        self._note(name, tensors, args, kwargs, result)
        return result

    def _note(self, name: str, tensors: list[Tensor], args: Any, kwargs: Any, result: Any) -> None:
        made = [leaf for leaf in tree_flatten(result)[0] if isinstance(leaf, Tensor)]
        devices = frozenset(t.device.type for t in [*tensors, *made])
        dtypes = frozenset(t.dtype for t in [*tensors, *made] if t.is_floating_point())
        self._record.operations.append((name, devices, dtypes))
        if "cuda" in devices and _waits(name, tensors, args, kwargs):
            self._record.waits.append((len(self._record.operations) - 1, name))


def _waits(name: str, tensors: list[Tensor], args: Any, kwargs: Any) -> bool:
    """Whether the host waits for the device in this operation."""
    if name == "_local_scalar_dense":
        return True
    if name == "_to_copy":
        crosses = tensors[0].device.type != torch.device(kwargs.get("device") or tensors[0].device).type
        return crosses and not kwargs.get("non_blocking", False)
    if name == "copy_":
        blocking = not (kwargs.get("non_blocking", False) or (len(args) > 2 and args[2]))
        return blocking and tensors[0].device.type != tensors[1].device.type
    return False


@contextlib.contextmanager
def traced_cuda() -> Iterator[Record]:
    """Inside, tensors can be made on cuda:0 on any machine; what is done with them is in the record.

    torch's engine of backward passes asks CUDA's driver for streams, so there is no backward pass: every parameter that
    the loss depends on gets a gradient of its own shape, dtype and device.
    """
    record = Record()
    with (
        mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False),
        mock.patch("torch.cuda.is_bf16_supported", return_value=True),
        mock.patch("torch.cuda.synchronize"),
        mock.patch.object(nn.Module, "to", _moved),
        FakeTensorMode(allow_non_fake_inputs=True),
        mock.patch.object(Tensor, "backward", _filled_gradients),
        _Trace(record),
    ):
        yield record


def _filled_gradients(loss: Tensor) -> None:
    """`Tensor.backward` without the pass: gradients at the leaves of the loss's graph."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            leaf.grad = torch.empty_like(leaf) if leaf.grad is None else leaf.grad.add_(torch.empty_like(leaf))
        waiting += [edge for edge, _ in node.next_functions]


def _moved(module: nn.Module, device: torch.device, memory_format: torch.memory_format) -> nn.Module:
    """`nn.Module.to`, which swaps tensors in place where they are of a class of their own, and may not here."""

    def placed(tensor: Tensor) -> Tensor:
        if tensor.dim() == 4:
            return tensor.to(device, memory_format=memory_format)
        return tensor.to(device)

    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            part.register_parameter(name, nn.Parameter(placed(parameter.detach())))
        for name, buffer in list(part.named_buffers(recurse=False)):
            part.register_buffer(name, placed(buffer))
    return module
