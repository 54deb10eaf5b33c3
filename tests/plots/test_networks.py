"""Networks block by block, and training curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx import analysis, plots
from dsx.base.errors import DsxError


def test_training_curves_name_the_three_models(curves, text_of):
    told = text_of(plots.training_curves(curves, name="A"))
    assert "best: m0, last 12.5" in told
    assert "worst: m4, last 16.5" in told
    assert "A, n 5" in told
    assert "worst: m4, last not finite" in text_of(plots.training_curves(curves, measure="loss"))
    with pytest.raises(DsxError, match="curves: no column 'top9'"):
        plots.training_curves(curves, measure="top9")


def test_epochs_are_never_on_a_logarithmic_axis():
    epochs = pd.DataFrame({"model_id": "m0", "epoch": np.arange(1, 101), "error": np.linspace(90, 10, 100)})
    ax = plots.training_curves(epochs)
    assert ax.get_xscale() == "linear"
    assert [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]][-1] == 100


def test_network_shows_its_linear_fit(text_of):
    widths = analysis.block_widths([2, 4, 5, 5], [64, 128, 272, 704])
    assert "fit, e_fit 0.15:\nw0 80, wa 30, wm 1.9" in text_of(plots.network(widths))


@pytest.mark.slow
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
