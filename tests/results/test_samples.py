from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx import analysis as A
from dsx.base.errors import DsxError
from dsx.results.samples import as_paired, as_sample, as_weighted

NAN, INF = float("nan"), float("inf")
GOOD = np.random.default_rng(0).gamma(4, 1, 40)
HOLED = np.insert(GOOD, 3, NAN)

# every statistic of errors: how it is called on them
OF_ERRORS = {
    "area": lambda e: A.area(e, 5.0),
    "best_of_k": lambda e: A.best_of_k(e).expected.tolist(),
    "best_range": lambda e: A.best_range(RANKED if len(e) == 41 else np.delete(RANKED, 3), e),
    "compare": lambda e: A.compare(e, GOOD + 1),
    "dominance": lambda e: A.dominance(e, GOOD + 1),
    "edf": lambda e: A.edf(e).probability.tolist(),
    "edf_difference": lambda e: A.edf_difference(e, GOOD + 1).half_width,
    "expected_minimum": lambda e: A.expected_minimum(e, 4),
    "ks_by_sample_size": lambda e: A.ks_by_sample_size(e, [4], trials=5).to_dict(),
    "ks_test": lambda e: A.ks_test(e, GOOD + 1),
    "mean_difference_interval": lambda e: A.mean_difference_interval(e, GOOD + 1),
    "mean_interval": A.mean_interval,
    "min_interval": A.min_interval,
    "plan": lambda e: A.plan(e, difference=3),
    "pointwise_band": lambda e: A.pointwise_band(e)[0].tolist(),
    "quantile": lambda e: A.quantile(e, 0.3),
    "quantile_difference": lambda e: A.quantile_difference(e, GOOD + 1),
    "quantile_interval": A.quantile_interval,
    "random_search": lambda e: A.random_search(e).expected.tolist(),
    "right_order": lambda e: A.right_order(e, GOOD + 1, [2], trials=20).to_dict(),
    "share_below": lambda e: A.share_below(e, 4.0),
    "summarize_errors": A.summarize_errors,
    "superiority": lambda e: A.superiority(e, GOOD + 1),
    "trimmed_mean": A.trimmed_mean,
    "trimmed_mean_difference": lambda e: A.trimmed_mean_difference(e, GOOD + 1),
    "verdicts": lambda e: [A.verdict_sentence(v) for v in A.verdicts({"errors": e, "b": GOOD + 1})],
}
RANKED = np.insert(np.arange(40.0), 3, 99.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_ERRORS)
def test_a_model_without_an_error_takes_no_part_in_any_statistic_and_a_warning_counts_it(name):
    with pytest.warns(UserWarning, match="1 of 41 models have no error and are left out") as caught:
        found = OF_ERRORS[name](HOLED)
    assert len(caught) == 1
    assert str(found) == str(OF_ERRORS[name](GOOD))


@pytest.mark.parametrize("name", OF_ERRORS)
def test_an_infinite_error_is_refused_by_every_statistic(name):
    endless = np.insert(GOOD, 3, INF)
    with pytest.raises(DsxError, match="1 of 41 values are infinite: errors are percent; a model that diverged counts"):
        OF_ERRORS[name](endless)


def test_the_chance_to_be_the_best_of_a_model_without_an_error_is_nought():
    with pytest.warns(UserWarning, match="1 of 41"):
        chance = A.best_weights(HOLED)
    assert chance[3] == 0
    assert np.delete(chance, 3).tolist() == A.best_weights(GOOD).tolist()


def test_what_is_paired_with_a_missing_error_is_left_out_with_it():
    with pytest.warns(UserWarning, match="errors: 1 of 3"):
        errors, x = as_paired([1.0, NAN, 3.0], x=[10, 20, NAN])
    assert errors.tolist() == [1, 3]
    assert x[0] == 10
    assert np.isnan(x[1])
    with pytest.warns(UserWarning, match="errors: 1 of 3"):
        errors, weights = as_weighted([1.0, NAN, 3.0], [1, 5, 3])
    assert (errors.tolist(), weights.tolist()) == ([1, 3], [0.25, 0.75])
    assert as_weighted([1.0], None)[1] is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: as_sample([]), "errors: no values: a statistic needs at least one finished model"),
        (lambda: as_sample([NAN] * 2), "errors: 2 values, all NaN: a statistic needs at least one finished model"),
        (lambda: as_sample([[1.0]], "a"), "a: shape (1, 1): expected one dimension, one value per model"),
        (lambda: as_sample(["x"]), "errors: not numbers: expected a sequence of numbers or a results table"),
        (lambda: as_paired([1.0], x=[1, 2]), "x and errors: 2 and 1 values: give one of each per model"),
        (lambda: as_weighted([1.0], [1, 2]), "weights: 2 weights for 1 models: give one per model"),
    ],
)
def test_what_is_no_sample_is_one_clear_line(call, message):
    with pytest.raises(DsxError) as caught:
        call()
    assert str(caught.value) == message


def test_a_results_table_gives_the_errors_of_its_finished_models():
    table = pd.DataFrame({"error": [3.0, NAN, 90.0], "state": ["done", "failed", "diverged"]})
    assert as_sample(table).tolist() == [3.0, 90.0]
