from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis import fit_columns, fit_line
from dsx.base.errors import DsxError


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n", [3, 4, 40])
def test_a_robust_line_moves_by_what_leaving_one_out_moves_it(n, log):
    rng = np.random.default_rng(n)
    x = rng.uniform(1, 10, n)
    y = np.exp(rng.normal(0, 0.1, n) * x) * (2 + 3 * x)
    fit, t = fit_line(x, y, log, robust=True), stats.t(n - 2).ppf(0.975)
    without = [fit_line(np.delete(x, i), np.delete(y, i), log) for i in range(n)]
    slope_error = np.sqrt(sum((other.slope - fit.slope) ** 2 for other in without))
    intercept_error = np.sqrt(sum((other.intercept - fit.intercept) ** 2 for other in without))
    assert fit.slope_high - fit.slope == pytest.approx(t * slope_error)
    assert fit.intercept - fit.intercept_low == pytest.approx(t * intercept_error)
    at = 4.0
    lines = [np.log(line.predict(at)) if log else line.predict(at) for line in (fit, *without)]
    reach = t * np.sqrt(sum((other - lines[0]) ** 2 for other in lines[1:]))
    low, high = (np.log(end) if log else end for end in fit.band(at))
    assert (lines[0] - low, high - lines[0]) == pytest.approx((reach, reach))


def test_the_band_of_a_plain_line_is_the_textbooks():
    rng = np.random.default_rng(4)
    x = rng.uniform(1, 10, 12)
    y, at = 2 + 3 * x + rng.normal(0, 1, 12), np.array([0.0, 5.0, 20.0])
    fit = fit_line(x, y)
    reach = stats.t(10).ppf(0.975) * fit.residual_std * np.sqrt(1 / 12 + (at - x.mean()) ** 2 / (12 * x.var()))
    low, high = fit.band(at)
    assert low == pytest.approx(fit.predict(at) - reach)
    assert high == pytest.approx(fit.predict(at) + reach)


def test_a_band_without_width_at_a_point_is_not_lost_to_rounding():
    # of pairs at few places of x, all lines without one of them may meet in a point
    for seed in range(300):
        rng = np.random.default_rng(seed)
        x, y = rng.integers(1, 6, (2, 6)).astype(float)
        if np.ptp(x) == 0:
            continue
        fit = fit_line(x, y, robust=True)
        both, slope = fit.covariance[1]
        if not slope > 0:
            continue
        low, high = fit.band(x.mean() - both / slope + np.linspace(-1e-6, 1e-6, 21))
        assert np.isfinite([low, high]).all()
        assert (low <= high).all()


def test_a_robust_line_that_hangs_on_one_pair_has_no_interval():
    x, y = [1, 1, 1, 1, 2], [1, 2, 3, 4, 9]
    assert fit_line(x, y).slope_low < 6.5 < fit_line(x, y).slope_high
    fit = fit_line(x, y, robust=True)
    assert fit.slope == pytest.approx(6.5)
    assert np.isnan([fit.slope_low, fit.slope_high, fit.intercept_low, *fit.band(2)]).all()


@pytest.mark.parametrize("log", [False, True])
def test_line_is_scipys_with_its_intervals(log):
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 10, 30)
    y = np.exp(rng.normal(0, 0.1, 30)) * (2 + 3 * x)
    fit = fit_line(x, y, log)
    u, v = (np.log(x), np.log(y)) if log else (x, y)
    oracle, t = stats.linregress(u, v), stats.t(28).ppf(0.975)
    assert (fit.slope, fit.intercept, fit.r2) == pytest.approx((oracle.slope, oracle.intercept, oracle.rvalue**2))
    assert fit.slope_high - fit.slope == pytest.approx(t * oracle.stderr)
    assert fit.intercept_high - fit.intercept == pytest.approx(t * oracle.intercept_stderr)
    assert fit.leverage.sum() == pytest.approx(2)
    design = np.stack([np.ones(30), u], 1)
    assert fit.leverage == pytest.approx(np.diag(design @ np.linalg.inv(design.T @ design) @ design.T))


def test_cooks_distance_is_that_of_leaving_one_out():
    rng = np.random.default_rng(1)
    x, y = rng.random(12), rng.random(12)
    fit = fit_line(x, y)
    for i in range(12):
        without = fit_line(np.delete(x, i), np.delete(y, i))
        moved = np.sum((fit.predict(x) - without.predict(x)) ** 2) / (2 * fit.residual_std**2)
        assert fit.cook[i] == pytest.approx(moved)


