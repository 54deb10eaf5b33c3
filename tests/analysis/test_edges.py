"""Every public statistic on studies at the edge: a sensible result or one line of words, and no warning."""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
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
def case(request) -> str:
    return request.param


@pytest.fixture
def odd(case, table) -> Table:
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
    made = with_columns(table(*named.get(case, (errors,))))
    if case == "a derived column of NaN":
        made["acts"] = np.nan
    if case == "NaN in a derived column":
        made["acts"] = np.where(np.arange(N) < 15, np.nan, made["acts"])
    if case == "different recipes":
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
    "asymptotic_mean_sequence": A.asymptotic_mean_sequence,
    "area, weighted": lambda t: A.area(t, 5, ones(t)),
    "best_of_k": A.best_of_k,
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
    "mean_sequence": A.mean_sequence,
    "min_interval": A.min_interval,
    "mixed_conditions": lambda t: A.mixed_conditions({"a": t}),
    "parameter_columns": A.parameter_columns,
    "plan": lambda t: A.plan(t, difference=3)["words"],
    "pointwise_band": A.pointwise_band,
    "pointwise_band, weighted": lambda t: A.pointwise_band(t, ones(t)),
    "power_curve": lambda t: A.power_curve([t], [8, 16], difference=0.5),
    "quantile": lambda t: A.quantile(t, 0.3),
    "quantile_interval": A.quantile_interval,
    "quantile_sequence": A.quantile_sequence,
    "random_search": A.random_search,
    "random_search, weighted": lambda t: A.random_search(t, weights=ones(t)),
    "rank_correlation": lambda t: A.rank_correlation(t["acts"], t["error"]),
    "representative_curves": lambda t: A.representative_curves(t.assign(epoch=1)),
    "share_below": lambda t: A.share_below(t, 3),
    "summarize": lambda t: A.summarize({"a": t}),
    "summarize_errors": A.summarize_errors,
    "trend": lambda t: A.trend({"a": t}, "acts"),
    "trimmed_mean": A.trimmed_mean,
    "trend_fits": lambda t: A.trend_fits(A.trend({"a": t, "b": t})),
}
OF_TWO: dict[str, Callable[[Table, Table], Any]] = {
    "analyze": lambda a, b: A.analyze({"a": a, "b": b}),
    "compare": lambda a, b: A.comparison_in_words(A.compare(a, b), "a", "b"),
    "compare_all": lambda a, b: A.compare_all({"a": a, "b": b}),
    "compare_matched": lambda a, b: A.matched_in_words(A.compare_matched(a, b, "acts"), "a", "b"),
    "decisions": lambda a, b: [A.verdict_sentence(v) for v in A.decisions({"a": a, "b": b}).stated],
    "dominance": lambda a, b: A.dominance_in_words(A.dominance(a, b), "a", "b"),
    "edf_difference": A.edf_difference,
    "edf_difference_table": A.edf_difference_table,
    "ks_test": A.ks_test,
    "mean_difference_interval": A.mean_difference_interval,
    "mixed_conditions": lambda a, b: A.mixed_conditions({"a": a, "b": b}),
    "models_to_decide": lambda a, b: A.models_to_decide({"a": a, "b": b}),
    "plan": lambda a, b: A.plan(a, b)["words"],
    "quantile_difference": A.quantile_difference,
    "rank_agreement": lambda a, b: A.rank_agreement({"a": a, "b": b}),
    "right_order": lambda a, b: A.right_order(a, b, trials=50),
    "superiority": A.superiority,
    "sequential_verdicts": lambda a, b: [A.verdict_sentence(v) for v in A.sequential_verdicts({"a": a, "b": b})],
    "trend": lambda a, b: A.trend({"a": a, "b": b}, "acts"),
    "trimmed_mean_difference": A.trimmed_mean_difference,
    "verdicts": lambda a, b: [A.verdict_sentence(v) for v in A.verdicts({"a": a, "b": b})],
    "verdicts_table": lambda a, b: A.verdicts_table(A.decisions({"a": a, "b": b}, margin=A.Margin(0.1))),
}
# those that take no study: tested where they are at home
ELSEWHERE = {
    "attained",
    "block_widths",
    "chance_within",
    "edf_sequence_half_width",
    "joint_difference",
    "joint_edf",
    "holm",
    "importance_table",
    "linear_fit",
    "parse_margin",
    "table_widths",
}
IN_WORDS = {"comparison_in_words", "dominance_in_words", "matched_in_words", "verdict_sentence"}


