"""Loss and optimiser of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from dsx.recipes.options import Optimiser
from dsx.recipes.recipe import Recipe
from dsx.training.data.augment import Mixed
from dsx.training.objective import loss_of, make_optimiser, parameter_groups

Recipes = Callable[..., Recipe]


def network() -> nn.Module:
    """Every kind of parameter: weights and biases of layers, and of three kinds of norms."""
    layers = [nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.GroupNorm(1, 2), nn.LayerNorm(2), nn.Linear(2, 2, bias=False)]
    return nn.Sequential(*layers)


def names(model: nn.Module, group: dict[str, Any]) -> set[str]:
    by_id = {id(parameter): name for name, parameter in model.named_parameters()}
    return {by_id[id(parameter)] for parameter in group["params"]}


def test_loss_of_smoothed_labels_by_hand() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]])
    batch = Mixed(torch.zeros(2, 1, 1, 1), torch.tensor([1, 0]))
    expected = 0.0
    for row, target in ((logits[0], 1), (logits[1], 0)):
        total = sum(math.exp(v) for v in row.tolist())
        for k, value in enumerate(row.tolist()):
            probability = 0.3 / 3 + (0.7 if k == target else 0.0)
            expected -= probability * (value - math.log(total)) / 2
    assert loss_of(logits, batch, 0.3).item() == pytest.approx(expected, rel=1e-6)


def test_loss_of_a_mixed_batch_by_hand() -> None:
    logits = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    batch = Mixed(torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]), torch.tensor([1, 0]), 0.25)

    def entropy(row: list[float], target: int) -> float:
        return math.log(sum(math.exp(v) for v in row)) - row[target]

    rows = logits.tolist()
    own = (entropy(rows[0], 0) + entropy(rows[1], 1)) / 2
    other = (entropy(rows[0], 1) + entropy(rows[1], 0)) / 2
    assert loss_of(logits, batch, 0.0).item() == pytest.approx(0.25 * own + 0.75 * other, rel=1e-6)


def test_the_loss_of_a_plain_batch_is_the_mean_over_its_images() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    by_hand = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
    batch = Mixed(torch.empty(0), torch.tensor([0, 0]))
    assert loss_of(logits, batch, 0.0).item() == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("norm", "bias", "exempt"),
    [
        (True, True, set()),
        (True, False, {"0.bias"}),
        (False, True, {"1.weight", "1.bias", "2.weight", "2.bias", "3.weight", "3.bias"}),
        (False, False, {"0.bias", "1.weight", "1.bias", "2.weight", "2.bias", "3.weight", "3.bias"}),
    ],
)
def test_decay_can_leave_out_norms_and_biases_of_every_kind(norm: bool, bias: bool, exempt: set[str]) -> None:
    model = network()
    groups = parameter_groups(model, Optimiser(weight_decay=0.1, decay_norm=norm, decay_bias=bias))
    found = {group["weight_decay"]: names(model, group) for group in groups}
    assert found.get(0.0, set()) == exempt
    assert found[0.1] == {name for name, _ in model.named_parameters()} - exempt


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        (
            {"optimiser__name": "sgd", "optimiser__momentum": 0.8, "optimiser__nesterov": False},
            torch.optim.SGD,
            {"momentum": 0.8, "nesterov": False},
        ),
        (
            {"optimiser__name": "adamw", "optimiser__betas": [0.8, 0.95], "optimiser__eps": 1e-6},
            torch.optim.AdamW,
            {"betas": (0.8, 0.95), "eps": 1e-6},
        ),
    ],
)
def test_the_optimiser_has_the_recipes_settings(
    digits: Recipes, options: dict[str, Any], kind: type, expected: dict[str, Any]
) -> None:
    """The learning rate is scaled with the batch: 64 images of 32."""
    recipe = digits(lr=0.3, lr_reference_batch=32, **options)
    optimiser = make_optimiser(network(), recipe)
    assert type(optimiser).__base__ is kind
    (group,) = optimiser.param_groups
    assert {key: group[key] for key in expected} == expected
    assert group["lr"] == pytest.approx(0.6)
    assert group["weight_decay"] == recipe.optimiser.weight_decay
    assert group["fused"]
