"""Quantities are what their names say, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import dsx
from dsx.narrowing.quantities import quantities, quantity_table
from dsx.networks.complexity import layers


def table(space: dsx.Space, population: dsx.Population) -> dict[str, np.ndarray]:
    listed = quantities(space)
    return dict(zip([q.name for q in listed], quantity_table(space, population.settings, listed).T, strict=True))


def test_quantities_of_stages_are_what_the_networks_have() -> None:
    space = dsx.load_space("AnyNetXA-digits")
    population = dsx.sample(space, n=15, seed=0)
    values = table(space, population)
    for i, model in enumerate(population):
        stages = model.architecture.stages
        depths, widths = [s.depth for s in stages], [model.setting[f"width_{k}"] for k in range(1, 5)]
        assert values["total depth"][i] == sum(depths)
        assert values["lowest depth"][i] == min(depths)
        assert values["highest width"][i] == max(widths)
        assert values["width of stage 2"][i] == widths[1]
        assert values["width steps up"][i] == pytest.approx(np.mean(np.diff(widths) >= 0))
        assert values["width steps down"][i] == pytest.approx(np.mean(np.diff(widths) <= 0))
        assert values["last width over first"][i] == stages[-1].width / stages[0].width
        rows = list(layers(model.architecture, 8))
        flops = [sum(r.complexity.flops for r in rows if r.stage == f"stage {k}") for k in range(1, 5)]
        assert values["share of flops of stage 3"][i] == pytest.approx(flops[2] / sum(flops))


def test_a_parameter_of_the_network_is_its_own_quantity_and_text_is_none() -> None:
    names = [q.name for q in quantities(dsx.load_space("RegNetX"))]
    assert {"depth", "w0", "wa", "wm", "group_width", "last width over first"} <= set(names)
    assert "bottleneck_ratio" not in names  # fixed at 1
    assert "total depth" not in names  # it is the parameter
    blocks = dsx.load_space(
        "NDS-ResNet", {"parameters.stem_type": {"distribution": "choice", "values": ["cifar", "simple"]}}
    )
    assert "stem_type" not in [q.name for q in quantities(blocks)]


def test_orders_that_a_space_has_are_not_looked_at_again() -> None:
    names = [q.name for q in quantities(dsx.load_space("AnyNetXE"))]
    assert "width steps up" not in names
    assert "depth steps down" not in names


@pytest.mark.slow
def test_stages_that_a_network_lacks_count_nowhere() -> None:
    overrides = {"parameters.stages": {"distribution": "choice", "values": [2, 4]}, "constraints.flops": "100k:10M"}
    space = dsx.load_space("AnyNetXA-digits", {**overrides, "strides": 1})
    population = dsx.sample(space, n=20, seed=0)
    values = table(space, population)
    for i, model in enumerate(population):
        stages = model.architecture.stages
        assert values["lowest depth"][i] == min(s.depth for s in stages)
        assert values["last width over first"][i] == stages[-1].width / stages[0].width
        assert np.isnan(values["share of flops of stage 4"][i]) == (len(stages) == 2)
