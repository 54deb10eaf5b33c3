"""Counting by watching: the multiply-adds of each layer by hand, however torch computes it; no operation unseen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry, register_flop_formula

from dsx.base.errors import DefinitionError
from dsx.networks.cost import Complexity
from dsx.networks.counting import count_complexity


class Function(nn.Module):
    """A module of one function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def counted(make: Callable[[], nn.Module], *shape: int) -> Complexity:
    with torch.device("meta"):
        return count_complexity(make(), torch.empty(1, *shape))


def attention() -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 20, batch_first=True, norm_first=True, activation="gelu")


# shape of one example, flops (multiply-adds, and one for each element that gets a bias), params, acts
BY_HAND = {
    "linear": (lambda: nn.Linear(5, 3), (5,), 5 * 3 + 3, 18, 3),
    "linear without bias": (lambda: nn.Linear(5, 3, bias=False), (5,), 15, 15, 3),
    "linear over positions": (lambda: nn.Linear(5, 3), (7, 5), 7 * 18, 18, 21),
    "linear over positions that lie apart": (
        lambda: nn.Sequential(Function(lambda x: x.transpose(1, 2)), nn.Linear(5, 3)), (5, 7), 7 * 18, 18, 21,
    ),
    "grouped conv": (lambda: nn.Conv2d(4, 8, 3, 2, 1, groups=2), (4, 6, 6), 9 * 2 * 8 * 9 + 8 * 9, 152, 72),
    "conv over a line, norm, activation, pools": (
        lambda: nn.Sequential(nn.Conv1d(2, 4, 5, bias=False), nn.BatchNorm1d(4), nn.SiLU(), nn.AvgPool1d(2)),
        (2, 12), 5 * 2 * 4 * 8, 48, 32,
    ),
    "transposed conv": (lambda: nn.ConvTranspose2d(3, 2, 2, 2), (3, 4, 4), 4 * 3 * 2 * 16 + 2 * 64, 26, 128),
    "max pools count as acts": (lambda: nn.MaxPool2d(2), (3, 4, 4), 0, 0, 12),
    # four projections with bias, two products of 6 × 6 × 4 for each of two heads, two layers
    "attention": (
        attention, (6, 8), 6 * 4 * 72 + 2 * 2 * 36 * 4 + 6 * (160 + 20 + 160 + 8),
        4 * 72 + 160 + 20 + 160 + 8 + 32, 6 * (24 + 8 + 8 + 20 + 8) + 2 * 36,
    ),
    "a recurrent layer": (
        lambda: Function(nn.LSTM(3, 4, batch_first=True)), (5, 3), 5 * (48 + 64 + 32), 48 + 64 + 16 + 16, 5 * 32,
    ),
    "numbers looked up": (
        lambda: Function(lambda x: nn.functional.embedding(x.long(), x.new_zeros(9, 4))), (5,), 0, 0, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_a_layer_costs_what_it_costs_by_hand(name: str) -> None:
    make, shape, flops, params, acts = BY_HAND[name]
    found = counted(make, *shape)
    assert (found.flops, found.params, found.acts) == (flops, params, acts)


UNKNOWN = {
    "aten._fft_r2c.default": lambda x: torch.fft.rfft(x).real,
    "aten.mv.default": lambda x: x.reshape(-1, 1) @ x.new_zeros(1),
    "aten._cdist_forward.default": lambda x: torch.cdist(x, x),
    "aten.grid_sampler_2d.default": lambda x: nn.functional.grid_sample(x[:, None], x.new_zeros(1, 2, 2, 2)),
}


@pytest.mark.parametrize("operation", UNKNOWN)
def test_an_operation_without_a_rule_is_named_and_never_counts_as_nothing(operation: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        counted(lambda: Function(UNKNOWN[operation]), 4, 4)
    assert str(refusal.value) == f"{operation} has no rule that counts it"


def test_a_rule_that_torch_learns_is_used() -> None:
    fft = torch.ops.aten._fft_r2c
    register_flop_formula(fft)(lambda x, *_, **__: 2 * 100)
    try:
        assert counted(lambda: Function(lambda x: torch.fft.rfft(x).real), 4, 4) == (100, 0, 12)
    finally:
        del flop_registry[fft]


def test_counting_leaves_the_module_and_torch_as_they_were() -> None:
    module, linear = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).train(), nn.functional.linear
    count_complexity(module, torch.zeros(1, 2))
    assert module.training
    assert nn.functional.linear is linear
