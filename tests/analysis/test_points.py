"""The tables that the figures of one study show."""

import numpy as np
import pandas as pd
import pytest

from dsx.analysis import best_range, best_weights, block_widths, joint_best_range, linear_fit
from dsx.analysis.points import boxes_table, leading, marginals_table, networks_table, over_ranks, points_table, varied


@pytest.fixture
def models() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 200
    frame = pd.DataFrame(
        {
            "model_id": [f"m{i}" for i in range(n)],
            "state": "done",
            "depth": rng.integers(1, 9, n),
            "width": rng.uniform(8, 400, n),
            "noise": rng.random(n),
            "same": 3,
            "flops": rng.uniform(1e8, 9e8, n),
        }
    )
    frame["acts"] = 2 * frame["flops"] ** 0.5
    return frame.assign(error=20 + frame["depth"] - 0.01 * frame["width"] + rng.normal(0, 0.1, n))


def test_models_over_the_ranks_keep_best_and_worst(models):
    kept = over_ranks(models, 11)
    ranks = models["error"].rank().loc[models["model_id"].isin(kept["model_id"])].sort_values()
    assert ranks.iloc[[0, -1]].tolist() == [1, 200]
    assert np.ptp(np.diff(ranks)) <= 1
    assert over_ranks(models, 200) is models


def test_columns_that_vary_and_those_that_go_with_the_error(models):
    assert varied(models, ["depth", "same", "missing", "noise"]) == ["depth", "noise"]
    assert leading(models, ["noise", "width", "depth", "same"], most=2) == ["width", "depth"]


def test_points_are_the_finished_models_with_their_rank(models):
    table = models.assign(state=["failed"] + ["done"] * 199, error=models["error"].where(models.index > 0))
    points = points_table(table, ["depth"])
    assert points.columns.tolist() == ["model_id", "state", "error", "rank", "depth"]
    assert len(points) == 199
    assert points.set_index("rank")["error"].sort_index().is_monotonic_increasing


def test_boxes_are_joint_best_ranges_and_pairs_without_values_are_left_out(models):
    table = models.assign(left=[1.0] * 100 + [np.nan] * 100, right=[np.nan] * 100 + [1.0] * 100)
    boxes = boxes_table(table, ["depth", "left", "right"])
    assert boxes[["x", "y"]].to_numpy().tolist() == [["depth", "left"], ["depth", "right"]]
    joint = joint_best_range(models["depth"], models["width"], models["error"])
    row = boxes_table(models, ["depth", "width"]).iloc[0]
    assert (row["x_low"], row["x_median"], row["x_high"]) == joint.x
    assert row["probability"] == joint.probability


def test_marginals_share_out_all_models_and_all_chance(models):
    models = models.assign(depth=np.tile([1, 2, 4, 8], 50))
    bars = marginals_table(models, ["depth", "width", "same"])
    assert np.allclose(bars.groupby("parameter")[["all", "likely_best"]].sum(), 1)
    chance = best_weights(models["error"])
    for _, bar in bars[bars["parameter"] == "depth"].iterrows():
        assert bar["low"] == bar["high"]
        assert bar["all"] == pytest.approx((models["depth"] == bar["low"]).mean())
        assert bar["likely_best"] == pytest.approx(chance[models["depth"] == bar["low"]].sum())
    wide = bars[bars["parameter"] == "width"]
    edges = np.append(wide["low"], wide["high"].iloc[-1])
    assert wide["all"].to_numpy() * 200 == pytest.approx(np.histogram(models["width"], edges)[0])
    assert wide["all"].between(0.9 / 12, 1.1 / 12).all()  # bins of about equally many models


def test_networks_are_listed_block_by_block_with_their_fits():
    widths = [None, block_widths([2, 4, 5, 5], [64, 128, 272, 704]), [8.0, 8.0], [32.0]]
    table = pd.DataFrame({"model_id": list("abcd"), "error": [1.0, 2.0, 3.0, 4.0]})
    blocks = networks_table(table, widths, count=2)
    assert blocks["model_id"].drop_duplicates().tolist() == ["b", "c"]
    best = blocks[blocks["rank"] == 1]
    fit = linear_fit(widths[1])
    assert best["width"].tolist() == widths[1].tolist()
    assert best["fitted"].tolist() == pytest.approx(fit.predicted.tolist())
    assert best[["w0", "wa", "wm", "e_fit"]].iloc[0].tolist() == [fit.w0, fit.wa, fit.wm, fit.error]


def test_the_range_of_a_column_of_a_figure_is_the_best_range(models):
    low, _, high = best_range(models["depth"], models["error"])
    bars = marginals_table(models, ["depth"])
    inside = bars["low"].between(low, high)
    assert bars.loc[inside, "likely_best"].sum() >= 0.95