def test_curvature_test_is_the_t_test_of_the_square_term():
    rng = np.random.default_rng(2)
    x = rng.random(25)
    y = x + 0.3 * x**2 + rng.normal(0, 0.1, 25)
    design = np.stack([np.ones(25), x, x**2], 1)
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    residuals = y - design @ beta
    error = np.sqrt(residuals @ residuals / 22 * np.linalg.inv(design.T @ design)[2, 2])
    assert fit_line(x, y).curvature_pvalue == pytest.approx(2 * stats.t(22).sf(abs(beta[2] / error)))


def test_checks_warn_of_a_bend_a_fan_and_a_lever():
    rng = np.random.default_rng(3)
    x = np.linspace(1, 10, 80)
    assert fit_line(x, x + rng.normal(0, 1, 80)).warnings() == []
    assert "bend" in " ".join(fit_line(x, x**2 + rng.normal(0, 1, 80)).warnings())
    fan = x + x * rng.normal(0, 1, 80)
    assert fit_line(x, fan).warnings()[0].endswith(": the intervals are rough.")
    assert fit_line(x, fan, robust=True).warnings()[0].startswith("The spread changes along x (p = ")
    assert "rough" not in fit_line(x, fan, robust=True).warnings()[0]
    lever = fit_line(np.append(np.arange(10.0), 100), np.append(rng.normal(0, 1, 10), 40))
    assert "1 of 11 models alone" in " ".join(lever.warnings())


def test_points_on_a_line_have_no_residual_to_test():
    fit = fit_line([1, 2, 3, 4], [2, 4, 6, 8])
    assert (fit.slope, fit.r2) == pytest.approx((2, 1))
    assert fit.warnings() == []


def test_two_pairs_have_a_line_but_no_interval():
    fit = fit_line([1, 2], [2, 4])
    assert fit.slope == 2
    assert np.isnan(fit.slope_low)
    assert fit.warnings() == []


def test_pairs_without_a_value_are_counted_not_hidden():
    fit = fit_line([1, 2, 3, np.nan, -1], [1, 2, 3, 4, 5], log=True)
    assert (fit.n, fit.dropped) == (3, 2)
    assert fit.slope == pytest.approx(1)


def test_columns_and_roots_of_columns_are_fitted(table):
    flops = np.array([1.0, 4.0, 9.0, 16.0])
    fit = fit_columns(table([1.0] * 4, flops=flops, acts=3 * np.sqrt(flops)), "sqrt(flops)", "acts")
    assert (fit.slope, fit.intercept) == pytest.approx((3, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1], [1, 2], "x and y: 1 and 2 values: a fit needs pairs"),
        ([1, np.nan], [1, 2], "a line cannot be fitted through 1 usable pairs: at least 2 pairs with different x …"),
        ([3, 3], [1, 2], "a line cannot be fitted through a single value of x: at least 2 pairs with different x …"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(x, y, message):
    with pytest.raises(DsxError) as caught:
        fit_line(x, y)
    assert str(caught.value).replace("x are needed", "x …") == message


@pytest.mark.parametrize("log", [False, True])
def test_a_column_that_varies_by_rounding_alone_has_no_share_to_explain(log):
    x = np.linspace(1, 2, 50)
    jitter = np.where(np.arange(50) % 2, np.nextafter(7.3e7, np.inf), 7.3e7)
    for y in (np.full(50, 7.3e7), jitter, np.full(50, 0.1) * 3 / 3 + 0.2 - 0.2):
        fit = fit_line(x, y, log)
        assert np.isnan(fit.r2)
        assert fit.slope == fit.slope_low == fit.slope_high == 0
        assert fit.predict(x) == pytest.approx(y)
        assert fit.warnings() == ["y does not vary beyond rounding: there is nothing to explain and R² is not defined."]
    with pytest.raises(DsxError, match="a line cannot be fitted through a single value of x"):
        fit_line(jitter, x, log)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_checks_do_not_depend_on_the_unit(scale):
    rng = np.random.default_rng(2)
    x = rng.random(25)
    y = x + 0.3 * x**2 + rng.normal(0, 0.1, 25)
    one, other = fit_line(x, y), fit_line(x, scale * y)
    assert (other.r2, other.curvature_pvalue, other.spread_pvalue) == pytest.approx(
        (one.r2, one.curvature_pvalue, one.spread_pvalue)
    )
    assert other.cook == pytest.approx(one.cook)
