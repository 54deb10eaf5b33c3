"""The best networks, block by block."""

from __future__ import annotations

from dsx.exhibits.networks import EXHIBIT


def test_the_best_network_comes_first_with_a_row_for_every_block(computed, inquiry):
    each = computed(EXHIBIT)[0]
    models = inquiry.models["A"]
    best = models.loc[models["error"].idxmin()]
    first = each.main[each.main["rank"] == 1]
    assert first["model_id"].unique().tolist() == [best["model_id"]]
    assert len(first) == best["total_depth"]


def test_the_report_draws_three_of_each_study(inquiry):
    sections = list(EXHIBIT.sections((), inquiry))
    assert [section.heading for section in sections] == ["A", "E"]
    assert [len(section.pictures) for section in sections] == [3, 3]
    best = inquiry.models["A"].sort_values("error").iloc[0]
    assert best["model_id"] in sections[0].pictures[0].caption
