"""What any torch module costs, by watching it work on one example: flops, params and acts.

The convention is that of `dsx.networks.complexity`, said of operations: flops are the multiply-adds of convolutions
and matrix products (torch's own counter), and one more for each element to which a layer adds its bias; acts are the
elements that convolutions, matrix products and max-pools give; what works element by element, moves, normalises,
averages or draws counts 0 flops. Any other operation is an error that names it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils.flop_counter import flop_registry

from dsx.base.errors import DefinitionError
from dsx.networks.cost import Complexity, Memory
from dsx.networks.torch_private import Operation, Ran, Watch, held_by_engine_alone, storage_id

_LINEAR = nn.functional.linear
_MAX_POOLS = ("max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool3d")
# besides views and what torch itself calls element by element or a reduction
_FREE = {
    *("empty", "empty_like", "new_empty", "zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones"),
    *("full", "full_like", "new_full", "arange", "linspace", "scalar_tensor", "eye", "rand", "randn", "randint"),
    *("empty_strided", "new_empty_strided", "bernoulli", "native_dropout", "lift_fresh", "lift_fresh_copy"),
    *("cat", "stack", "repeat", "roll", "flip", "constant_pad_nd", "tril", "triu", "_unsafe_view", "_reshape_copy"),
    *("reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d", "replication_pad2d"),
    *("replication_pad3d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "im2col", "col2im", "unfold_copy"),
    *("embedding", "index", "index_select", "gather", "scatter", "index_put", "masked_fill", "unsafe_split", "copy_"),
    *("_to_copy", "clone", "contiguous", "sort", "topk", "cumsum", "cumprod", "one_hot", "argmax", "argmin"),
    *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "native_layer_norm"),
    *("native_group_norm", "_fused_rms_norm", "cudnn_batch_norm", "_batch_norm_with_update", "linalg_vector_norm"),
    *("_softmax", "_safe_softmax", "_log_softmax", "logsumexp", "mean", "sum", "prod", "amax", "amin", "max", "min"),
    *("var", "std", "var_mean", "std_mean", "avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d"),
    *("_adaptive_avg_pool3d", "upsample_nearest1d", "upsample_nearest2d", "upsample_bilinear2d", "glu", "prelu"),
}


class _Costs:
    """Adds up flops and acts of the operations that run inside. Raises DefinitionError at one without a rule."""

    def __init__(self) -> None:
        self.flops = self.acts = 0

    def add(self, ran: Ran) -> None:
        name, operation = ran.family.__name__, ran.operation
        if ran.family in flop_registry:
            made = ran.output if isinstance(ran.output, Tensor) else ran.output[0]
            # torch counts a multiply-add as two
            self.flops += flop_registry[ran.family](*ran.args, **ran.kwargs, out_val=ran.output) // 2
            biased = name == "addmm" or (name == "convolution" and ran.args[2] is not None)
            self.flops += made.numel() if biased else 0
            self.acts += made.numel()
        elif name in _MAX_POOLS:
            self.acts += ran.output[0].numel()
        elif not (operation.is_view or name.rstrip("_") in _FREE or name in _FREE or _by_element(ran)):
            raise DefinitionError(f"{operation} has no rule that counts it")

    def linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """In torch's place: it adds the bias together with the product or after it, as the data lie."""
        output = _LINEAR(input, weight)
        self.flops += 0 if bias is None else output.numel()
        return output if bias is None else output + bias


def _by_element(ran: Ran) -> bool:
    tags = ran.operation.tags
    return torch.Tag.pointwise in tags or torch.Tag.reduction in tags or ran.operation.namespace == "prim"


