"""One space at several scales."""

from __future__ import annotations

import numpy as np
import pytest
from report.conftest import made_up

from dsx.analysis import best_range
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.trends import EXHIBIT


def test_two_spaces_are_no_scales_of_one(computed):
    assert computed(EXHIBIT) == []


def test_three_studies_or_more_make_a_sequence_in_the_order_in_which_they_are_given(inquiry):
    several = Inquiry([*inquiry.studies, made_up("C", n=30, space="AnyNetXE-digits")])
    (each,) = EXHIBIT.compute(several)
    assert each.values["regime"] == "order of the studies"
    assert set(each.tables) == {"", "_errors"}
    errors = each.tables["_errors"].set_index("study")
    assert errors["regime"].to_dict() == {"A": 1, "E": 2, "C": 3}
    for name, models in several.models.items():
        assert errors.loc[name, "mean_error"] == pytest.approx(models["error"].mean())
    depth = each.main[each.main["parameter"] == "total_depth"].set_index("study")
    models = several.models["E"]
    low, median, high = best_range(models["total_depth"], models["error"])
    assert depth.loc["E", ["low", "median", "high"]].tolist() == [low, median, high]
    # group widths differ by stage in A alone
    assert "group_width" not in set(each.main["parameter"])
    axes = EXHIBIT.draw(each, None)
    assert len(axes.child_axes) == 1 + each.main["parameter"].nunique()
    assert "1 A 24, 2 E 23, 3 C 30" in axes.get_title(loc="left")
    assert axes.child_axes[0].get_xticks().tolist() == [1, 2, 3]


@pytest.mark.slow
def test_a_scale_has_log_axes_with_ticks_at_the_studies_and_the_fitted_line():
    scales = Inquiry([made_up(f"{epochs} epochs", n=24 + epochs, epochs=epochs) for epochs in (4, 8, 32)])
    (each,) = EXHIBIT.compute(scales)
    error, depth = EXHIBIT.draw(each, None).child_axes[:2]
    for axes in (error, depth):
        assert axes.get_xscale() == "log"
        assert axes.get_xticks().tolist() == [4, 8, 32]
    fit = each.tables["_fits"].iloc[0]
    line = next(line for line in depth.lines if line.get_label() == "line through the medians")
    assert line.get_ydata()[0] == pytest.approx(np.exp(fit["intercept"] + fit["slope"] * np.log(4)))


def test_of_one_space_trained_for_longer_the_best_ranges_are_followed():
    scales = Inquiry([made_up("short", epochs=8), made_up("long", n=32, epochs=16)])
    (each,) = EXHIBIT.compute(scales)
    assert each.values["regime"] == "epochs"
    assert set(each.main["regime"]) == {8.0, 16.0}
    assert "slope" in each.tables["_fits"].columns
    assert EXHIBIT.section([each], scales).heading == "Trends"
