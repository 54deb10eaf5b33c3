"""Several columns of one study at a glance."""

from __future__ import annotations

import numpy as np

from dsx import plots


def test_legends_stay_below_the_title_of_all_panels(results):
    table = results.assign(params=results["flops"] * np.where(results.index == 20, 1e3, 1.0))
    ax = plots.complexity(table, name="A")
    ax.get_figure().draw_without_rendering()
    title = ax._left_title.get_window_extent()
    legends = [panel.get_legend() for panel in ax.child_axes]
    assert any("moves the line" in text.get_text() for legend in legends for text in legend.get_texts())
    assert not any(legend.get_window_extent().overlaps(title) for legend in legends)
