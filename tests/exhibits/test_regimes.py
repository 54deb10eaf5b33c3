"""What makes studies scales of one space."""

from __future__ import annotations

from report.conftest import made_up

from dsx.exhibits.regimes import regime_of


def test_epochs_tell_apart_studies_of_one_space():
    assert regime_of([made_up("a", epochs=8), made_up("b", epochs=16)]) == ("epochs", {"a": 8.0, "b": 16.0})


def test_studies_of_several_spaces_or_alike_have_no_regime():
    assert regime_of([made_up("a"), made_up("b", space="AnyNetXA-digits")]) == ("", {})
    assert regime_of([made_up("a"), made_up("b")]) == ("", {})
    assert regime_of([made_up("a")]) == ("", {})
