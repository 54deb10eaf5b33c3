"""Which launchers there are, and what their files may say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import add_package

from dsx.base.errors import DefinitionError, DsxError
from dsx.launch import registry
from dsx.launch.debug import DebugLauncher
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.registry import kinds, launcher_class, read_launcher
from dsx.launch.slurm.launcher import SlurmLauncher

from shelf import SHELF, add_shelf

OWN = list(registry._BUILT_IN)


@pytest.fixture(autouse=True)
def _import_anew() -> Iterator[None]:
    """Of the package that is added, each test has its own."""
    sys.modules.pop("shelf_launcher", None)
    yield
    sys.modules.pop("shelf_launcher", None)


@pytest.mark.parametrize(
    ("kind", "described"), [("local", LocalLauncher), ("debug", DebugLauncher), ("slurm", SlurmLauncher)]
)
def test_dsxs_own_launchers_are_found_by_their_kinds(kind: str, described: type) -> None:
    assert launcher_class(kind) is described
    assert read_launcher({"kind": kind}) == described()


def test_without_a_kind_the_launcher_is_local() -> None:
    assert read_launcher({"workers": 3}) == LocalLauncher(workers=3)


def test_a_value_that_breaks_a_rule_is_told_with_its_place() -> None:
    with pytest.raises(DefinitionError) as caught:
        read_launcher({"kind": "local", "workers": 0}, "box.yaml: launcher")
    assert str(caught.value).startswith("box.yaml: launcher: workers = 0: expected ")


def test_a_key_of_another_launcher_is_told_with_its_owner() -> None:
    with pytest.raises(DefinitionError) as caught:
        read_launcher({"kind": "local", "mem_gb": 4})
    assert str(caught.value) == "launcher: unknown key 'mem_gb'. It is for launcher slurm, as with --on slurm"


def test_an_added_launcher_is_read_like_dsxs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(add_shelf(tmp_path)))
    assert kinds() == [*OWN, "shelf"]
    added = read_launcher({"kind": "shelf", "boards": 3})
    assert (type(added).__module__, added.model_dump()) == ("shelf_launcher", {"kind": "shelf", "boards": 3})


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(DsxError) as caught:
        read_launcher({"kind": "slrum"})
    assert str(caught.value) == f"launcher: kind = 'slrum': expected one of {', '.join(OWN)}. Did you mean slurm?"


def test_a_package_whose_launcher_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(add_shelf(tmp_path, "ShelfLauncher = dict")))
    assert kinds() == [*OWN, "shelf"]
    with pytest.raises(DsxError) as caught:
        launcher_class("shelf")
    assert str(caught.value) == (
        "launcher 'shelf' of package shelf-launcher (shelf_launcher:ShelfLauncher): expected a subclass of"
        " dsx.launch.launcher.Launcher, found type <class 'dict'>; mend or remove the package"
    )


def test_dsxs_own_launchers_are_not_hidden_by_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = "local = shelf_launcher:ShelfLauncher"
    monkeypatch.syspath_prepend(str(add_package(tmp_path, "shelf_launcher", SHELF, "dsx.launchers", entry)))
    assert kinds() == OWN
    assert registry.launcher_class("local") is LocalLauncher
