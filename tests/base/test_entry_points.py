"""What other packages add."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dsx.base.entry_points import added, loaded
from dsx.base.errors import DsxError


def _load(value: str) -> object:
    return loaded(EntryPoint("mine", value, "some.group"), "exhibit", callable, "something to call")


def test_the_entry_points_of_a_group_are_those_that_installed_packages_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "shelf-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[some.group]\nmine = json:dumps\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {name: entry.value for name, entry in added("some.group").items()} == {"mine": "json:dumps"}
    assert _load("json:dumps")([1]) == "[1]"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("code", "fault"),
    [("gone", "NameError: name 'gone' is not defined"), ("raise OSError('no board')", "OSError: no board")],
)
def test_a_package_that_fails_while_it_loads_is_named_with_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, fault: str
) -> None:
    (tmp_path / f"faulty_{len(code)}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DsxError) as refused:
        _load(f"faulty_{len(code)}:X")
    assert str(refused.value) == (
        f"exhibit 'mine' (faulty_{len(code)}:X): cannot be loaded: {fault}; mend or remove the package that adds it"
    )


def test_what_is_missing_or_does_not_fit_is_named() -> None:
    for value, fault in (
        ("gone_from_here:X", "cannot be loaded: ModuleNotFoundError: No module named 'gone_from_here'; mend or remove"),
        ("json:gone", "cannot be loaded: AttributeError: module 'json' has no attribute 'gone'; mend or remove"),
        ("json:__name__", "expected something to call"),
    ):
        with pytest.raises(DsxError) as refused:
            _load(value)
        assert str(refused.value).startswith(f"exhibit 'mine' ({value}): {fault}")
