"""What all figures promise: axes used and returned, settings left alone, clear errors, no empty plot."""

from __future__ import annotations

import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dsx import analysis, plots
from dsx.base.errors import DsxError

FIGURES = {
    "edf": lambda t, c, ax: plots.edf({"A": t}, ax=ax),
    "scatter": lambda t, c, ax: plots.scatter(t, "depth", ax=ax),
    "scatter of time": lambda t, c, ax: plots.scatter(t, "seconds", ax=ax),
    "pair_scatter": lambda t, c, ax: plots.pair_scatter(t, "depth", "width_1", ax=ax),
    "random_search": lambda t, c, ax: plots.random_search({"A": t}, ax=ax),
    "edf_difference": lambda t, c, ax: plots.edf_difference({"A": t, "B": t}, ax=ax),
    "line_fit": lambda t, c, ax: plots.line_fit(t, "flops", "acts", ax=ax, log=True),
    "sample_size": lambda t, c, ax: plots.sample_size(analysis.ks_by_sample_size(t), ax=ax),
    "trend": lambda t, c, ax: plots.trend(analysis.trend({"A": t}, "flops"), "depth", ax=ax),
    "network": lambda t, c, ax: plots.network([32, 64, 64, 128], ax=ax),
    "training_curves": lambda t, c, ax: plots.training_curves(c, ax=ax),
    "e_fit": lambda t, c, ax: plots.e_fit(t, pd.DataFrame({"error": np.linspace(0.1, 4, 59)}), ax=ax),
}
PANELS = {
    "scatters": lambda t, c, ax: plots.scatters(t, ["depth", "flops", "seconds", "acts", "width_1"], ax=ax, name="A"),
    "pair_scatters": lambda t, c, ax: plots.pair_scatters(t, ["depth", "width_1", "flops"], ax=ax, name="A"),
    "marginals": lambda t, c, ax: plots.marginals(t, ax=ax, name="A"),
    "complexity": lambda t, c, ax: plots.complexity(t, ax=ax, name="A"),
    "top_networks": lambda t, c, ax: plots.top_networks(t, ax=ax, name="A", widths=[[8, 16, 32]] * 59),
    "trends": lambda t, c, ax: plots.trends(analysis.trend({"A": t, "B": t.assign(flops=1e10)}, "flops"), ax=ax),
    "population": lambda t, c, ax: plots.population(t.drop(columns="state"), ax=ax, title="A"),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_axes_are_used_and_returned_and_settings_left_alone(draw, results, curves, tmp_path):
    before = dict(matplotlib.rcParams)
    ax = Figure().add_subplot()
    assert draw(results, curves, ax) is ax
    assert ax.has_data()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    plots.save(draw(results, curves, None), tmp_path, "figure")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
@pytest.mark.parametrize("draw", PANELS.values(), ids=PANELS)
def test_panels_fill_the_axes_given_and_stay_inside_a_figure_of_their_own(draw, results, curves, tmp_path):
    before = dict(matplotlib.rcParams)
    figure = Figure(figsize=(10, 6))
    ax, other = figure.subplots(2, 1)
    assert draw(results, curves, ax) is ax
    assert len(ax.child_axes) >= 2
    for panel in ax.child_axes:
        assert panel.has_data()
        assert panel.get_xlabel()
        place = panel.get_position()
        assert place.y0 > other.get_position().y1
    alone = draw(results, curves, None)
    whole = alone.get_figure()
    plots.save(alone, tmp_path, "figure")
    drawn, size = whole.get_tightbbox(), whole.get_size_inches()
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= size[0] + 0.01
    assert drawn.y1 <= size[1] + 0.01
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("draw", PANELS.values(), ids=PANELS)
def test_no_text_of_one_panel_lies_on_another_panel(draw, results, curves):
    ax = draw(results, curves, None)
    ax.get_figure().draw_without_rendering()
    boxes = [panel.get_window_extent() for panel in ax.child_axes]
    for i, panel in enumerate(ax.child_axes):
        texts = [panel.xaxis.label, panel.yaxis.label, panel.title, panel._left_title]
        for text in (t.get_window_extent() for t in texts if t.get_text()):
            assert not any(text.overlaps(box) for j, box in enumerate(boxes) if j != i)


def test_many_points_are_drawn_in_part_and_that_is_said(text_of):
    rng = np.random.default_rng(0)
    n = 100_000
    table = pd.DataFrame(
        {"model_id": np.arange(n), "state": "done", "error": rng.gamma(9, 3, n), "depth": rng.random(n)}
    )
    ax = plots.scatter(table, "depth")
    drawn = sum(len(collection.get_offsets()) for collection in ax.collections)
    assert drawn == 10_000
    assert all(c.get_rasterized() for c in ax.collections if len(c.get_offsets()) > 3000)
    assert "Points drawn: 10,000 of 100,000, evenly over the ranks of error; numbers are of all." in text_of(ax)
    low, median, high = analysis.best_range(table["depth"], table["error"])
    assert f"best {median:.3g} (95 % range {low:.3g}–{high:.3g}), n 100,000" in text_of(ax)


def test_a_search_curve_without_a_band_does_not_claim_one(text_of):
    assert "too few models for an interval" in text_of(plots.random_search({"A": [1.0, 2.0, 3.0]}))
    assert "shaded: 95 % interval" in text_of(plots.random_search({"A": np.arange(40.0)}))


def test_legends_stay_below_the_title_of_all_panels(results):
    table = results.assign(params=results["flops"] * np.where(results.index == 20, 1e3, 1.0))
    ax = plots.complexity(table, name="A")
    ax.get_figure().draw_without_rendering()
    title = ax._left_title.get_window_extent()
    legends = [panel.get_legend() for panel in ax.child_axes]
    assert any("moves the line" in text.get_text() for legend in legends for text in legend.get_texts())
    assert not any(legend.get_window_extent().overlaps(title) for legend in legends)


def test_e_fit_of_some_models_says_of_how_many(results, text_of):
    fits = pd.DataFrame({"model_id": ["m0", "m5", "m7", "m9"], "e_fit": [0.1, 0.2, 0.3, 0.4]})
    assert "Fitted, and drawn: 4 of 59 finished models." in text_of(plots.e_fit(results, fits))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("name", ["edf", "scatter", "pair_scatter", "random_search", "edf_difference", "sample_size"])
def test_small_populations_are_drawn(name, n, results, curves, tmp_path):
    few = results.iloc[10 : 10 + n].reset_index(drop=True)
    for table in (few, few.assign(error=3.0), few.assign(state="diverged", error=90.0)):
        ax = FIGURES[name](table, curves, None)
        assert ax.has_data()
        assert all(path.stat().st_size > 0 for path in plots.save(ax, tmp_path, "figure"))


@pytest.mark.parametrize("name", ["edf", "scatter", "pair_scatter", "random_search", "edf_difference", "line_fit"])
def test_a_population_without_finished_models_is_an_error_not_an_empty_plot(name, results, curves):
    pending = results.assign(state="pending", error=np.nan)
    with pytest.raises(DsxError):
        FIGURES[name](pending, curves, None)


def test_scatter_says_the_best_range_and_what_is_not_drawn(results, text_of):
    ax = plots.scatter(results, "depth", name="AnyNetXA")
    low, median, high = analysis.best_range(*(analysis.finished(results)[c] for c in ("depth", "error")))
    told = text_of(ax)
    assert f"best {median:.3g} (95 % range {low:.3g}–{high:.3g}), n 58" in told
    assert "No depth, hence not drawn: 1 of 59 finished models." in told
    assert "Above the top (arrows): 1 of 58 models, at 90 % error." in told
    assert "AnyNetXA: 60 models: 58 done, 1 diverged (counted at chance error 90 %), 1 failed, 0 pending" in told
    assert "depth (blocks)" in told


def test_wide_ranges_are_drawn_on_a_log_axis_with_plain_ticks(results):
    ax = plots.scatter(results.assign(width_1=np.geomspace(8, 1024, 60)), "width_1")
    assert ax.get_xscale() == "log"
    assert ax.xaxis.get_major_formatter()(500.0) == "500"
    assert plots.scatter(results, "depth").get_xscale() == "linear"


def test_a_misspelt_column_has_a_suggestion(results):
    with pytest.raises(DsxError, match=r"no column 'dpeth'\. Did you mean depth\?"):
        plots.scatter(results, "dpeth")


def test_line_fit_shows_slope_interval_and_scaled_units(results, text_of):
    told = text_of(plots.line_fit(results, "flops", "acts", log=True))
    assert "log–log slope 0.50 (0.50 to 0.50); R² 1.00, n 59" in told
    assert "flops (G multiply-adds)" in told
    assert "activations (M)" in told
    rooted = text_of(plots.line_fit(results, "sqrt(flops)", "acts"))
    assert "slope 6.5 (6.5 to 6.5)" in rooted
    assert "√flops (flops in G multiply-adds)" in rooted


def test_training_curves_name_the_three_models(curves, text_of):
    told = text_of(plots.training_curves(curves, name="A"))
    assert "best: m0, last 12.5" in told
    assert "worst: m4, last 16.5" in told
    assert "A, n 5" in told
    assert "worst: m4, last not finite" in text_of(plots.training_curves(curves, measure="loss"))
    with pytest.raises(DsxError, match="curves: no column 'top9'"):
        plots.training_curves(curves, measure="top9")


def test_network_shows_its_linear_fit(text_of):
    widths = analysis.block_widths([2, 4, 5, 5], [64, 128, 272, 704])
    assert "fit, e_fit 0.15:\nw0 80, wa 30, wm 1.9" in text_of(plots.network(widths))


def test_difference_names_who_is_ahead_and_wants_two_studies(text_of):
    rng = np.random.default_rng(0)
    told = text_of(plots.edf_difference({"A": rng.normal(40, 2, 100), "B": rng.normal(36, 2, 100)}))
    assert "B is ahead" in told
    assert "A is ahead" not in told
    with pytest.raises(DsxError, match="a difference of EDFs is drawn of two studies; 1 given"):
        plots.edf_difference({"A": [1.0]})


def test_e_fit_counts_all_models_and_shows_the_rank_correlation(results, text_of):
    fits = pd.DataFrame({"error": np.linspace(0.1, 4, 59)})
    told = text_of(plots.e_fit(results, fits))
    assert "rank correlation" in told
    assert "60 models: 58 done, 1 diverged" in told
    with pytest.raises(DsxError, match="59 finished models: fit the rows of `finished"):
        plots.e_fit(results, fits.iloc[:3])


def test_marginals_have_a_panel_per_numeric_parameter(results, tmp_path):
    ax = plots.marginals(results, name="A")
    assert [panel.get_xlabel() for panel in ax.child_axes] == ["depth (blocks)", "width of stage 1 (channels)"]
    plots.save(ax, tmp_path, "marginals")
    with pytest.raises(DsxError, match="A: nothing to draw: the results table has no numeric parameter"):
        plots.marginals(results[["model_id", "state", "error"]], name="A")


def test_drawing_without_pyplot_leaves_pyplot_unloaded():
    code = "import sys, dsx.plots as p; p.edf([1.0, 2.0]); print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_top_networks_are_drawn_best_first(results, tmp_path):
    table = results.assign(depth_1=2, depth_2=3, width_2=results["width_1"] * 2)
    ax = plots.top_networks(table, count=4, name="A")
    assert len(ax.child_axes) == 4
    order = analysis.finished(table).sort_values("error")["model_id"].tolist()
    assert [panel.get_title(loc="left").split(":")[0] for panel in ax.child_axes] == order[:4]
    plots.save(ax, tmp_path, "top")
    with pytest.raises(DsxError, match="no columns depth_1 … and width_1 …"):
        plots.top_networks(results)


def test_networks_of_unknown_widths_are_passed_over(results):
    widths = [None, [8, 8, 16], *[[16, 32]] * 57]
    table = results.assign(error=np.arange(60.0)).assign(state="done").iloc[:59]
    ax = plots.top_networks(table, count=2, widths=widths)
    assert [panel.get_title(loc="left").split(":")[0] for panel in ax.child_axes] == ["m1", "m2"]
    with pytest.raises(DsxError, match="nothing to draw: the widths of no finished model are known"):
        plots.top_networks(table, widths=[None] * 59)
    with pytest.raises(DsxError, match="widths of 1 networks for 59 finished models"):
        plots.top_networks(table, widths=[[8]])


def test_all_curves_of_a_trend_share_the_unit_of_its_label(results):
    ax = plots.trend(analysis.trend({"A": results, "B": results.assign(flops=1e10)}, "flops", ["acts"]), "acts")
    assert ax.get_ylabel() == "activations (M)"
    assert ax.get_ylim()[1] < 20