# ---- what is refused, in which words ----

_COUNTS = {
    "no rows": "0 models: 0 done, 0 diverged, 0 failed, 0 pending",
    "none finished": "3 models: 0 done, 0 diverged, 1 failed, 1 running, 1 pending",
}
# asks for a model that counts, by the name it gives to what has none
NEEDS_ONE = {
    "errors": {
        "area", "area, weighted", "asymptotic_mean_sequence", "best_of_k", "best_range", "best_weights", "edf",
        "edf, weighted",
        "expected_minimum", "joint_best_range", "ks_by_sample_size", "mean_interval", "mean_sequence", "min_interval",
        "pointwise_band", "pointwise_band, weighted", "quantile", "quantile_interval", "quantile_sequence",
        "random_search", "random_search, weighted",
        "share_below", "summarize_errors", "trimmed_mean",
    },
    "results table": {"finished_errors"},
    "pilot": {"plan", "power_curve"},
    "one of two": {
        "compare", "dominance", "edf_difference", "edf_difference_table", "ks_test", "mean_difference_interval",
        "models_to_decide", "quantile_difference", "right_order", "sequential_verdicts", "superiority",
        "trimmed_mean_difference", "verdicts",
    },
}  # fmt: skip
LINE = "a line cannot be fitted through {} usable pairs: at least 2 pairs with different x are needed"
NO_COMPLEXITY = "matched comparison: a population has no model with a known complexity"
WINDOW = (
    "matched comparison: between 0.09192 and 0.09192 the populations have {} models; at least 2 of each are needed:"
)
WINDOW += " widen the window"
FEW_PILOTS = "pilot {}: {} finished models: a plan needs at least 4 to show the spread of errors"
NO_PILOT_SPREAD = (
    "pilot {}: all 20 errors are {} %: they show no spread, from which the number of models follows; take a pilot of"
    " more models"
)
NO_CURVE = "curves: no finished model has a training curve yet"


def of_pilots(message: str, *given: Any) -> dict[str, str]:
    """What plans say of a pilot, by which of two it is."""
    first = dict.fromkeys(("plan", "plan, first", "plan, both", "power_curve"), message.format(1, *given))
    return first | {"plan, second": message.format(2, *given)}


# case → function → words; of functions of two studies, by which of them is odd
REFUSED: dict[str, dict[str, str]] = {
    "one model": {
        "fit_columns": LINE.format(1), "fit_line": LINE.format(1), "matched_bins": WINDOW.format("1"),
        "matched_weights": WINDOW.format("1"), "compare_matched, first": WINDOW.format("1, 0"),
        "compare_matched, second": WINDOW.format("0, 1"), "compare_matched, both": WINDOW.format("1, 1"),
        **of_pilots(FEW_PILOTS, 1),
    },
    "two models": of_pilots(FEW_PILOTS, 2),
    "a derived column of NaN": {
        "best_range": "x: no model has a value: a best range needs at least one",
        "joint_best_range": "x and y: no model has both values: a joint range needs at least one",
        "fit_columns": LINE.format(0), "matched_bins": NO_COMPLEXITY, "matched_weights": NO_COMPLEXITY,
        **dict.fromkeys(("compare_matched, first", "compare_matched, second", "compare_matched, both"), NO_COMPLEXITY),
    },
    "all equal": of_pilots(NO_PILOT_SPREAD, 4),
    "all diverged": of_pilots(NO_PILOT_SPREAD, 90),
    "no rows": {"matched_bins": NO_COMPLEXITY, "representative_curves": NO_CURVE},
    "none finished": {},
}  # fmt: skip


def refusal(case: str, name: str, odd_one: str = "") -> str | None:
    """The words in which this function refuses this study; None: it gives a result. odd_one: first, second or both."""
    told = REFUSED.get(case, {}).get(f"{name}, {odd_one}" if odd_one else name)
    if told is None and case in _COUNTS:
        told = _refusal_of_nothing(case, name, odd_one)
    return told


