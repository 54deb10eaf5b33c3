"""Error against every parameter."""

from __future__ import annotations

from dsx.exhibits.scatter import EXHIBIT


def test_there_is_a_figure_for_each_study_with_a_panel_for_each_varied_column(computed):
    each = computed(EXHIBIT)
    assert [c.path for c in each] == ["figures/A/scatter", "figures/E/scatter"]
    axes = EXHIBIT.draw(each[0], None)
    assert len(axes.child_axes) == len(each[0].tables["_ranges"])
    points = each[0].main
    assert points["rank"].tolist() == points["error"].rank(method="first").astype(int).tolist()
