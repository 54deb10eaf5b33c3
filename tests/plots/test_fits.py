"""Lines through complexities, and trends over scales."""

from __future__ import annotations

from dsx import analysis, plots


def test_line_fit_shows_slope_interval_and_scaled_units(results, text_of):
    told = text_of(plots.line_fit(results, "flops", "acts", log=True))
    assert "log–log slope 0.50 (0.50 to 0.50); R² 1.00, n 59" in told
    assert "flops (G multiply-adds)" in told
    assert "activations (M)" in told
    rooted = text_of(plots.line_fit(results, "sqrt(flops)", "acts"))
    assert "slope 6.5 (6.5 to 6.5)" in rooted
    assert "√flops (flops in G multiply-adds)" in rooted


def test_all_curves_of_a_trend_share_the_unit_of_its_label(results):
    ax = plots.trend(analysis.trend({"A": results, "B": results.assign(flops=1e10)}, "flops", ["acts"]), "acts")
    assert ax.get_ylabel() == "activations (M)"
    assert ax.get_ylim()[1] < 20