def _refusal_of_nothing(case: str, name: str, odd_one: str) -> str | None:
    if name in ("fit_columns", "fit_line"):
        return LINE.format(0)
    if name in ("matched_weights", "compare_matched"):
        return NO_COMPLEXITY
    what = next((what for what, names in NEEDS_ONE.items() if name in names), None)
    if what == "pilot":
        what = "pilot 2" if odd_one == "second" else "pilot 1"
    elif what == "one of two":
        what = "b" if odd_one == "second" else "a"
    return what and f"{what}: no finished model ({_COUNTS[case]}): train some with `dsx launch`"


# ---- what a result must be ----

EMPTY, FEW = {"no rows", "none finished"}, {"one model", "two models"}
CONSTANT = {"all equal", "all diverged"}
# path in a result → cases in which it may be unknown (NaN); nothing else may
UNKNOWN: list[tuple[str, set[str] | None]] = [
    ("random_search*.low", None),  # with k near n, no resample is worse than the best model: no bound
    ("random_search*.high", None),
    ("best_of_k.low", None),  # k = 1 of fewer than 64 models
    ("best_of_k.high", None),
    ("*mean_error_*", None),  # of fewer than 64 models
    ("*mean_difference_*", None),
    ("*_sequence.low", None),  # of the first models there is none yet
    ("*_sequence.high", None),
    ("power_curve.low", None),  # power has an interval where the difference is the pilots'
    ("power_curve.high", None),
    ("*verdicts*.superiority", None),  # whether curves cross has none
    ("*verdicts*.low", None),
    ("*verdicts*.high", None),
    ("*verdicts.equivalence_*", None),  # without a margin
    ("trimmed_mean_difference", FEW | CONSTANT),
    ("*trimmed_difference_*", FEW | CONSTANT),
    ("analyze.search.low", None),
    ("analyze.search.high", None),
    ("right_order.by_*", None),  # a study against itself: tied
    ("representative_curves.error", {"5 % failed", *EMPTY}),
    ("*.acts", {"a derived column of NaN", "NaN in a derived column"}),
    ("trend.regime", {"a derived column of NaN"}),
    ("analyze.matched.*", {"a derived column of NaN", "one model"}),
    ("analyze.correlation.*", {"a derived column of NaN", *CONSTANT, *FEW}),
    ("rank_*.*", {"a derived column of NaN", *CONSTANT, *FEW, *EMPTY}),
    ("*min_interval", CONSTANT),
    ("*_error", EMPTY),
    ("*_low", FEW | EMPTY),
    ("*_high", FEW | EMPTY),
    ("*_interval", FEW),
    ("quantile_difference", FEW),
    ("superiority", FEW),
    ("area*", FEW),
]


def numbers(value: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every number in a result, with its path of column and field names."""
    if isinstance(value, (float, np.floating)):
        yield path, np.array([value])
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield path, value
    elif isinstance(value, pd.DataFrame):
        yield from ((f"{path}.{name}", value[name].to_numpy()) for name in value if value[name].dtype.kind == "f")
    elif isinstance(value, Mapping):
        yield from (pair for key, entry in value.items() for pair in numbers(entry, f"{path}.{key}"))
    elif isinstance(value, (list, tuple)):
        yield from (pair for entry in value for pair in numbers(entry, path))
    elif dataclasses.is_dataclass(value):
        yield from (
            pair for f in dataclasses.fields(value) for pair in numbers(getattr(value, f.name), f"{path}.{f.name}")
        )


def texts(value: Any) -> Iterator[str]:
    """Every sentence in a result."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, pd.DataFrame):
        yield from (text for name in value for text in value[name] if isinstance(text, str))
    elif isinstance(value, Mapping):
        yield from (text for entry in value.values() for text in texts(entry))
    elif isinstance(value, (list, tuple)):
        yield from (text for entry in value for text in texts(entry))


def check_result(value: Any, name: str, case: str) -> None:
    """Numbers are finite where they can be known, lower ends do not exceed upper ones, words are words."""
    listed = list(numbers(value, name))
    allowed = [pattern for pattern, cases in UNKNOWN if cases is None or case in cases]
    for path, array in listed:
        assert not np.isinf(array).any(), path
        if np.isnan(array).any():
            assert any(fnmatch(path, pattern) for pattern in allowed), f"{path} is unknown"
    by_path = dict(listed)
    for path, low in by_path.items():
        high = by_path.get(re.sub(r"low$", "high", path))
        if path.endswith("low") and high is not None and len(high) == len(low):
            known = ~(np.isnan(low) | np.isnan(high))
            assert (low[known] <= high[known]).all(), path
    for text in texts(value):
        assert text
        assert not re.search(r"\b(nan|inf|None)\b", text), text


def check(call: Callable[[], Any], name: str, case: str, odd_one: str = "") -> None:
    """The function refuses in the words that are due, or gives a result as it must be; no warning in any case."""
    told = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = call()
        except DsxError as reason:
            told = str(reason)
    assert told == refusal(case, name, odd_one)
    if told is None:
        check_result(value, name, case)


@pytest.mark.parametrize("name", OF_ONE)
def test_a_study_at_the_edge_is_told_of_sensibly(case, odd, name):
    check(lambda: OF_ONE[name](odd), name, case)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_TWO)