def count_complexity(network: nn.Module, example: Tensor) -> Complexity:
    """Flops, params and acts of a module, by one pass in evaluation mode.

    example: (1, …), on the meta device, as the module, if nothing shall be computed. Raises DefinitionError that names
    the first operation without a rule; `torch.utils.flop_counter.register_flop_formula` gives it one.
    """
    training = network.training
    costs = _Costs()
    try:
        # with gradients: without, torch puts whole layers into operations of its own
        with torch.enable_grad(), Watch(costs.add), mock.patch.object(nn.functional, "linear", costs.linear):
            network.eval()(example)
    finally:
        network.train(training)
    return Complexity(costs.flops, sum(p.numel() for p in network.parameters()), costs.acts)


class _Alive:
    """Bytes of the tensors that operations inside make and that are alive, and the most that were so at once."""

    def __init__(self, example: Tensor, network: nn.Module) -> None:
        # number of a storage, bytes that came or went
        self._events: list[tuple[int, int]] = []
        self._numbers: dict[int, int] = {}
        self._apart: set[int | None] = set()
        self._weights = {storage_id(tensor) for tensor in (*network.parameters(), *network.buffers())}
        self._between_nodes = False
        self._note(example)

    def add(self, ran: Ran) -> None:
        ran.for_each_tensor(self._note)

    def in_place(self, operation: Operation, args: Sequence[Any]) -> Tensor | None:
        """The sum of two gradients of one tensor, as the engine makes it where it is not watched."""
        if self._between_nodes and operation is torch.ops.aten.add.Tensor and held_by_engine_alone(args[0]):
            return args[0].add_(args[1])
        return None

    @property
    def most(self) -> int:
        """Gradients of weights apart."""
        sizes = [size for number, size in self._events if number not in self._apart]
        return max(accumulate(sizes))

    def backward(self, output: Tensor) -> None:
        """The backward pass from a gradient of the output, which is alive as long as the output."""
        if output.grad_fn is None:
            return
        nodes = _nodes(output.grad_fn)
        hooks = [node.register_prehook(self._enter) for node in nodes if not hasattr(node, "variable")]
        hooks += [node.register_hook(self._leave) for node in nodes if not hasattr(node, "variable")]
        hooks += [node.register_prehook(self._set_apart) for node in nodes if hasattr(node, "variable")]
        gradient = torch.empty_like(output)
        torch.autograd.backward([output], [gradient])
        for hook in hooks:
            hook.remove()

    def _enter(self, _gradients: object) -> None:
        self._between_nodes = False

    def _leave(self, _made: object, _gradients: object) -> None:
        self._between_nodes = True

    def _set_apart(self, gradients: Sequence[Tensor | None]) -> None:
        self._apart |= {self._numbers.get(storage_id(g)) for g in gradients if g is not None}

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        known = storage_id(tensor)
        if known not in self._numbers and known not in self._weights:
            number = self._numbers[known] = len(self._events)
            self._events.append((number, storage.nbytes()))
            weakref.finalize(storage, self._free, known, storage.nbytes())

    def _free(self, known: int, size: int) -> None:
        self._events.append((self._numbers.pop(known), -size))


def _nodes(last: Node) -> list[Node]:
    """All nodes of the graph that ends in this one."""
    nodes = {last}
    waiting = [last]
    while waiting:
        new = {node for node, _ in waiting.pop().next_functions if node is not None} - nodes
        nodes |= new
        waiting += new
    return list(nodes)


def count_memory(network: nn.Module, example: Tensor) -> Memory:
    """What `dsx.networks.memory` says of dsx's own networks, of any module and a batch: by watching both at work.

    example: on the meta device, as the module, if nothing shall be computed. Gradients of weights are let go.
    """
    training = network.training
    try:
        at_rest, at_work = _Alive(example, network), _Alive(example, network)
        with torch.inference_mode(), Watch(at_rest.add):
            network.eval()(example)
        with torch.enable_grad(), Watch(at_work.add, at_work.in_place):
            output = network.train()(example)
            at_work.backward(output)
            del output
    finally:
        network.zero_grad(set_to_none=True)
        network.train(training)
    return Memory(at_rest.most, at_work.most)
