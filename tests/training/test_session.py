from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from dsx.networks.architecture import Architecture
from dsx.recipes.options import Optimiser
from dsx.recipes.recipe import Recipe
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.evaluation import evaluate, precise_batch_norm
from dsx.training.objective import parameter_groups
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


def test_weight_decay_can_leave_out_norms_and_biases(tiny: Networks, digits: Recipes) -> None:
    model = session_of(tiny(), digits()).model
    names = {id(p): name for name, p in model.named_parameters()}
    total = len(names)
    groups = parameter_groups(model, Optimiser(weight_decay=0.1, decay_norm=False, decay_bias=False))
    decayed, exempt = ([names[id(p)] for p in group["params"]] for group in groups)  # type: ignore[attr-defined]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert len(decayed) + len(exempt) == total
    assert all(name.endswith("weight") and "bn" not in name for name in decayed)
    assert "head.fc.bias" in exempt
    everything = parameter_groups(model, Optimiser(weight_decay=0.1))
    assert [len(group["params"]) for group in everything] == [total]  # type: ignore[arg-type]


def test_evaluation_equals_a_loop_over_single_images(tiny: Networks, digits: Recipes) -> None:
    session = session_of(tiny(), digits())
    session.train_steps(10)
    found = evaluate(session.model, session.batches, Group())
    session.model.eval()
    first = five = loss = 0.0
    count = 0
    with torch.no_grad():
        for images, targets in session.batches.evaluation():
            for image, target in zip(images, targets, strict=True):
                logits = session.model(image[None])[0]
                ranked = logits.argsort(descending=True).tolist()
                first += ranked[0] != int(target)
                five += int(target) not in ranked[:5]
                loss -= logits.log_softmax(0)[target].item()
                count += 1
    assert count == 599
    expected = {"loss": loss / count, "error": 100 * first / count, "error_top5": 100 * five / count}
    assert found == pytest.approx(expected, rel=1e-4)


def test_precise_batch_norm_is_the_mean_over_batches(tiny: Networks, digits: Recipes) -> None:
    session = session_of(tiny(), digits())
    session.train_steps(5)
    precise_batch_norm(session.model, session.batches, 128, 0, Group())
    conv, norm = next((a, b) for a, b in convs_and_norms(session.model))
    means, variances = [], []
    with torch.no_grad():
        for _, (images, _) in zip(range(2), session.batches.training(0), strict=False):
            out = conv(images)
            means.append(out.mean(dim=(0, 2, 3)))
            variances.append(out.var(dim=(0, 2, 3)))
    torch.testing.assert_close(norm.running_mean, sum(means) / 2, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, sum(variances) / 2, rtol=1e-4, atol=1e-5)
    assert norm.momentum == 0.1


def convs_and_norms(model: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The stem's, first: the only pair whose input is the image."""
    conv = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    return [(conv, next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d)))]
