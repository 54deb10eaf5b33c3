"""Latency by a model of a device: what it adds up, that it finds a known device, and what is held out."""

from __future__ import annotations

import numpy as np
import pytest

import dsx as dsx_api
from dsx.base.errors import DsxError
from dsx.networks.architecture import Architecture, ArchitectureTable, Stage, Stem
from dsx.networks.complexity import complexity, layers
from dsx.networks.latency import FEATURES, KINDS, DeviceModel, fit_device, latency_features

FACTS = {"device": "cpu", "name": "cpu", "threads": 1, "dtype": "float32", "batch_size": 1, "resolution": 8}
FACTS |= {"torch_version": "2"}


@pytest.fixture(scope="module")
def table() -> ArchitectureTable:
    space = dsx_api.load_space("AnyNetXA-digits", {"constraints.flops": None})
    return ArchitectureTable.of([model.architecture for model in dsx_api.sample(space, 120)])


def test_features_are_those_of_the_layers_one_by_one():
    stages = (Stage(depth=2, width=8, stride=1, group_width=4), Stage(depth=1, width=16, stride=2, group_width=8))
    network = Architecture(stem=Stem(type="cifar", width=8), stages=stages, num_classes=10, in_channels=1)
    (row,) = latency_features(ArchitectureTable.of([network]), 8)
    found = dict(zip(KINDS, row[1:].reshape(len(KINDS), len(FEATURES)).tolist(), strict=True))
    listed = list(layers(network, 8))
    grouped = [layer for layer in listed if layer.kernel == 3 and layer.stage != "stem"]
    flops = sum(layer.complexity.flops for layer in grouped)
    assert found["grouped"][:2] == [3, flops]
    assert found["grouped"][2] == 9 * sum(layer.complexity.acts for layer in grouped)
    assert found["pooled"] == [1, 160, 10, 16, 160]
    assert found["spatial"] == [1, 9 * 8 * 64, 9 * 8 * 64, 64, 72]
    # all multiply-adds but the classifier's bias, which comes for nothing
    assert sum(values[1] for values in found.values()) == complexity(network, 8).flops - 10
    assert row[0] == 1


def test_a_device_that_is_of_this_kind_is_found(table):
    truth = DeviceModel(
        **FACTS, networks=1, held_out_pct=(0, 0), constant_ms=0.4,
        ms={"grouped": {"layers": 0.05, "taps": 2e-6}, "pointwise": {"flops": 1e-6, "layers": 0.02}},
    )  # fmt: skip
    measured = truth.latency_ms(table, 8)
    device = fit_device(latency_features(table, 8), measured, FACTS)
    assert device.networks == 120
    assert max(device.held_out_pct) < 0.1
    np.testing.assert_allclose(device.latency_ms(table, 8), measured, rtol=1e-3)
    assert DeviceModel.from_dict(device.to_dict()) == device


def test_the_held_out_error_is_that_of_networks_that_were_not_fitted(table):
    """Noise of 10 % on every measurement cannot be foretold: its median size, 6.7 %, stays, whatever is fitted."""
    noise = np.random.default_rng(0).normal(1, 0.1, len(table)).clip(0.5)
    measured = (1 + latency_features(table, 8)[:, 1:].sum(axis=1) * 1e-6) * noise
    median, high = fit_device(latency_features(table, 8), measured, FACTS).held_out_pct
    assert 5 < median < 11
    assert 12 < high < 30


def test_too_few_networks_are_refused(table):
    with pytest.raises(DsxError) as refusal:
        fit_device(latency_features(table, 8)[:19], np.ones(19), FACTS)
    assert str(refusal.value) == "19 networks are too few to fit a device by: measure at least 20"
