from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe
from dsx.training import fused
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.fused import FusedSequential, fuse
from dsx.training.session import Session


def network(block: str = "x", **changes: Any) -> Architecture:
    """Two stages of two blocks; inputs (n, 3, 16, 16)."""
    stages = tuple(
        Stage(block=block, depth=2, width=w, stride=s, group_width=8 if block == "x" else None, **changes)
        for w, s in ((16, 1), (32, 2))
    )
    return Architecture(stem=Stem(type="cifar", width=16), stages=stages, num_classes=10)


def pair(architecture: Architecture, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    plain = build(architecture).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast = copy.deepcopy(plain)
    fuse(fast)
    return plain, fast


def images(n: int = 6) -> Tensor:
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def kept_bytes(run: Callable[[], Tensor]) -> int:
    """Bytes of all tensors that the graph keeps, each storage once."""
    kept: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held = run()  # holding the output keeps every storage alive, so that none is used twice
    assert held.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize(
    "architecture",
    [network(), network(se_ratio=0.25), network("vanilla"), network("basic"), network("r", bottleneck_ratio=2)],
    ids=lambda architecture: f"{architecture.stages[0].block}{architecture.stages[0].se_ratio or ''}",
)
def test_outputs_gradients_and_statistics_are_those_of_the_plain_network(architecture: Architecture) -> None:
    plain, fast = pair(architecture)
    assert any(type(module) is FusedSequential for module in fast.modules())
    for step in range(2):
        outputs = [model(images() + step) for model in (plain, fast)]
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-9, atol=1e-9)
        for output in outputs:
            output.square().sum().backward()
    for (name, expected), found in zip(plain.named_parameters(), fast.parameters(), strict=True):
        assert expected.grad is not None
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-7, atol=1e-7, msg=name)
    assert plain.state_dict().keys() == fast.state_dict().keys()
    for name, buffer in plain.named_buffers():
        torch.testing.assert_close(fast.get_buffer(name), buffer, rtol=1e-9, atol=1e-9, msg=name)


def test_of_seven_images_of_a_block_two_are_not_kept() -> None:
    """A block without projection keeps input, output, three conv outputs and two ReLU outputs; the last two can go."""
    image = 16 * 16 * 16 * 8 * 6  # width 16, 16×16 pixels, float64, batch of 6
    plain, fast = pair(network())
    features = [model.stem(images()).detach() for model in (plain, fast)]  # type: ignore[operator]
    kept = [
        kept_bytes(lambda model=model, x=x: model.s1.b2(x).sum())  # type: ignore[misc]
        for model, x in zip((plain, fast), features, strict=True)
    ]
    rest = [bytes_ - count * image for bytes_, count in zip(kept, (7, 5), strict=True)]
    assert all(0 <= weights < image // 2 for weights in rest), kept


@pytest.mark.slow
def test_gradients_by_differences() -> None:
    _, fast = pair(network())
    branch = fast.get_submodule("s1.b1.f")
    x = torch.randn(2, 16, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: branch(x), (x,), nondet_tol=1e-9)


def test_frozen_convolutions_get_no_gradient() -> None:
    plain, fast = pair(network())
    for model in (plain, fast):
        model.s1.b1.f.b.weight.requires_grad_(False)  # type: ignore[union-attr]
        model(images()).square().sum().backward()
    assert fast.s1.b1.f.b.weight.grad is None  # type: ignore[union-attr]
    torch.testing.assert_close(fast.stem.conv.weight.grad, plain.stem.conv.weight.grad)  # type: ignore[union-attr]


def test_hooks_evaluation_and_autocast_see_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluation is to the bit that of the plain network, and a hook on any module is called."""
    plain, fast = pair(network(), torch.float32)
    x = images().float()
    seen: list[int] = []
    handle = fast.s1.b1.f.b.register_forward_hook(lambda *_: seen.append(1))  # type: ignore[union-attr]
    fast(x)
    handle.remove()
    assert seen == [1]
    with torch.no_grad():
        plain(x)
    for model in (plain, fast):
        model.eval()
    assert torch.equal(plain(x), fast(x))
    calls: list[int] = []
    monkeypatch.setattr(fused._NormReluConv, "apply", lambda *_: calls.append(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fast.train().forward(x)
    assert not calls


def test_a_recipe_may_ask_for_it(digits: Callable[..., Recipe], tiny: Callable[..., Architecture]) -> None:
    """The same training, to rounding, with the same identity: a study may be resumed either way."""
    plain, saving = digits(), digits(save_memory=True)
    assert plain.recipe_id == saving.recipe_id
    losses = []
    for recipe in (plain, saving):
        session = Session(tiny(), recipe, 1, open_batches(recipe, 1, torch.device("cpu")), Group())
        session.train_steps(3)
        losses.append(session.sums[0].item())
        assert any(type(module) is FusedSequential for module in session.model.modules()) == recipe.save_memory
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
