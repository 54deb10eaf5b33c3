"""Error against a parameter, pairs of parameters, and e_fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx import analysis, plots
from dsx.base.errors import DsxError


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
    assert "Points drawn: 10,000 of 100,000, evenly over their ranks; numbers are of all." in text_of(ax)
    low, median, high = analysis.best_range(table["depth"], table["error"])
    assert f"best {median:.3g} (95 % range {low:.3g}–{high:.3g}), n 100,000" in text_of(ax)


def test_scatter_says_the_best_range_and_what_is_not_drawn(results, text_of):
    ax = plots.scatter(results, "depth", name="AnyNetXA")
    low, median, high = analysis.best_range(*(analysis.finished(results)[c] for c in ("depth", "error")))
    told = text_of(ax)
    assert f"best {median:.3g} (95 % range {low:.3g}–{high:.3g}), n 58" in told
    assert "No depth, hence not drawn: 1 of 59 finished models." in told
    assert "Above the top (arrows): 1 of 58 models, at 90 % error." in told
    counts = "AnyNetXA: 60 models: 58 done, 1 diverged (counted at chance error 90 %), 1 failed, 0 pending"
    assert counts in told.replace("\n", " ")
    assert "depth (blocks)" in told


def test_wide_ranges_are_drawn_on_a_log_axis_with_plain_ticks(results):
    ax = plots.scatter(results.assign(width_1=np.geomspace(8, 1024, 60)), "width_1")
    assert ax.get_xscale() == "log"
    assert ax.xaxis.get_major_formatter()(500.0) == "500"
    assert plots.scatter(results.assign(depth=np.linspace(1, 19, 60)), "depth").get_xscale() == "linear"


def test_few_values_are_drawn_as_strips_around_themselves(results):
    table = results.assign(bottleneck_ratio=np.tile([1.0, 2.0, 4.0], 20), wide=np.geomspace(1, 90, 60))
    ax = plots.scatter(table, "bottleneck_ratio")
    assert ax.get_xscale() == "log"
    assert ax.get_xticks().tolist() == [1, 2, 4]
    drawn = np.concatenate([np.asarray(dots.get_offsets())[:, 0] for dots in ax.collections])
    assert np.unique(drawn).size > 40
    places = np.log2(drawn)
    assert np.abs(places - places.round()).max() <= 0.2
    assert set(places.round()) == {0, 1, 2}
    exact = np.concatenate([np.asarray(d.get_offsets())[:, 0] for d in plots.scatter(table, "wide").collections])
    assert set(exact) <= set(table["wide"])


def test_a_misspelt_column_has_a_suggestion(results):
    with pytest.raises(DsxError, match=r"no column 'dpeth'\. Did you mean depth\?"):
        plots.scatter(results, "dpeth")


def test_e_fit_of_some_models_says_of_how_many(results, text_of):
    fits = pd.DataFrame({"model_id": ["m0", "m5", "m7", "m9"], "e_fit": [0.1, 0.2, 0.3, 0.4]})
    assert "Fitted, and drawn: 4 of 59 finished models." in text_of(plots.e_fit(results, fits))


def test_e_fit_counts_all_models_and_shows_the_rank_correlation(results, text_of):
    fits = pd.DataFrame({"error": np.linspace(0.1, 4, 59)})
    told = text_of(plots.e_fit(results, fits))
    assert "rank correlation" in told
    assert "60 models: 58 done, 1 diverged" in told
    with pytest.raises(DsxError, match="59 finished models: fit the rows of `finished"):
        plots.e_fit(results, fits.iloc[:3])
