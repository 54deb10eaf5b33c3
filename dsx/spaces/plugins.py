"""A user's own blocks and families: one Python file that exposes BLOCKS or FAMILIES.

A space carries the file's source, so that a study is the same after the user's file has changed.
In architectures a user's block is named `name@version`, the version being a hash of the source:
two versions of a block are two blocks, also within one process.
"""

from __future__ import annotations

import functools
import hashlib
import linecache
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsx.base.errors import DefinitionError, DsxError
from dsx.base.schema import Frozen
from dsx.networks.layers import BLOCKS, USER_BLOCKS, Block
from dsx.spaces.families import FAMILIES, Family


class Plugin(Frozen):
    """A user's Python file. file: its name as the space gives it. source: its text."""

    file: str
    source: str

    @property
    def version(self) -> str:
        """8 hexadecimal digits: a hash of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:8]

    def load(self) -> Loaded:
        """Run the source (once in a process) and make its blocks known. Raises DefinitionError with file and line."""
        return _load(self.file, self.source, self.version)


@dataclass(frozen=True)
class Loaded:
    """What a user's file holds: short block name → name in architectures, and family name → family."""

    blocks: Mapping[str, str]
    families: Mapping[str, Family]


def read_plugins(entries: object, beside: Path) -> object:
    """File names of a space's `plugins`, relative to the space's own file, as mappings with their source.

    Raises DefinitionError for a file that is missing or no text.
    """
    if not isinstance(entries, list):
        return entries  # the typed definition says what is wrong
    plugins = []
    for i, name in enumerate(entries):
        if not isinstance(name, str):
            plugins.append(name)
            continue
        path = beside.parent / name
        try:
            plugins.append({"file": name, "source": path.read_text(encoding="utf-8")})
        except FileNotFoundError:
            raise DefinitionError(f"{beside}: plugins[{i}] = {name!r}: no such file beside it ({path})") from None
        except (OSError, UnicodeDecodeError) as error:
            raise DefinitionError(f"{beside}: plugins[{i}] = {name!r}: cannot be read ({error})") from None
    return plugins


def load_plugins(definition: Mapping[str, Any]) -> None:
    """Make the blocks of a frozen definition (`Space.to_dict`) known, before its architectures are read."""
    for content in definition.get("plugins") or ():
        Plugin.from_dict(content, "plugins").load()


def gather(plugins: Iterable[Plugin]) -> Loaded:
    """All blocks and families of several files. Raises DefinitionError if two of them share a name."""
    blocks: dict[str, str] = {}
    families: dict[str, Family] = {}
    for plugin in plugins:
        loaded = plugin.load()
        for kind, known, new in (("block", blocks, loaded.blocks), ("family", families, loaded.families)):
            for name in set(known) & set(new):
                raise DefinitionError(f"{plugin.file}: {kind} '{name}' is in another plugin too; rename one")
        blocks |= loaded.blocks
        families |= loaded.families
    return Loaded(blocks, families)


@functools.cache
def _load(file: str, source: str, version: str) -> Loaded:
    filename = f"{file}@{version}"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = types.ModuleType(f"dsx_plugin_{version}")
    module.__file__ = filename
    # dataclasses and pickles look a class's module up by name
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    except Exception as error:
        raise DefinitionError(_where(error, file, filename)) from error
    blocks, families = _entries(module, "BLOCKS", Block, file), _entries(module, "FAMILIES", Family, file)
    if not blocks and not families:
        raise DefinitionError(
            f"{file}: holds neither BLOCKS nor FAMILIES; write BLOCKS = {{'name': Block(…)}} at its top level"
        )
    for kind, added, known in (("block", blocks, BLOCKS), ("family", families, FAMILIES)):
        for name in added:
            if name in known:
                raise DefinitionError(f"{file}: {kind} '{name}' exists in dsx; give yours another name")
            if not name.isidentifier():
                raise DefinitionError(f"{file}: {kind} '{name}': a name is letters, digits and _")
    names = {name: f"{name}@{version}" for name in blocks}
    for name, block in blocks.items():
        guard = functools.partial(_guarded, file=file, filename=filename, what=f"block '{name}'")
        module_factory = guard(block.module) if block.module else None
        USER_BLOCKS[names[name]] = replace(block, convs=guard(block.convs), module=module_factory)
    guarded = {
        name: replace(family, shape=_guarded(family.shape, file, filename, f"family '{name}'"))
        for name, family in families.items()
    }
    return Loaded(names, guarded)


def _entries(module: types.ModuleType, name: str, kind: type, file: str) -> dict[str, Any]:
    """The module's dictionary of that name, checked; empty if it has none."""
    entries = getattr(module, name, {})
    if not isinstance(entries, dict):
        raise DefinitionError(f"{file}: {name} is a {type(entries).__name__}; expected {{'name': {kind.__name__}(…)}}")
    for key, value in entries.items():
        if not isinstance(key, str) or not isinstance(value, kind):
            raise DefinitionError(
                f"{file}: {name}[{key!r}] is a {type(value).__name__}; expected a {kind.__name__} under a name"
            )
    return entries


def _guarded(function: Callable[..., Any], file: str, filename: str, what: str) -> Callable[..., Any]:
    """The user's function; its own faults become one line with file and line."""

    @functools.wraps(function)
    def call(*arguments: object) -> object:
        try:
            return function(*arguments)
        except DsxError:
            raise
        except Exception as error:
            raise DefinitionError(f"{_where(error, file, filename)} (in {what})") from error

    return call


def _where(error: Exception, file: str, filename: str) -> str:
    """`my_blocks.py, line 3: NameError: …`: the innermost line of the user's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == filename else (lines or [None])[-1]
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{file}" + (f", line {line}" if line else "") + f": {type(error).__name__}: {text}"
