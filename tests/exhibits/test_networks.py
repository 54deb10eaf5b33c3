"""The best networks, block by block."""

from __future__ import annotations

import pandas as pd

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.networks import EXHIBIT
from dsx.exhibits.studies import StudyFacts


def test_the_best_network_comes_first_with_a_row_for_every_block(computed, inquiry):
    each = computed(EXHIBIT)[0]
    models = inquiry.models["A"]
    best = models.loc[models["error"].idxmin()]
    first = each.main[each.main["rank"] == 1]
    assert first["model_id"].unique().tolist() == [best["model_id"]]
    assert len(first) == best["total_depth"]


def test_the_report_draws_three_of_each_study(computed, inquiry):
    sections = list(EXHIBIT.sections(computed(EXHIBIT), inquiry))
    assert [section.heading for section in sections] == ["A", "E"]
    assert [len(section.pictures) for section in sections] == [3, 3]
    best = inquiry.models["A"].sort_values("error").iloc[0]
    assert best["model_id"] in sections[0].pictures[0].caption
    fit = computed(EXHIBIT)[0].main.iloc[0]
    assert (
        sections[0]
        .pictures[0]
        .caption.endswith(f"; fit w0 {fit.w0:g}, wa {fit.wa:g}, wm {fit.wm:g}, e_fit {fit.e_fit:.2f}")
    )


def test_networks_too_deep_to_fit_are_drawn_without_a_line_beside_those_that_are_fitted():
    table = pd.DataFrame({"model_id": ["a", "b"], "state": "done", "error": [1.0, 2.0]})
    networks = pd.DataFrame({"model_id": ["a", "b"], "stages": [[[300, 16, 1, 0]], [[2, 16, 1, 0], [2, 32, 1, 0]]]})
    deep = Inquiry([StudyFacts("deep", table, networks)])
    each = list(EXHIBIT.compute(deep))
    assert each[0].main.groupby("rank")["w0"].count().tolist() == [0, 4]
    deepest, _ = EXHIBIT.draw(each[0], None).child_axes
    assert deepest.get_title(loc="left").endswith("over 256 blocks: no fit")
    (section,) = EXHIBIT.sections(each, deep)
    assert ["; fit w0" in picture.caption for picture in section.pictures] == [False, True]
