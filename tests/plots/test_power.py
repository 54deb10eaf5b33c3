"""Power curves of a plan."""

from __future__ import annotations

import numpy as np
import pytest

from dsx import plots
from dsx.analysis.power import PowerCurve, power_curve


@pytest.fixture(scope="module")
def pilots() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(5, 1, 30), rng.normal(5.5, 1, 30)]


def curve(pilots: list[np.ndarray], looks: str, difference: float | None = None) -> PowerCurve:
    return power_curve(pilots, [4, 16, 64], difference, looks=looks)  # type: ignore[arg-type]


@pytest.mark.slow
def test_curves_are_drawn_with_the_range_that_the_pilots_leave_open(pilots: list[np.ndarray], text_of) -> None:
    one, any_look = curve(pilots, "one"), curve(pilots, "any")
    ax = plots.power({"the pilots' own": [any_look, one]}, aim=0.8, notes=["by resampling A: 30 models"])
    first, second, aim = ax.lines
    assert first.get_ydata().tolist() == any_look.power.tolist()
    assert second.get_ydata().tolist() == one.power.tolist()
    assert second.get_xdata().tolist() == [4, 16, 64]
    assert set(aim.get_ydata()) == {0.8}
    (band,) = ax.collections
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(one.high.max())
    told = text_of(ax)
    assert "the pilots' own, at any look" in told
    assert "shaded: what the pilots leave open" in told
    assert "0.8, which is aimed at" in told
    assert "by resampling A: 30 models" in told


def test_of_several_differences_no_range_is_drawn(pilots: list[np.ndarray], text_of) -> None:
    ax = plots.power({f"{d} points": [curve(pilots, "one", d)] for d in (0.5, 1.0)})
    assert not ax.collections
    assert "shaded" not in text_of(ax)
