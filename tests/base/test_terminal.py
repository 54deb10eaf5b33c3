from __future__ import annotations

import io
import sys

import pytest

from dsx.base.terminal import ReaderGoneError, standard_streams


def test_signs_that_the_encoding_lacks_are_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with standard_streams():
        print("3–5 × 2 ≥ 1 … Prüfung 数 \udcff")
    assert raw.getvalue() == b"3-5 x 2 >= 1 ... Pr\\xfcfung \\u6570 \\udcff\n"


def test_an_encoding_that_has_them_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    before = sys.stdout
    with standard_streams():
        print("3–5 …")
    assert raw.getvalue().decode() == "3–5 …\n"
    assert sys.stdout is before


class Closed(io.StringIO):
    """A stream whose reader has gone."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_who_has_gone_is_told_from_other_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(ReaderGoneError), standard_streams():
        print("a")
