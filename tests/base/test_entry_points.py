"""Entry points of other packages: what cannot be loaded is one line that names the package."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from packages import add_package

from dsx.base import entry_points
from dsx.base.errors import DsxError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], EntryPoint]:
    """The one entry point of a group that a package of that code adds."""

    def install(code: str, target: str) -> EntryPoint:
        package = add_package(tmp_path, "numbers_of_mine", code, "dsx.numbers", f"mine = {target}")
        monkeypatch.syspath_prepend(str(package))
        monkeypatch.delitem(sys.modules, "numbers_of_mine", raising=False)
        (entry,) = entry_points.added("dsx.numbers")
        return entry

    return install


def load(entry: EntryPoint) -> object:
    return entry_points.load(entry, "number", lambda found: isinstance(found, int), "an integer")


def test_what_fits_is_given(installed: Callable[[str, str], EntryPoint]) -> None:
    assert load(installed("SEVEN = 7", "numbers_of_mine:SEVEN")) == 7


@pytest.mark.parametrize(
    ("code", "target", "told"),
    [
        ("SEVEN = 'seven'", "numbers_of_mine:SEVEN", "expected an integer, found str 'seven'"),
        ("SEVEN = seven", "numbers_of_mine:SEVEN", "cannot be loaded: NameError: name 'seven' is not defined"),
        ("raise OSError('no board\\nat all')", "numbers_of_mine:SEVEN", "cannot be loaded: OSError: no board"),
        ("", "gone:SEVEN", "cannot be loaded: ModuleNotFoundError: No module named 'gone'"),
        ("SEVEN = ", "numbers_of_mine:SEVEN", "cannot be loaded: SyntaxError: invalid syntax"),
    ],
)
def test_what_does_not_is_one_line_that_names_the_package(
    installed: Callable[[str, str], EntryPoint], code: str, target: str, told: str
) -> None:
    entry = installed(code, target)
    with pytest.raises(DsxError) as caught:
        load(entry)
    message = str(caught.value)
    assert message.startswith(f"number 'mine' of package numbers-of-mine ({target}): {told}")
    assert message.endswith("; mend or remove the package")
    assert "\n" not in message
