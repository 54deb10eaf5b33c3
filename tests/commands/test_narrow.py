"""`dsx narrow`: what is typed becomes names and numbers of rules."""

from __future__ import annotations

import pytest

from dsx.base.errors import DsxError
from dsx.commands import narrow as command
from dsx.commands.narrow import narrow

from command_line import Command


@pytest.mark.parametrize(
    ("parameters", "take", "names", "numbers"),
    [
        ("", "", [], []),
        ("width, depth", "1,3", ["width", "depth"], [1, 3]),
        (",width,", "2", ["width"], [2]),
    ],
)
def test_lists_are_read_with_and_without_blanks(monkeypatch, parameters, take, names, numbers):
    monkeypatch.setattr(command, "chosen", lambda folders: list(folders))
    monkeypatch.setattr(command.account, "narrow", lambda *arguments: arguments)
    assert narrow(["S"], parameters, None, take, 0.9) == (["S"], names, None, numbers, 0.9)


@pytest.mark.parametrize("take", ["first", "1,-2", "1.5"])
def test_what_is_no_number_of_a_rule_is_told_as_it_was_typed(take: str):
    with pytest.raises(DsxError) as told:
        narrow(["S"], take=take)
    assert str(told.value) == f"--take {take}: expected numbers of the rules listed, as in 1,3"


@pytest.mark.slow
def test_a_study_without_results_is_one_line(dsx: Command):
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", "S")
    done = dsx("narrow", "S")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert done.err.startswith("dsx: ")
