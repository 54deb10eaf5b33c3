"""Which launchers there are: dsx's own, and those that other packages add by the entry point `dsx.launchers`.

An entry point's name is the launcher's kind, and its object a subclass of `dsx.launch.launcher.Launcher`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

from dsx.base.entry_points import added, loaded
from dsx.base.errors import DefinitionError, one_of
from dsx.launch.launcher import Launcher

ENTRY_POINTS = "dsx.launchers"
_BUILT_IN = {
    "local": "dsx.launch.local.launcher:LocalLauncher",
    "debug": "dsx.launch.debug:DebugLauncher",
    "slurm": "dsx.launch.slurm.launcher:SlurmLauncher",
}


def kinds() -> list[str]:
    """Names of all launchers; dsx's own first."""
    return [*_BUILT_IN, *sorted(_added())]


def launcher_class(kind: str) -> type[Launcher]:
    """The launcher of that kind. Raises DefinitionError if there is none, DsxError if its package cannot be loaded."""
    if kind in _BUILT_IN:
        module, _, name = _BUILT_IN[kind].partition(":")
        return getattr(importlib.import_module(module), name)
    extra = _added()
    if kind not in extra:
        known = kinds()
        raise DefinitionError(f"kind = {kind!r}: {one_of(kind, known)}")
    return loaded(
        extra[kind],
        "launcher",
        lambda thing: isinstance(thing, type) and issubclass(thing, Launcher),
        "a subclass of dsx.launch.launcher.Launcher",
    )


def read_launcher(content: Mapping[str, Any], where: str = "launcher") -> Launcher:
    """The launcher that a composed mapping describes; `kind` is local unless it says otherwise.

    Raises DefinitionError for an unknown kind or key, and for a value that breaks a rule.
    """
    kind = content.get("kind", "local")
    try:
        described = launcher_class(kind)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error}") from None
    try:
        return described.from_dict({**content, "kind": kind}, where)
    except DefinitionError as error:
        for key, value in content.items():
            if f"unknown key '{key}'" in str(error):
                owner = next((name for name in _BUILT_IN if _takes(name, key, value)), None)
                if owner is not None:
                    raise DefinitionError(f"{error} It is for launcher {owner}, as with --on {owner}") from None
        raise


def _takes(kind: str, key: str, value: object) -> bool:
    """Whether a launcher has that key, and it may have that value."""
    try:
        launcher_class(kind).from_dict({"kind": kind, key: value})
    except DefinitionError:
        return False
    return True


def _added() -> dict[str, EntryPoint]:
    return {name: entry for name, entry in added(ENTRY_POINTS).items() if name not in _BUILT_IN}
