"""Every public statistic on studies at the edge: a sensible result or one line of words, and no warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dsx import analysis as A
from dsx.base.errors import DsxError

Table = pd.DataFrame

N = 20


def ones(table: Table) -> np.ndarray:
    return np.ones(len(A.finished(table)))


@pytest.fixture(params=[
    "one model", "two models", "all equal", "all diverged", "a derived column of NaN", "NaN in a derived column",
    "no rows", "none finished", "5 % failed", "different recipes",
])  # fmt: skip
def odd(request, table) -> Table:
    errors = 2 + np.random.default_rng(1).gamma(2, 1, N)
    named: dict[str, tuple[Any, ...]] = {
        "one model": ([4.0],),
        "two models": ([4.0, 5.0],),
        "all equal": ([4.0] * N,),
        "all diverged": ([90.0] * N, ["diverged"] * N),
        "no rows": ([],),
        "none finished": ([np.nan] * 3, ["pending", "running", "failed"]),
        "5 % failed": (np.append(errors[1:], np.nan), ["done"] * (N - 1) + ["failed"]),
    }
    made = with_columns(table(*named.get(request.param, (errors,))))
    if request.param == "a derived column of NaN":
        made["acts"] = np.nan
    if request.param == "NaN in a derived column":
        made["acts"] = np.where(np.arange(N) < 15, np.nan, made["acts"])
    if request.param == "different recipes":
        made["recipe"] = ["a"] * 10 + ["b"] * 10
    return made


def with_columns(made: Table) -> Table:
    rng, n = np.random.default_rng(2), len(made)
    depths = {f"depth_{i}": rng.integers(1, 5, n) for i in (1, 2)}
    widths = {f"width_{i}": 8 * rng.integers(4 * i, 8 * i, n) for i in (1, 2)}
    return made.assign(params=rng.random(n), acts=rng.random(n), seconds=rng.random(n), **depths, **widths)


@pytest.fixture
def usual(table) -> Table:
    return with_columns(table(2 + np.random.default_rng(3).gamma(2, 1, 30)))


OF_ONE: dict[str, Callable[[Table], Any]] = {
    "analyze": lambda t: A.analyze({"a": t}),
    "area": lambda t: A.area(t, 5),
    "area, weighted": lambda t: A.area(t, 5, ones(t)),
    "best_range": lambda t: A.best_range(A.finished(t)["acts"], t),
    "best_ranges": A.best_ranges,
    "best_weights": A.best_weights,
    "count_states": lambda t: A.count_states(t).words(),
    "edf": A.edf,
    "edf, weighted": lambda t: A.edf(t, ones(t)),
    "expected_minimum": lambda t: A.expected_minimum(t, [1, 2]),
    "finished": A.finished,
    "finished_errors": A.finished_errors,
    "fit_columns": lambda t: A.fit_columns(t, "sqrt(flops)", "acts", log=True).warnings(),
    "fit_line": lambda t: A.fit_line(t["depth_1"], t["error"]).warnings(),
    "joint_best_range": lambda t: A.joint_best_range(A.finished(t)["depth_1"], A.finished(t)["acts"], t),
    "ks_by_sample_size": lambda t: A.ks_by_sample_size(t, trials=20),
    "linear_fits": lambda t: A.linear_fits(A.table_widths(t)),
    "linear_fit_table": lambda t: A.linear_fit_table(A.table_widths(t)),
    "linear_table": lambda t: A.linear_table({"a": t}),
    "matched_bins": lambda t: A.matched_bins([t["acts"]]),
    "matched_weights": lambda t: A.matched_weights({"a": t}, "acts"),
    "mean_interval": A.mean_interval,
    "min_interval": A.min_interval,
    "mixed_conditions": lambda t: A.mixed_conditions({"a": t}),
    "parameter_columns": A.parameter_columns,
    "plan": lambda t: A.plan(t, difference=0.5)["words"],
    "pointwise_band": A.pointwise_band,
    "pointwise_band, weighted": lambda t: A.pointwise_band(t, ones(t)),
    "quantile": lambda t: A.quantile(t, 0.3),
    "quantile_interval": A.quantile_interval,
    "random_search": A.random_search,
    "random_search, weighted": lambda t: A.random_search(t, weights=ones(t)),
    "rank_correlation": lambda t: A.rank_correlation(t["acts"], t["error"]),
    "representative_curves": lambda t: A.representative_curves(t.assign(epoch=1)),
    "share_below": lambda t: A.share_below(t, 3),
    "summarize": lambda t: A.summarize({"a": t}),
    "summarize_errors": A.summarize_errors,
    "trend": lambda t: A.trend({"a": t}, "acts"),
    "trend_fits": lambda t: A.trend_fits(A.trend({"a": t, "b": t})),
}
OF_TWO: dict[str, Callable[[Table, Table], Any]] = {
    "analyze": lambda a, b: A.analyze({"a": a, "b": b}),
    "compare": lambda a, b: A.comparison_in_words(A.compare(a, b), "a", "b"),
    "compare_all": lambda a, b: A.compare_all({"a": a, "b": b}),
    "compare_matched": lambda a, b: A.matched_in_words(A.compare_matched(a, b, "acts"), "a", "b"),
    "dominance": lambda a, b: A.dominance_in_words(A.dominance(a, b), "a", "b"),
    "edf_difference": A.edf_difference,
    "edf_difference_table": A.edf_difference_table,
    "ks_test": A.ks_test,
    "mean_difference_interval": A.mean_difference_interval,
    "min_difference_interval": A.min_difference_interval,
    "mixed_conditions": lambda a, b: A.mixed_conditions({"a": a, "b": b}),
    "plan": lambda a, b: A.plan(a, b)["words"],
    "quantile_difference": A.quantile_difference,
    "rank_agreement": lambda a, b: A.rank_agreement({"a": a, "b": b}),
    "right_order": lambda a, b: A.right_order(a, b, trials=50),
    "superiority": A.superiority,
    "trend": lambda a, b: A.trend({"a": a, "b": b}, "acts"),
}
# those that take no study: tested where they are at home
ELSEWHERE = {"block_widths", "holm", "linear_fit", "table_widths"}
IN_WORDS = {"comparison_in_words", "dominance_in_words", "matched_in_words"}


def result_or_words(call: Callable[[], Any]) -> None:
    said = "a result"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            call()
        except DsxError as reason:
            said = str(reason)
    assert said
    assert "\n" not in said


@pytest.mark.parametrize("name", OF_ONE)
def test_a_study_at_the_edge_is_told_of_sensibly(odd, name):
    result_or_words(lambda: OF_ONE[name](odd))


@pytest.mark.parametrize("name", OF_TWO)
def test_a_study_at_the_edge_is_compared_sensibly(odd, usual, name):
    result_or_words(lambda: OF_TWO[name](odd, usual))
    result_or_words(lambda: OF_TWO[name](usual, odd))
    result_or_words(lambda: OF_TWO[name](odd, odd))


def test_every_public_function_is_among_them():
    functions = {name for name in A.__all__ if callable(getattr(A, name)) and not isinstance(getattr(A, name), type)}
    public = {name for name in functions if not name.startswith("read_")}
    listed = {name.split(",")[0] for name in (*OF_ONE, *OF_TWO)}
    assert public - listed - ELSEWHERE - IN_WORDS == set()


def test_different_recipes_are_said(table):
    said = A.mixed_conditions({"a": table([1.0, 2.0], recipe=["long", "short"]), "b": table([1.0])})
    assert said[0].startswith("The models were trained with different recipes (a: long, short; b: digits)")
