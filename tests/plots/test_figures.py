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


@pytest.mark.slow
@pytest.mark.parametrize("draw", PANELS.values(), ids=PANELS)
def test_no_text_of_one_panel_lies_on_another_panel(draw, results, curves):
    ax = draw(results, curves, None)
    ax.get_figure().draw_without_rendering()
    boxes = [panel.get_window_extent() for panel in ax.child_axes]
    for i, panel in enumerate(ax.child_axes):
        texts = [panel.xaxis.label, panel.yaxis.label, panel.title, panel._left_title]
        for text in (t.get_window_extent() for t in texts if t.get_text()):
            assert not any(text.overlaps(box) for j, box in enumerate(boxes) if j != i)


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


def test_marginals_have_a_panel_per_numeric_parameter(results, tmp_path):
    ax = plots.marginals(results, name="A")
    assert [panel.get_xlabel() for panel in ax.child_axes] == ["depth (blocks)", "width of stage 1 (channels)"]
    plots.save(ax, tmp_path, "marginals")
    with pytest.raises(DsxError, match="A: nothing to draw: the results table has no numeric parameter"):
        plots.marginals(results[["model_id", "state", "error"]], name="A")


@pytest.mark.slow
def test_drawing_without_pyplot_leaves_pyplot_unloaded():
    code = "import sys, dsx.plots as p; p.edf([1.0, 2.0]); print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
