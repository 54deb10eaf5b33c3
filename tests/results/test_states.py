from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.analysis import count_states, finished, finished_errors, mixed_conditions
from dsx.base.errors import DsxError
from dsx.results.states import in_order


def test_counts_say_in_words_what_became_of_every_model(mixed):
    counts = count_states(mixed)
    assert counts.words() == "24 models: 22 done, 1 diverged (counted at chance error 90 %), 1 failed, 0 pending"
    assert counts.n == 23
    assert counts.done + counts.diverged + counts.failed + counts.running + counts.pending == counts.runs


def test_running_models_are_named_only_when_there_are_some(table):
    counts = count_states(table([1.0, np.nan, np.nan], ["done", "running", "pending"]))
    assert counts.words() == "3 models: 1 done, 0 diverged, 0 failed, 1 running, 1 pending"


def test_a_done_model_without_an_error_is_left_out_and_said_to_be(table):
    frame = table([1.0, np.nan])
    assert count_states(frame).words() == (
        "2 models: 2 done (1 of them without an error, left out), 0 diverged, 0 failed, 0 pending"
    )
    assert finished_errors(frame).tolist() == [1.0]


def test_an_error_of_a_running_model_does_not_count(table):
    assert finished_errors(table([1.0, 7.0], ["done", "running"])).tolist() == [1.0]


def test_seeds_of_one_model_count_once_with_their_mean_error(table):
    frame = table([2.0, 4.0, 5.0, 90.0, np.nan], ["done", "done", "done", "diverged", "failed"])
    frame["model_id"] = ["a", "a", "b", "b", "c"]
    rows = finished(frame).set_index("model_id")
    assert rows.loc["a", "error"] == 3.0
    assert rows.loc["b", "error"] == 47.5
    assert rows.loc["b", "state"] == "diverged"
    assert len(rows) == 2
    assert count_states(frame).words().startswith("3 models in 5 runs: 3 done, 1 diverged")


def test_a_table_without_states_counts_the_rows_that_have_an_error():
    frame = pd.DataFrame({"error": [1.0, np.nan, 3.0]})
    assert finished_errors(frame).tolist() == [1.0, 3.0]
    assert count_states(frame).words() == "3 models: 2 done, 0 diverged, 1 failed, 0 pending"


def test_no_finished_model_is_an_error_with_the_counts(table):
    with pytest.raises(DsxError) as caught:
        finished_errors(table([np.nan, np.nan], ["failed", "pending"]), "AnyNetXA")
    assert str(caught.value) == (
        "AnyNetXA: no finished model (2 models: 0 done, 0 diverged, 1 failed, 1 pending): train some with `dsx launch`"
    )


def test_a_table_without_errors_or_with_an_unknown_state_is_refused(table):
    with pytest.raises(DsxError, match=r"no column 'error' .* Did you mean errors"):
        count_states(pd.DataFrame({"errors": [1.0]}))
    with pytest.raises(DsxError, match=r"state 'doen': expected one of done, .*Did you mean done\?"):
        count_states(table([1.0], ["doen"]))


def test_different_recipes_and_epochs_are_warned_of(table):
    a, b = table([1.0, 2.0]), table([1.0, 2.0], recipe="imagenet", epochs=10)
    warnings = mixed_conditions({"A": a, "B": b})
    assert warnings == [
        "The models were trained with different recipes (A: digits; B: imagenet); their errors are not comparable.",
        "The models were trained with different numbers of epochs (A: 8; B: 10); their errors are not comparable.",
    ]
    assert mixed_conditions({"A": a, "B": a}) == []


def test_different_numbers_of_seeds_are_warned_of(table):
    once, twice = table([1.0, 2.0]), table([1.0, 2.0, 3.0, np.nan], ["done", "done", "diverged", "pending"])
    twice["model_id"] = ["m00000", "m00001", "m00000", "m00001"]
    assert mixed_conditions({"A": twice, "B": once}) == [
        "Errors are means over different numbers of seeds (A: 1.5; B: 1), and means over more seeds spread less."
    ]
    numbered = {"A": twice.assign(replicate=[0, 0, 1, 1]), "B": once.assign(replicate=0)}
    assert mixed_conditions(numbered)[0].endswith("spread less; --where 'replicate == 0' compares first seeds alone.")
    nothing = table([np.nan], ["pending"])
    assert mixed_conditions({"A": twice, "B": twice, "C": nothing}) == []


def test_in_order_failed_models_are_left_out_and_those_to_come_wait_at_their_place(table):
    rows = in_order(table([3.0, np.nan, np.nan, 90.0, np.nan], ["done", "failed", "running", "diverged", "done"]))
    assert rows["model_id"].tolist() == ["m00000", "m00002", "m00003"]
    assert rows["error"].tolist() == pytest.approx([3.0, np.nan, 90.0], nan_ok=True)


def test_in_order_a_model_of_several_seeds_waits_for_all_that_have_not_failed(table):
    runs = table([1.0, 2, 3, 4, 5, np.nan], ["done", "done", "failed", "done", "done", "pending"])
    runs["model_id"] = ["b", "a", "c", "b", "c", "a"]
    rows = in_order(runs)
    assert rows["model_id"].tolist() == ["b", "a", "c"]
    assert rows["error"].tolist() == pytest.approx([2.5, np.nan, 5.0], nan_ok=True)


def test_one_network_with_several_sampled_settings_is_several_models_and_seeds_are_averaged() -> None:
    runs = ["m-r00000001", "m-r00000001-s1", "m-r00000002", "m-r00000002-s1", "n-r00000001", "n-r00000001-s1"]
    table = pd.DataFrame({"model_id": list("mmmmnn"), "run_id": runs, "state": "done", "error": [1.0, 3, 5, 7, 9, 11]})
    assert finished(table)["error"].tolist() == [2.0, 6.0, 10.0]
    assert in_order(table)["error"].tolist() == [2.0, 6.0, 10.0]
    assert (count_states(table).models, count_states(table).n, count_states(table).runs) == (3, 3, 6)
    foreign = table.assign(run_id=["a1", "b2", "c3", "d4", "e5", "f6"])  # ids that say nothing of settings
    assert finished(foreign)["error"].tolist() == [4.0, 10.0]
