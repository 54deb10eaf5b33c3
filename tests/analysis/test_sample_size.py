from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import ks_by_sample_size, right_order
from dsx.base.errors import DsxError


@pytest.mark.slow
def test_distance_of_small_samples_is_as_expected_and_falls_with_their_size():
    errors = np.random.default_rng(0).gamma(2, 1, 4096)
    frame = ks_by_sample_size(errors, trials=200)
    assert frame["n"].tolist() == [2**i for i in range(11)]
    assert (np.diff(frame["distance"]) < 0).all()
    middle = frame[frame["n"].between(16, 128)]
    exact = [stats.kstwo(n).mean() for n in middle["n"]]
    assert middle["distance"].to_numpy() == pytest.approx(exact, rel=0.06)
    assert (frame["low"] <= frame["distance"]).all()


def test_distance_is_scipys_for_a_sample():
    errors = np.round(np.random.default_rng(1).random(50), 1)
    frame = ks_by_sample_size(errors, [50], trials=3)
    assert frame.loc[0, "distance"] == pytest.approx(0)


def test_right_order_is_a_toss_for_one_model_of_alike_spaces_and_sure_for_far_ones():
    rng = np.random.default_rng(0)
    a = rng.normal(40, 3, 500)
    far = right_order(a, rng.normal(80, 3, 500), [1, 4])
    assert (far[["by_mean", "by_median", "by_min"]] == 1).all().all()
    near = right_order(a, a + 0.5, [1, 16, 256])
    truth = stats.norm.cdf(0.5 * np.sqrt(np.array([1, 16, 256]) / 2) / a.std())
    assert near["by_mean"].to_numpy() == pytest.approx(truth, abs=0.04)


def test_sizes_out_of_range_are_refused():
    with pytest.raises(DsxError, match="size 9: expected a number of models between 1 and 3"):
        ks_by_sample_size([1.0, 2, 3], [9])
