"""Log–log lines through what networks cost."""

from __future__ import annotations

import numpy as np
import pytest

from dsx.exhibits.complexity import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_an_exact_power_law_is_found(inquiry):
    flops = np.geomspace(1e6, 1e8, 24)
    table = inquiry.tables["A"].assign(flops=flops, acts=6.5 * np.sqrt(flops), params=1.0)
    (each,) = EXHIBIT.compute(Inquiry([StudyFacts("A", table)]))
    fit = each.tables["_fits"].set_index(["y", "x"]).loc[("acts", "flops")]
    assert fit["exponent"] == pytest.approx(0.5)
    assert fit["factor"] == pytest.approx(6.5)


def test_the_report_has_a_column_for_each_study(computed, inquiry):
    section = EXHIBIT.section(computed(EXHIBIT), inquiry)
    assert section.grid.headers == ["exponent s", "A", "E"]
    assert section.heading == "Complexity"
    assert not EXHIBIT.section([], inquiry)
