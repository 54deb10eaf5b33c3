from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from dsx.base.errors import DsxError
from dsx.networks.architecture import Architecture
from dsx.networks.complexity import complexity
from dsx.recipes.recipe import Recipe, load_recipe
from dsx.training import session as sessions
from dsx.training.data.noise import NoiseBatches
from dsx.training.preflight import preflight


def family(tiny: Callable[..., Architecture]) -> list[Architecture]:
    """Five networks that differ in the width of the last stage."""
    base = tiny().to_dict()
    return [
        Architecture.from_dict({**base, "stages": [base["stages"][0], {**base["stages"][1], "width": width}]})
        for width in (16, 8, 32, 24, 12)
    ]


def test_smallest_median_and_largest_are_measured(
    tiny: Callable[..., Architecture], digits: Callable[..., Recipe]
) -> None:
    networks = family(tiny)
    flops = [complexity(network, 8).flops for network in networks]
    found = preflight(networks, digits(), "cpu", steps=3, threads=1, replicates=2)
    assert [(row.which, row.flops) for row in found.rows] == [
        ("smallest", min(flops)),
        ("median", sorted(flops)[2]),
        ("largest", max(flops)),
    ]
    hours = [row.device_hours for row in found.rows]
    expected = 2 * np.interp(flops, [row.flops for row in found.rows], np.array(hours, dtype=float)).sum()
    assert found.device_hours == pytest.approx(expected)
    assert found.wall_hours(4) == pytest.approx(expected / 4)
    for row in found.rows:
        assert row.images_per_second is not None
        assert row.device_hours == pytest.approx(3 * (18 * 64 + 599 / 3) / row.images_per_second / 3600)
        assert row.waiting is not None
        assert 0 <= row.waiting < 1


def test_a_network_that_does_not_fit_in_memory_is_said(
    tiny: Callable[..., Architecture], digits: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(sessions.Session, "_backward", full)
    found = preflight([tiny()], digits(), "cpu", steps=2, threads=1)
    assert found.device_hours is None
    assert found.rows[0].note.startswith("out of memory")


@pytest.mark.slow
def test_where_the_images_are_not_here_noise_of_their_number_is_timed(
    tiny: Callable[..., Architecture],
) -> None:
    colour = Architecture.from_dict({**tiny().to_dict(), "in_channels": 3})
    found = preflight([colour], load_recipe("cifar10_100ep", {"data.root": "/nowhere"}), "cpu", threads=1)
    assert found.note == "cifar10 is not at data.root /nowhere: timed on noise, without reading images"
    (row,) = found.rows
    assert row.images_per_second is not None
    images = 50_000 // 98 * 98 + 10_000 / 3  # as many of 32×32 a step as have the pixels of two of 224×224
    assert row.device_hours == pytest.approx(100 * images / row.images_per_second / 3600)


@pytest.mark.slow
@pytest.mark.parametrize("finite", [0, 1], ids=["from the first step", "after one"])
def test_noise_that_makes_a_network_diverge_is_timed_all_the_same(
    tiny: Callable[..., Architecture], monkeypatch: pytest.MonkeyPatch, finite: int
) -> None:
    lost = NoiseBatches.training

    def diverging(batches: NoiseBatches, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        for step, (images, labels) in enumerate(lost(batches, epoch, first_step), start=first_step):
            yield (images if step < finite else images * float("inf")), labels

    monkeypatch.setattr(NoiseBatches, "training", diverging)
    colour = Architecture.from_dict({**tiny().to_dict(), "in_channels": 3})
    (row,) = preflight([colour], load_recipe("cifar10_100ep", {"data.root": "/nowhere"}), "cpu", threads=1).rows
    assert row.images_per_second is not None
    assert row.images_per_second > 0


def test_no_networks_and_wrong_networks_are_refused(
    tiny: Callable[..., Architecture], digits: Callable[..., Recipe]
) -> None:
    with pytest.raises(DsxError, match="nothing to time"):
        preflight([], digits(), "cpu")
    with pytest.raises(DsxError, match="in_channels 3"):
        preflight([tiny(in_channels=3)], digits(), "cpu")


def test_what_the_compiler_costs_and_brings_is_measured(
    tiny: Callable[..., Architecture], digits: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(network: Callable[..., object]) -> Callable[..., object]:
        calls = []

        def call(*args: object, **options: object) -> object:
            time.sleep(0.02 if calls else 0.3)  # the first call compiles
            calls.append(1)
            return network(*args, **options)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    found = preflight([tiny()], digits(compile=True), "cpu", steps=3, threads=1)
    (row,) = found.rows
    assert row.images_per_second is not None
    assert row.device_hours is not None
    assert found.plain is not None
    assert found.plain.device_hours is not None
    assert row.compiling_s >= 0.32
    seconds = 3 * (18 * 64 + 599 / 3) / row.images_per_second + row.compiling_s
    assert row.device_hours == pytest.approx(seconds / 3600)
    assert found.plain.compiling_s == 0
    assert found.plain.device_hours < row.device_hours
    assert preflight([tiny()], digits(), "cpu", steps=1, threads=1).plain is None
