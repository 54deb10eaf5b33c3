"""Error distribution functions of more and more models of a study."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.exhibits.edf_by_models import EXHIBIT, sizes
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_sizes_rise_evenly_to_all() -> None:
    assert sizes(24) == [10, 24]
    assert sizes(1000) == [10, 32, 100, 316, 1000]
    assert sizes(20_000) == [10, 32, 100, 316, 1000, 3162, 10_000, 20_000]


def test_each_curve_is_of_the_first_models(inquiry: Inquiry) -> None:
    each = next(iter(EXHIBIT.compute(inquiry)))
    errors = inquiry.models["A"]["error"].to_numpy()
    points = each.tables["_points"].set_index("models")
    assert points.index.tolist() == [10, 24]
    for n, row in points.iterrows():
        assert row["lowest"] == errors[:n].min()
        assert row["mean"] == pytest.approx(errors[:n].mean())
        assert row["median"] == pytest.approx(np.median(errors[:n]))
    assert each.main.groupby("study", sort=False)["error"].count().to_dict() == {"first 10": 10, "all 24": 24}
    assert EXHIBIT.draw is not None
    axes = EXHIBIT.draw(each, None)
    assert not axes.collections
    assert [text.get_text().split(" (")[0] for text in axes.get_legend().get_texts()] == ["first 10", "all 24"]


def test_few_models_and_equal_errors_show_nothing(inquiry: Inquiry) -> None:
    table = inquiry.tables["A"]
    few, equal = StudyFacts("few", table.head(19)), StudyFacts("equal", table.assign(error=3.0))
    assert list(EXHIBIT.compute(Inquiry([few, equal]))) == []
