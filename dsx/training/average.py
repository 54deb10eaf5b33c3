"""The moving average of a network's weights, kept up without the host waiting for the device."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dsx.networks.torch_private import copy_each


class Average(AveragedModel):
    """torch's AveragedModel with decay `decay` a step, of weights and buffers; the same numbers.

    torch copies the count of steps to the device at every one, and such a copy waits for all that came before.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]

    def update_parameters(self, model: nn.Module) -> None:
        """Take in the weights after one more step; the first are taken as they are."""
        self.take_in(model)
        self.n_averaged += 1

    def take_in(self, model: nn.Module) -> None:
        """The same without counting the step: on the device alone, and from the second on always the same."""
        assert self.multi_avg_fn is not None
        steps = int(self.n_averaged)  # lives on the CPU, wherever the weights do
        mine, theirs = _tensors(self.module), _tensors(model)
        for dtype in dict.fromkeys(tensor.dtype for tensor in mine):
            pairs = [(kept, new) for kept, new in zip(mine, theirs, strict=True) if kept.dtype == dtype]
            kept_ones, new_ones = [kept for kept, _ in pairs], [new for _, new in pairs]
            if steps:
                self.multi_avg_fn(kept_ones, new_ones, steps)
            else:
                copy_each(kept_ones, new_ones)


def _tensors(model: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in itertools.chain(model.parameters(), model.buffers())]
