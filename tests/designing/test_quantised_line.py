"""From AnyNet to RegNet: ranges from the fits of good models, and the rules that hold on."""

from __future__ import annotations

import numpy as np
import pytest

import dsx
from dsx.analysis.linear import linear_fits
from dsx.designing.quantised_line import quantised_line
from dsx.spaces.definition import Space

ORDERED = dsx.load_space("AnyNetXE-digits")


def results(space: Space, n: int = 80) -> object:
    """Models of the space: the smoother the steps of widths, the better."""
    table = dsx.sample(space, n, seed=2).table
    widths = table[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)
    return table.assign(error=np.abs(np.diff(np.log(widths), n=2, axis=1)).sum(axis=1), state="done")


def test_good_models_give_a_space_of_quantised_lines() -> None:
    table = results(ORDERED)
    line = quantised_line(ORDERED, table)
    assert line is not None
    space = line.applied(ORDERED, "line")
    assert space.family == "regnet"
    assert line.freedom == 4 + 4 - 4  # depth and width of each stage, for depth, w0, wa and wm
    assert line.simpler
    assert not line.exact
    assert set(space.parameters) == {"depth", "w0", "wa", "wm", "bottleneck_ratio", "group_width"}
    models = dsx.sample(space, 60, seed=1)
    stages = [model.architecture.stages for model in models]  # type: ignore[union-attr]
    widths, depths = (np.array([[getattr(s, k) for s in each] for each in stages]) for k in ("width", "depth"))
    assert (np.diff(depths, axis=1) >= 0).all()  # the order of AnyNetXE's depths holds on
    assert widths.max() <= 128
    assert 400e3 <= models.flops.min() <= models.flops.max() <= 600e3


def test_ranges_hold_most_of_the_fits_of_the_good_models() -> None:
    table = results(ORDERED)
    line = quantised_line(ORDERED, table)
    assert line is not None
    good = table.nsmallest(20, "error")  # type: ignore[attr-defined]
    widths = [
        np.repeat([row[f"width_{i}"] for i in range(1, 5)], [int(row[f"depth_{i}"]) for i in range(1, 5)])
        for _, row in good.iterrows()
    ]
    fits = [fit for fit in linear_fits(widths) if fit is not None]
    ranges = line.change["parameters"]
    for name in ("w0", "wm"):
        values = np.array([getattr(fit, name) for fit in fits])
        inside = (values >= ranges[name]["low"]) & (values <= ranges[name]["high"])
        assert inside.mean() >= 0.9, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AnyNetXC-digits", "RegNetX-digits"])
def test_only_spaces_of_ordered_widths_get_one(name: str) -> None:
    space = dsx.load_space(name)
    table = dsx.sample(space, 40, seed=2).table.assign(error=np.arange(40.0), state="done")
    assert quantised_line(space, table) is None


def test_inequalities_are_told_in_terms_of_the_finished_stages() -> None:
    rules = {"few": "sum(depth) <= 9", "wide": "width[3] >= 2 * width[0]", "group_width": "non_decreasing"}
    space = dsx.load_space("AnyNetXD-digits", {"rules": rules, "parameters.group_width.per": "stage"})
    line = quantised_line(space, results(space))
    assert line is not None
    texts = {name: rule for name, rule in line.applied(space).to_dict()["rules"].items() if isinstance(rule, str)}
    assert texts == {
        "widest": "max(stage_width) <= 128",
        "few": "total_depth <= 9",
        "wide": "stage_width[3] >= 2 * stage_width[0]",
    }
