"""All exhibits of one inquiry."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.exhibits.exhibition import check_figures, computed_of, show


def test_what_the_report_needs_is_computed_without_a_folder(inquiry):
    shown, written = show(inquiry)
    assert written.tables == written.figures == []
    assert computed_of(shown, "summary").main["study"].tolist() == ["A", "E"]
    edf = next(each for each in shown if each.exhibit.name == "edf")
    assert edf.pictures[0].source.startswith("data:image/svg+xml;base64,")


def test_a_wrong_word_for_figures_is_refused():
    assert check_figures("main") == "main"
    with pytest.raises(DsxError) as refusal:
        check_figures("al")
    assert str(refusal.value) == "--figures al: expected one of all, main, none"