def test_a_study_at_the_edge_is_compared_sensibly(case, odd, usual, name):
    check(lambda: OF_TWO[name](odd, usual), name, case, "first")
    check(lambda: OF_TWO[name](usual, odd), name, case, "second")
    check(lambda: OF_TWO[name](odd, odd), name, case, "both")


def test_every_public_function_is_among_them():
    functions = {name for name in A.__all__ if callable(getattr(A, name)) and not isinstance(getattr(A, name), type)}
    public = {name for name in functions if not name.startswith("read_")}
    listed = {name.split(",")[0] for name in (*OF_ONE, *OF_TWO)}
    assert public - listed - ELSEWHERE - IN_WORDS == set()


def test_different_recipes_are_said(table):
    said = A.mixed_conditions({"a": table([1.0, 2.0], recipe=["long", "short"]), "b": table([1.0])})
    assert said[0].startswith("The models were trained with different recipes (a: long, short; b: digits)")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: A.decisions({"a": t, "b": t}, margin=0.1),
            "margin = 0.1: expected a Margin, as in Margin(0.1) or pars",
        ),
        (
            lambda t: A.verdicts({"a": t, "b": t}, margin="1pt"),
            "margin = '1pt': expected a Margin, as in Margin(0.1) or ",
        ),
        (
            lambda t: A.models_to_decide({"a": t, "b": t}, margin=0.1),
            "margin = 0.1: expected a Margin, as in Margin(0.1)",
        ),
        (
            lambda t: A.sequential_verdicts({"a": t, "b": t}, margin=0.1),
            "margin = 0.1: expected a Margin, as in Margin(",
        ),
        (lambda t: A.analyze(t), "expected a results table, found Series; tables are given by name: {name: table}"),
        (lambda t: A.summarize({"a": None}), "expected a results table, found NoneType; tables are given by name: {na"),
        (lambda t: A.ks_test(t, t, "smaller"), "alternative = 'smaller': expected one of two-sided, greater, less."),
        (lambda t: A.ks_by_sample_size(t, trials=0), "trials = 0: expected an integer ≥ 1"),
        (lambda t: A.right_order(t, t, trials=-1), "trials = -1: expected an integer ≥ 1"),
        (lambda t: A.edf_difference(t, t, resamples=0), "resamples = 0: expected an integer ≥ 1"),
        (lambda t: A.attained(A.joint_edf(t, np.arange(N)), np.nan), "draws = nan: expected an integer ≥ 1"),
        (
            lambda t: A.joint_difference(*[A.joint_edf(t, np.arange(N))] * 2, resamples=0),
            "resamples = 0: expected an in",
        ),
        (lambda t: A.block_widths([1, 2], [8]), "depths and widths: 2 and 1 values: give one of each per stage"),
        (lambda t: A.block_widths([1.5], [8]), "depths: expected whole numbers of blocks, ≥ 0"),
        (lambda t: A.trend_fits(t), "trends: no column 'parameter': expected what `trend` gives"),
        (lambda t: A.best_of_k([5.0], [2]), "k = 2: there is 1 model: what more would reach does not follow from them"),
    ],
)
def test_what_cannot_be_computed_is_told_in_one_line(table, call, message):
    with pytest.raises(DsxError) as told:
        call(table(2 + np.random.default_rng(1).gamma(2, 1, N)))
    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)
