"""How much of the spread is noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report.conftest import made_up

from dsx.analysis.replicates import replicates_in_words, shrunken_errors, variances
from dsx.exhibits.exhibit import Computed, Inquiry
from dsx.exhibits.seeds import EXHIBIT
from dsx.exhibits.studies import StudyFacts


def with_seeds(name: str, seeds: int = 3, noise: float = 0.3, images: int | None = 359) -> StudyFacts:
    """A made-up study of 24 models, the first 16 of them with so many seeds."""
    facts = made_up(name)
    rng = np.random.default_rng(0)
    parts = [facts.table.assign(replicate=0)]
    for seed in range(1, seeds):
        more = facts.table[:16]
        parts.append(more.assign(replicate=seed, error=more["error"] + rng.normal(0, noise, 16)))
    return replace(facts, table=pd.concat(parts, ignore_index=True), validation_images=images)


@pytest.fixture
def seeds() -> Computed:
    return next(iter(EXHIBIT.compute(Inquiry([with_seeds("A")]))))


def test_variances_and_luck_are_those_of_all_trainings(seeds: Computed) -> None:
    table = with_seeds("A").table
    parts = variances(table["error"], table["model_id"], 359)
    models = shrunken_errors(table["error"], table["model_id"], 359)
    row = seeds.tables["_variances"].iloc[0]
    assert (row["between"], row["seeds"], row["binomial"]) == (parts.between, parts.seeds, parts.binomial)
    assert (row["models"], row["trainings"]) == (24, 56)
    assert row["luck"] == models.luck > 0
    listed = seeds.tables["_models"]
    assert listed["expected"].tolist() == models.expected.tolist()
    assert listed["model_id"][models.best] == row["best"]
    assert EXHIBIT.told is not None
    assert EXHIBIT.told(seeds) == [f"A: {replicates_in_words(parts, models)}"]


def test_curves_are_of_the_same_models_and_their_means_have_less_spread(seeds: Computed) -> None:
    table = with_seeds("A").table
    several = table.groupby("model_id")["error"].agg(list)
    several = several[several.map(len) == 3]
    for count, (name, rows) in enumerate(seeds.main.groupby("study", sort=False), 1):
        assert name == ("1 seed" if count == 1 else f"mean over {count} seeds")
        assert rows["error"].tolist() == pytest.approx(sorted(np.mean(errors[:count]) for errors in several))
    assert EXHIBIT.draw is not None
    axes = EXHIBIT.draw(seeds, None)
    assert len([line for line in axes.lines if not str(line.get_label()).startswith("_")]) == 3


def test_a_budget_is_spent_on_models_or_on_seeds(seeds: Computed) -> None:
    budget, row = seeds.tables["_budget"], seeds.tables["_variances"].iloc[0]
    assert budget["seeds"].tolist() == [1, 2, 3, 4, 5]
    assert budget["models"].tolist() == [56, 28, 18, 14, 11]
    expected = np.sqrt((budget["seeds"] * row["between"] + row["seeds"]) / 56)
    assert budget["standard_error_of_mean"].tolist() == pytest.approx(expected.tolist())
    assert budget["standard_error_of_mean"].is_monotonic_increasing
    assert budget["wrong_order"].is_monotonic_decreasing


def test_without_replicates_there_is_nothing_to_tell(inquiry: Inquiry) -> None:
    assert list(EXHIBIT.compute(inquiry)) == []
    assert EXHIBIT.section is not None
    assert not EXHIBIT.section([], inquiry)
    same = with_seeds("A", noise=0.0)
    assert list(EXHIBIT.compute(Inquiry([replace(same, table=same.table.assign(error=5.0))]))) == []
    unnamed = same.table.drop(columns="model_id")
    assert list(EXHIBIT.compute(Inquiry([StudyFacts("theirs", unnamed)]))) == []
    failed = same.table.copy()
    failed.loc[24:, ["state", "error"]] = ["failed", np.nan]
    assert list(EXHIBIT.compute(Inquiry([replace(same, table=failed)]))) == []


def test_noise_of_nothing_is_told_as_such() -> None:
    (each,) = EXHIBIT.compute(Inquiry([with_seeds("A", noise=0.0, images=None)]))
    assert each.tables["_variances"]["noise_share"][0] < 1e-12
    assert EXHIBIT.told is not None
    assert "0 % is luck of the seed." in EXHIBIT.told(each)[0]


def test_the_section_has_a_row_for_each_study() -> None:
    inquiry = Inquiry([with_seeds("A"), made_up("B"), with_seeds("C", noise=1.0)])
    assert EXHIBIT.section is not None
    section = EXHIBIT.section(list(EXHIBIT.compute(inquiry)), inquiry)
    assert section.grid is not None
    assert [row[0] for row in section.grid.rows] == ["A", "C"]
    assert all(len(row) == len(section.grid.headers) for row in section.grid.rows)
    assert [sentence[:2] for sentence in section.sentences] == ["A:", "C:"]
