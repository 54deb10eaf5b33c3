"""Errors on the evaluation images, and exact batch-norm statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
from dsx.training.data.batches import Batches
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.evaluation import evaluate, precise_batch_norm
from dsx.training.session import Session

Networks = Callable[..., Architecture]
Recipes = Callable[..., Recipe]


def session_of(architecture: Architecture, recipe: Recipe) -> Session:
    return Session(architecture, recipe, 1, open_batches(recipe, 1, torch.device("cpu")), Group())


def batches(*parts: tuple[list[list[float]], list[int]]) -> Batches:
    """A source whose images are the logits themselves."""

    def evaluation() -> Iterator[tuple[Tensor, Tensor]]:
        for logits, targets in parts:
            yield torch.tensor(logits), torch.tensor(targets)

    return cast(Batches, SimpleNamespace(device=torch.device("cpu"), evaluation=evaluation))


@pytest.mark.slow
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


def test_a_single_image_more_or_less_weighs_as_an_image_not_as_a_batch() -> None:
    """Three of four are right: the batches are of three and of one."""
    right = [9.0, 0.0, 0.0]
    found = evaluate(nn.Identity(), batches(([right] * 3, [0, 0, 0]), ([right], [1])), Group())
    assert found["error"] == pytest.approx(25.0)
    assert found["loss"] == pytest.approx(9.0 / 4, abs=1e-3)
    assert found["error_top5"] == pytest.approx(0.0)  # of three classes, the best five are all


def test_top5_takes_the_five_best_of_many_classes() -> None:
    falling = [float(-i) for i in range(8)]
    found = evaluate(nn.Identity(), batches(([falling] * 8, list(range(8)))), Group())
    assert (found["error"], found["error_top5"]) == (pytest.approx(87.5), pytest.approx(37.5))


def test_without_a_readable_image_every_answer_is_wrong() -> None:
    assert evaluate(nn.Identity(), batches(), Group()) == {"loss": 0.0, "error": 100.0, "error_top5": 100.0}


def test_sums_are_those_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process has three wrong images; its loss is 1 each."""
    other = torch.tensor([3.0, 0.0, 0.0, 3.0], dtype=torch.float64)
    group = cast(Group, SimpleNamespace(sum=lambda values: values + other))
    logits: list[list[float]] = [[0.0, 50.0]]
    found = evaluate(nn.Identity(), batches((logits, [1])), group)
    assert found["error"] == pytest.approx(75.0)
    assert found["loss"] == pytest.approx(0.75)


def test_the_model_is_evaluated_with_its_running_statistics(tiny: Networks, digits: Recipes) -> None:
    session = session_of(tiny(), digits())
    session.model.train()
    before = {name: buffer.clone() for name, buffer in session.model.named_buffers()}
    evaluate(session.model, session.batches, Group())
    assert not session.model.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in session.model.named_buffers())


@pytest.mark.parametrize(("images", "micro", "passes"), [(1, None, 1), (64, None, 1), (65, None, 2), (64, 16, 4)])
def test_statistics_are_of_as_many_passes_as_hold_the_images(
    tiny: Networks, digits: Recipes, images: int, micro: int | None, passes: int
) -> None:
    session = session_of(tiny(), digits())
    sizes: list[int] = []

    def look(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        sizes.append(len(inputs[0]))

    session.model.register_forward_pre_hook(look)
    precise_batch_norm(session.model, session.batches, images, 0, Group(), micro)
    assert sizes == [micro or 64] * passes


def test_more_images_than_an_epoch_has_are_an_epoch(tiny: Networks, digits: Recipes) -> None:
    session = session_of(tiny(), digits())
    sizes: list[int] = []
    session.model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    precise_batch_norm(session.model, session.batches, 10**6, 0, Group())
    assert sizes == [64] * 18
