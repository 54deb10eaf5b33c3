"""The parameters that go with the error most, against each other."""

from __future__ import annotations

from itertools import combinations

from dsx.exhibits.pairs import EXHIBIT


def test_every_pair_of_a_few_columns_has_its_box(computed):
    for each in computed(EXHIBIT):
        columns = [c for c in each.main.columns if c not in ("model_id", "state", "error", "rank")]
        assert len(columns) <= 4
        boxes = each.tables["_boxes"]
        assert list(zip(boxes["x"], boxes["y"], strict=True)) == list(combinations(columns, 2))
        assert boxes["probability"].between(0, 1).all()
