"""Memory of the GPU: what is recorded of it, and what happens where it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training.faults import OutOfMemory
from dsx.training.preflight import preflight
from dsx.training.result import Result
from dsx.training.trainer import train

from gpu_data import digits, make_cifar, network

WIDE = Architecture(
    stem=Stem(type="cifar", width=64),
    stages=tuple(Stage(block="x", depth=1, width=w, stride=s, group_width=16) for w, s in ((64, 1), (128, 2))),
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


def test_smaller_passes_and_recomputing_need_less(wide: Callable[..., Recipe]) -> None:
    whole, parts, saving = (
        trained(wide(**options)).peak_memory_bytes
        for options in ({}, {"micro_batch_size": BATCH // 4}, {"save_memory": True})
    )
    assert whole is not None
    assert parts is not None
    assert saving is not None
    assert parts < 0.6 * whole
    assert saving < 0.97 * whole


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
