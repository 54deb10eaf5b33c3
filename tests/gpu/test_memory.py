"""Memory of the GPU: what is recorded of it, and what happens where it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.faults import OutOfMemory
from dsx.training.preflight import preflight
from dsx.training.result import Result
from dsx.training.session import Session
from dsx.training.trainer import torch_settings, train

from gpu_data import digits, gpu, make_cifar, network

WIDE = Architecture(
    stem=Stem(type="cifar", width=64),
    stages=tuple(Stage(block="x", depth=1, width=w, stride=s, group_width=16) for w, s in ((64, 1), (128, 2))),
    num_classes=10,
)
DEEP = Architecture(
    stem=Stem(type="cifar", width=64),
    stages=(Stage(block="x", depth=8, width=64, stride=1, group_width=64),),
    num_classes=10,
)
BATCH = 1024


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recipe]:
    """wide(**overrides): one epoch of one step of 1,024 images, which takes gigabytes."""
    root = make_cifar(tmp_path_factory.mktemp("cifar"), 1500)

    def make(**overrides: object) -> Recipe:
        # deterministic: the library's trials of ways to convolve would take memory of their own
        options = {"data.root": str(root), "epochs": 1, "batch_size": BATCH, "deterministic": True}
        return load_recipe("cifar10", options | overrides)

    return make


def trained(recipe: Recipe, folder: Path | None = None) -> Result:
    torch.cuda.empty_cache()
    return train(WIDE, recipe, seed=1, folder=folder, device="cuda")


def limit_memory(limit: float) -> None:
    """Let this process have so many bytes of the GPU."""
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() < limit
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)


def test_the_peak_is_what_the_allocator_saw() -> None:
    result = train(network(), digits(), seed=1, device="cuda")
    assert result.peak_memory_bytes == torch.cuda.max_memory_allocated()
    hoard = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    assert torch.cuda.max_memory_allocated() >= hoard.numel()
    del hoard
    again = train(network(), digits(), seed=1, device="cuda")
    assert again.peak_memory_bytes is not None
    assert again.peak_memory_bytes < 2**28, "another's peak was counted"


def test_smaller_passes_need_less(wide: Callable[..., Recipe]) -> None:
    whole, parts = (trained(wide(**options)).peak_memory_bytes for options in ({}, {"micro_batch_size": BATCH // 4}))
    assert whole is not None
    assert parts is not None
    assert parts < 0.6 * whole


def kept_and_peak(recipe: Recipe) -> tuple[int, int]:
    """Bytes held between the forward and the backward pass of DEEP, and the most during two steps."""
    torch.cuda.empty_cache()
    with torch_settings(recipe, gpu(), None):
        session = Session(DEEP, recipe, 1, open_batches(recipe, 1, gpu()), Group())
        session.train_steps(1)  # what is set up once
        images, _ = next(session.batches.training(0))
        before = torch.cuda.memory_allocated()
        held = session.model(images)
        kept = torch.cuda.memory_allocated() - before
        del held, images
        torch.cuda.reset_peak_memory_stats()
        session.train_steps(3)
    return kept, torch.cuda.max_memory_allocated()


def test_recomputing_needs_less(wide: Callable[..., Recipe]) -> None:
    """Of eight blocks' seven images, two each are not kept; a block's own pass needs them for a moment.

    A network of one block has no lower peak: it comes where that block's images are there in either case, beside the
    library's workspace for a convolution.
    """
    options = {"batch_size": 256}
    (kept, peak), (kept_saving, peak_saving) = (kept_and_peak(wide(**options, save_memory=s)) for s in (False, True))
    print(f"kept {kept / 2**20:,.0f} and {kept_saving / 2**20:,.0f} MiB")
    print(f"peak {peak / 2**20:,.0f} and {peak_saving / 2**20:,.0f} MiB")
    assert kept_saving < 0.8 * kept
    assert peak_saving < peak - 0.5 * (kept - kept_saving)


@pytest.mark.parametrize("precise_bn", [0, 2 * BATCH], ids=["evaluation", "precise batch norm"])
def test_passes_without_gradients_shrink_too(precise_bn: int, tmp_path: Path) -> None:
    """Memory is that of an eighth of a batch and half as much; evaluation begins with all 614 images at once."""
    options = {"data.root": str(make_cifar(tmp_path / "images", 3 * BATCH)), "epochs": 1, "batch_size": BATCH}
    options |= {"deterministic": True, "precise_bn": precise_bn, "on_out_of_memory": "accumulate"}
    eighth = trained(load_recipe("cifar10", options | {"micro_batch_size": BATCH // 8})).peak_memory_bytes
    assert eighth is not None
    limit_memory(1.5 * eighth)
    result = trained(load_recipe("cifar10", options), tmp_path / "model")
    assert result.state == "done"
    assert result.effective_recipe["micro_batch_size"] <= BATCH // 4


def test_out_of_memory_goes_on_with_smaller_passes(wide: Callable[..., Recipe], tmp_path: Path) -> None:
    whole, quarter = (trained(wide(micro_batch_size=size)).peak_memory_bytes for size in (BATCH, BATCH // 4))
    assert whole is not None
    assert quarter is not None
    assert 2 * quarter < 0.8 * whole, "the network is too small for this test"
    limit_memory(2 * quarter)
    result = trained(wide(on_out_of_memory="accumulate"), tmp_path)
    assert result.state == "done"
    assert result.effective_recipe["micro_batch_size"] in (BATCH // 2, BATCH // 4, BATCH // 8)
    assert result.peak_memory_bytes is not None
    assert result.peak_memory_bytes <= 2 * quarter
    # the folder's result stands, whatever size of pass it ended with
    assert trained(wide(on_out_of_memory="accumulate"), tmp_path).ended == result.ended


def test_out_of_memory_fails_with_the_peak_where_the_recipe_says_so(wide: Callable[..., Recipe]) -> None:
    quarter = trained(wide(micro_batch_size=BATCH // 4)).peak_memory_bytes
    assert quarter is not None
    limit_memory(2 * quarter)
    with pytest.raises(
        OutOfMemory, match=r"out of memory in epoch 1 \(peak [\d,]+ MiB\): CUDA out of memory"
    ) as raised:
        trained(wide())
    assert raised.value.peak_memory_bytes is not None
    del raised
    torch.cuda.set_per_process_memory_fraction(1.0)
    assert trained(wide(micro_batch_size=BATCH // 4)).state == "done", "the process can train on after it"


def test_preflight_says_what_does_not_fit(wide: Callable[..., Recipe]) -> None:
    rows = preflight([network(3, 10, 8)], wide(), "cuda", steps=1).rows
    peak = rows[0].peak_memory_bytes
    assert peak is not None
    assert 2**24 < peak < 2**36
    quarter = trained(wide(micro_batch_size=BATCH // 4)).peak_memory_bytes
    assert quarter is not None
    limit_memory(1.2 * quarter)
    found = preflight([WIDE], wide(), "cuda", steps=1)
    assert found.device_hours is None
    assert found.rows[0].note == "out of memory: use a smaller batch_size or micro_batch_size"
