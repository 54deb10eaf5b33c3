"""Layers of a network taken for others that compute the same: weights, names and their order stay as they are."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def replace_layers(model: nn.Module, equivalent: Callable[[nn.Module], nn.Module | None]) -> None:
    """Put what `equivalent` gives for a layer below the model in its place; None leaves it.

    The new layer takes on training mode. The model itself is not replaced, nor what lies inside a replaced layer.
    """
    for name, layer in list(model.named_children()):
        other = equivalent(layer)
        if other is None:
            replace_layers(layer, equivalent)
        else:
            model.add_module(name, other.train(layer.training))
