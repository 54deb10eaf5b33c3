from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.session import Session

Networks = Callable[..., Architecture]
Recipes = Callable[..., Recipe]


def session_of(architecture: Architecture, recipe: Recipe) -> Session:
    return Session(architecture, recipe, 1, open_batches(recipe, 1, torch.device("cpu")), Group())


def test_the_average_of_weights_by_hand(tiny: Networks, digits: Recipes) -> None:
    session = session_of(tiny(), digits(ema=0.75))
    expected: torch.Tensor | None = None
    for step in range(1, 5):
        session.train_steps(step)
        weight = session.model.get_parameter("head.fc.weight").detach().clone()
        expected = weight if expected is None else 0.75 * expected + 0.25 * weight
        assert session.average is not None
        torch.testing.assert_close(session.average.module.get_parameter("head.fc.weight").detach(), expected)


def test_nesterov_steps_by_hand(tiny: Networks, digits: Recipes) -> None:
    recipe = digits(optimiser__weight_decay=0.01)
    session = session_of(tiny(), recipe)
    images = [batch for _, batch in zip(range(2), session.batches.training(0), strict=False)]
    reference = session_of(tiny(), recipe).model
    weight, velocity = reference.get_parameter("head.fc.bias"), torch.zeros(10)
    for step, (planes, targets) in enumerate(images):
        # warm-up of one epoch, 18 steps, from a tenth; the cosine over 54 steps
        lr = 0.1 * (0.1 + 0.9 * step / 18) * (1 + torch.tensor(torch.pi * step / 54).cos().item()) / 2
        if step == 0:
            nn.functional.cross_entropy(reference(planes), targets).backward()  # type: ignore[no-untyped-call]
            assert weight.grad is not None
            gradient = weight.grad + 0.01 * weight.detach()
            velocity = 0.9 * velocity + gradient
            expected = weight.detach() - lr * (gradient + 0.9 * velocity)
            session.train_steps(1)
            torch.testing.assert_close(session.model.get_parameter("head.fc.bias").detach(), expected)
        session.train_steps(step + 1)
        assert session.optimiser.param_groups[0]["lr"] == pytest.approx(lr)


def test_micro_batches_sum_to_the_gradient_of_the_batch(tiny: Networks, digits: Recipes) -> None:
    """Without batch norm, whose statistics are of each pass, the parts make the whole."""
    weights = []
    for micro in (None, 16):
        session = session_of(tiny(), digits(micro_batch_size=micro))
        session.model.eval()
        session.model.train = lambda mode=True: session.model  # type: ignore[method-assign]  # noqa: B023
        session.train_steps(3)
        weights.append(session.model.get_parameter("head.fc.weight").detach())
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped_to_the_norm(tiny: Networks, digits: Recipes) -> None:
    options = {"optimiser__momentum": 0, "optimiser__nesterov": False, "optimiser__weight_decay": 0}
    session = session_of(tiny(), digits(clip_gradient=0.01, schedule__warmup_epochs=0, **options))
    before = torch.cat([p.detach().flatten().clone() for p in session.model.parameters()])
    session.train_steps(1)
    after = torch.cat([p.detach().flatten() for p in session.model.parameters()])
    assert (before - after).norm().item() == pytest.approx(0.1 * 0.01, rel=1e-3)
