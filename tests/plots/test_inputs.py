"""What figures accept."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.base.errors import DsxError
from dsx.plots.inputs import counts_in_words, errors_by_name, named


def test_one_study_or_several_become_a_mapping():
    assert named([1.0]) == {"models": [1.0]}
    assert named({"A": [1.0]}) == {"A": [1.0]}
    with pytest.raises(DsxError) as refusal:
        named({})
    assert str(refusal.value) == "nothing to draw: give at least one study"


def test_a_table_gives_the_errors_of_its_finished_models(results):
    errors = errors_by_name({"A": results})["A"]
    assert errors.size == 59
    assert 90.0 in errors


def test_nothing_finished_is_told_with_the_counts(results):
    pending = results.assign(state="pending", error=np.nan)
    with pytest.raises(DsxError) as refusal:
        errors_by_name({"A": pending})
    assert str(refusal.value) == (
        "nothing to draw: no study has a finished model (A: 60 models: 0 done, 0 diverged, 0 failed, 60 pending)"
    )


def test_tables_of_equal_counts_share_a_line(results):
    done = results.assign(state="done", error=1.0)
    (line,) = counts_in_words({"A": done, "B": done})
    assert line == "each: 60 models: 60 done, 0 diverged, 0 failed, 0 pending"
    lines = counts_in_words({"A": done, "B": results, "C": done})[:2]
    assert lines[0] == "A and C: 60 models: 60 done, 0 diverged, 0 failed, 0 pending"
    assert lines[1].startswith("B: 60 models: 58 done")


def test_counts_stand_for_tables_only(results):
    (line,) = counts_in_words({"A": results, "numbers": [1.0, 2.0]})
    assert line.startswith("A: 60 models: 58 done, 1 diverged (counted at chance error 90 %), 1 failed")
