from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsx.analysis import block_widths, linear_fit, linear_fit_table, linear_fits, table_widths
from dsx.base.errors import DsxError


def predicted(w0, wa, wm, depth):
    """RegNet §3.3, eqs. 2–4, written out."""
    widths = []
    for j in range(depth):
        s = np.log((w0 + wa * j) / w0) / np.log(wm)
        widths.append(w0 * wm ** round(s))
    return np.array(widths)


def e_fit(fit, observed):
    return np.mean(np.log2(fit / observed) ** 2)


def brute_force(observed, stages):
    """Lowest e_fit over the whole grid, one candidate after the other along w0."""
    lowest, j = np.inf, np.arange(len(observed))
    for w0 in range(8, 257, 8):
        wa, wm = np.arange(257)[:, None, None], np.round(np.arange(1.5, 3.01, 0.1), 1)[None, :, None]
        levels = np.round(np.log2(1 + wa / w0 * j) / np.log2(wm))
        errors = ((np.log2(w0) + levels * np.log2(wm) - np.log2(observed)) ** 2).mean(axis=-1)
        steps = np.diff(levels, axis=-1)
        errors[(levels[..., -1] != stages - 1) | (steps > 1).any(axis=-1)] = np.inf
        lowest = min(lowest, errors.min())
    return lowest


@pytest.mark.parametrize(
    ("depths", "widths", "wa", "w0", "wm"),
    [((2, 4, 5, 5), (64, 128, 272, 704), 30, 80, 1.9), ((1, 1, 3, 5), (32, 144, 256, 448), 61, 48, 2.2)],
)
def test_the_two_fits_printed_in_the_paper_are_found(depths, widths, wa, w0, wm):
    observed = block_widths(depths, widths)
    fit = linear_fit(observed)
    assert (fit.w0, fit.wm) == (w0, wm)
    # the slope is open where several give the same widths; the printed one is among them
    assert fit.wa_low <= wa <= fit.wa_high
    assert fit.error == pytest.approx(e_fit(predicted(w0, wa, wm, len(observed)), observed))
    assert fit.predicted == pytest.approx(predicted(fit.w0, fit.wa, fit.wm, len(observed)))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=4, max_size=4), st.lists(st.integers(1, 128), min_size=4, max_size=4))
def test_fit_is_the_lowest_of_the_whole_grid(depths, widths):
    observed = block_widths(depths, [8 * w for w in widths])
    (fit,) = linear_fits([observed], stages=4)
    lowest = brute_force(observed, 4)
    if fit is None:
        assert lowest == np.inf
    else:
        assert fit.error == pytest.approx(lowest)
        assert fit.error == pytest.approx(e_fit(predicted(fit.w0, fit.wa, fit.wm, len(observed)), observed))


def test_many_networks_at_once_are_fitted_as_one_by_one():
    rng = np.random.default_rng(0)
    networks = [block_widths(rng.integers(1, 8, 4), 8 * np.sort(rng.integers(2, 100, 4))) for _ in range(40)]
    together = linear_fit_table(networks, stages=4)
    for row, network in zip(together.itertuples(), networks, strict=True):
        (alone,) = linear_fits([network], stages=4)
        if alone is None:
            assert np.isnan(row.error)
        else:
            assert (row.w0, row.wa, row.wm, row.error) == pytest.approx((alone.w0, alone.wa, alone.wm, alone.error))


def test_a_network_on_the_grid_is_fitted_without_error():
    fit = linear_fit(predicted(48, 30, 2.0, 16))
    assert fit.error == pytest.approx(0)
    assert (fit.w0, fit.wm) == (48, 2.0)


def test_one_width_and_one_block_are_fitted():
    assert linear_fit([64] * 5).error == 0
    assert linear_fit([64]).predicted.tolist() == [64]


def test_widths_come_from_the_columns_of_a_table(table):
    frame = table([1.0], depth_1=2, width_1=32, depth_2=1, width_2=64)
    assert table_widths(frame)[0].tolist() == [32, 32, 64]
    with pytest.raises(DsxError, match="no columns depth_1 … and width_1 …"):
        table_widths(table([1.0]))


@pytest.mark.parametrize("widths", [[], [0, 8], [8, float("nan")]])
def test_bad_widths_are_one_clear_line(widths):
    with pytest.raises(DsxError, match="widths: expected the width of each block, finite and above 0"):
        linear_fit(widths)


def test_an_impossible_number_of_stages_is_said_to_be_so():
    with pytest.raises(DsxError, match="no quantised-linear network of 2 blocks has 4 stages"):
        linear_fit([8, 16], stages=4)
    assert linear_fits([[8, 16]], stages=4) == [None]
