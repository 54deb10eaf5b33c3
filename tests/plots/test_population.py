"""The figure of a population: one panel for each column that varies."""

import numpy as np
import pandas as pd
import pytest

from dsx import plots
from dsx.base.errors import DsxError

TABLE = pd.DataFrame(
    {
        "model_id": [f"m{i}" for i in range(40)],
        "space": "mine",
        "depth_1": np.arange(40) % 3 + 1,
        "width_1": np.arange(40) * 8 + 8,
        "activation": ["relu", "silu"] * 20,
        "group_width": 8,
        "stage_2": [np.nan, 3.0] * 20,
        "flops": np.arange(40) * 10**6 + 10**8,
    }
)


def panels(ax):
    return {panel.get_xlabel(): panel for panel in ax.child_axes}


def test_every_column_that_varies_has_a_panel_with_all_models():
    whole = plots.population(TABLE)
    found = panels(whole)
    assert len(found) == 4
    assert whole.get_title(loc="left") == "mine: 40 models; lines: medians"
    for ax in found.values():
        assert sum(bar.get_height() for bar in ax.patches) == 40
    assert any("flops" in label for label in found)


def test_a_results_table_is_drawn_without_its_column_of_arrays():
    stages = pd.Series([np.arange(3)] * 40)
    assert list(panels(plots.population(TABLE.assign(stages=stages)))) == list(panels(plots.population(TABLE)))


def test_numbers_whose_labels_would_stand_on_one_another_are_binned():
    few = TABLE.head(8).assign(flops=np.arange(8) * 12_345 + 500_000)
    found = panels(plots.population(few[["model_id", "space", "flops", "depth_1"]]))
    flops, depth = (next(ax for label, ax in found.items() if label.startswith(name)) for name in ("flops", "depth"))
    assert flops.lines
    assert not depth.lines
    assert [tick.get_text() for tick in depth.get_xticklabels()] == ["1", "2", "3"]
    assert all(tick == round(tick) for tick in depth.get_yticks())


def test_nothing_that_varies_is_an_error():
    with pytest.raises(DsxError, match="nothing to draw: all models of the population are alike"):
        plots.population(TABLE[["model_id", "space", "group_width"]])


@pytest.mark.slow
def test_dsx_sample_draws_it_on_request(dsx):
    done = dsx("sample", "--space", "AnyNetXE-digits", "--n", 12, "--figure")
    assert done.code == 0, done
    assert "figure: runs/AnyNetXE-digits/analysis/population.png\n" in done.out
