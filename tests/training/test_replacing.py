"""Layers are replaced in their places, and nothing is drawn meanwhile."""

from __future__ import annotations

import torch
from torch import nn

from dsx.training.replacing import replace_layers


def relu_for_tanh(layer: nn.Module) -> nn.Module | None:
    return nn.ReLU() if isinstance(layer, nn.Tanh) else None


def test_names_order_and_mode_stay() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Sequential(nn.Tanh(), nn.Linear(2, 2))).eval()
    names = [name for name, _ in model.named_modules()]
    replace_layers(model, relu_for_tanh)
    assert [name for name, _ in model.named_modules()] == names
    assert [type(layer) for layer in (model[1], model[2][0])] == [nn.ReLU, nn.ReLU]
    assert not any(layer.training for layer in model.modules())


def test_a_layer_that_stands_in_two_places_is_replaced_in_both() -> None:
    shared = nn.Tanh()
    model = nn.ModuleDict({"a": nn.Sequential(shared), "b": nn.Sequential(shared)})
    replace_layers(model, relu_for_tanh)
    assert not any(isinstance(layer, nn.Tanh) for layer in model.modules())


def test_random_numbers_are_not_touched_by_faster_convolutions() -> None:
    from dsx.training.fused import fuse
    from dsx.training.pointwise import use_products

    model = nn.Sequential(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 1, bias=False)))
    before = torch.get_rng_state()
    use_products(model)
    fuse(model)
    assert torch.equal(torch.get_rng_state(), before)
