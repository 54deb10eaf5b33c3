"""What may be said of growing studies at any look."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dsx.analysis.confidence_sequences import edf_sequence_half_width, mean_sequence, quantile_sequence
from dsx.exhibits.any_look import EXHIBIT, looks
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts
from dsx.recipes.metric import Metric


def _study(name: str, errors: object, **columns: object) -> StudyFacts:
    table = pd.DataFrame({"error": errors, **columns})
    table.insert(0, "model_id", [f"m{i}" for i in range(len(table))])
    return StudyFacts(name, table.assign(state=table.get("state", "done")))


def test_looks_double_and_end_with_all() -> None:
    assert looks(8) == [8]
    assert looks(24) == [8, 16, 24]
    assert looks(64) == [8, 16, 32, 64]


def test_every_row_is_what_the_sequences_say_of_the_first_models() -> None:
    errors = np.random.default_rng(3).gamma(3, 4, 40)
    (computed,) = EXHIBIT.compute(Inquiry([_study("A", errors)], level=0.9))
    table = computed.main.set_index("models")
    assert table.index.tolist() == [8, 16, 32, 40]
    for n, row in table.iterrows():
        first = errors[:n]
        assert (row["median"], row["mean"]) == (pytest.approx(np.median(first)), pytest.approx(first.mean()))
        assert row["median_high"] == pytest.approx(quantile_sequence(first, level=0.9).high[-1], nan_ok=True)
        assert row["mean_low"] == pytest.approx(mean_sequence(first, level=0.9).low[-1])
        assert row["edf_half_width"] == edf_sequence_half_width(n, 0.9)
    assert set(table["mean_method"]) == {"exact"}


def test_the_intervals_miss_at_some_look_in_no_more_analyses_than_they_say() -> None:
    """200 studies, read after 8, 16 … 128 models; an interval at one look misses at some in a fifth of them."""
    rng, missed, one_look = np.random.default_rng(0), 0, 0
    for _ in range(200):
        (computed,) = EXHIBIT.compute(Inquiry([_study("A", rng.lognormal(1, 0.5, 128))]))
        table = computed.main
        missed += bool(((table["median_low"] > np.e) | (table["median_high"] < np.e)).any())
        reach = 1.96 * 1.2533 * 0.5 / np.sqrt(table["models"])  # of a median's logarithm
        one_look += bool((np.abs(np.log(table["median"]) - 1) > reach).any())
    assert missed <= 10
    assert one_look >= 20


def test_models_count_up_to_the_first_that_is_still_to_be_trained() -> None:
    errors = np.arange(1.0, 41.0)[np.random.default_rng(1).permutation(40)]
    states = ["done"] * 20 + ["pending"] + ["done"] * 19
    errors[20] = np.nan
    study = _study("A", errors, state=states)
    (computed,) = EXHIBIT.compute(Inquiry([study, _study("few", errors[:7])]))
    assert computed.main["models"].tolist() == [8, 16, 20]
    assert computed.main["median"].iloc[-1] == np.median(errors[:20])


def test_errors_that_are_no_percentages_have_a_mean_in_the_limit_which_the_report_says() -> None:
    study = _study("A", np.random.default_rng(2).normal(300, 20, 32))
    inquiry = Inquiry([study])
    computed = list(EXHIBIT.compute(inquiry))
    assert set(computed[0].main["mean_method"]) == {"asymptotic"}
    assert EXHIBIT.section is not None
    section = EXHIBIT.section(computed, inquiry)
    assert "means: of what is no percentage in the limit, from 128 models on." in section.notes[0]
    assert section.grid is not None
    assert section.grid.rows[0][:2] == ["A", "32"]


def test_the_order_is_told_where_no_verdict_tells_it() -> None:
    study = _study("A", np.arange(1.0, 33.0))
    inquiry = Inquiry([study])
    assert EXHIBIT.section is not None
    assert list(EXHIBIT.compute(inquiry)) == []
    (note,) = EXHIBIT.section([], inquiry).notes
    assert note.startswith("A: the models stand in no order of drawing")
    both = Inquiry([study, _study("B", np.random.default_rng(0).gamma(3, 4, 16))])
    (computed,) = EXHIBIT.compute(both)
    assert set(computed.main["study"]) == {"B"}


def test_the_figure_has_bands_of_few_studies_only() -> None:
    rng = np.random.default_rng(4)
    assert EXHIBIT.draw is not None
    for number, bands in ((2, 2), (4, 0)):
        studies = [_study(f"S{i}", rng.gamma(3, 4, 16)) for i in range(number)]
        (computed,) = EXHIBIT.compute(Inquiry(studies))
        axes = EXHIBIT.draw(computed, None)
        assert len(axes.collections) == bands
        assert axes.get_ylabel() == "median error %"
        assert EXHIBIT.caption is not None
        assert ("at any look" in EXHIBIT.caption(computed).caption) is bool(bands)


def test_where_more_is_better_the_interval_stands_in_the_metrics_own_order() -> None:
    accuracy = Metric(name="accuracy", unit="%", better="higher")
    study = _study("A", np.random.default_rng(5).gamma(3, 4, 32))
    inquiry = Inquiry([StudyFacts("A", study.table, metrics=(accuracy,))])
    assert EXHIBIT.section is not None
    section = EXHIBIT.section(list(EXHIBIT.compute(inquiry)), inquiry)
    (computed,) = EXHIBIT.compute(inquiry)
    last = computed.main.iloc[-1]
    assert section.grid is not None
    cell = section.grid.rows[0][2]
    assert cell.startswith(f"{100 - last['median']:.1f} ({100 - last['median_high']:.1f}–"), cell
