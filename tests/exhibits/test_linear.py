"""How close networks are to a quantised line."""

from __future__ import annotations

from scipy.stats import spearmanr

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.linear import EXHIBIT
from dsx.exhibits.studies import StudyFacts


def test_the_report_tells_how_it_goes_with_the_error(computed, inquiry):
    each = computed(EXHIBIT)
    rows = {row[0]: row for row in EXHIBIT.section(each, inquiry).grid.rows}
    fits = each[0].main
    known = fits["e_fit"].notna()
    rho = spearmanr(fits.loc[known, "e_fit"], fits.loc[known, "error"]).statistic
    assert rows["A"][4].startswith(f"{rho:.2f} (".replace("-", "−"))
    assert rows["A"][1] == f"{known.sum()} of 24"


def test_networks_that_are_not_known_are_not_fitted(inquiry):
    bare = Inquiry([StudyFacts("A", inquiry.tables["A"])])
    assert list(EXHIBIT.compute(bare)) == []
    assert not EXHIBIT.section([], bare)
