"""A user's own blocks, families and networks: one Python file that has BLOCKS, FAMILIES, or PARAMETERS and build.

A space carries the file's source, so that a study is the same after the user's file has changed.
In architectures a user's block or network is named `name@version`, the version being a hash of the source:
two versions of a block are two blocks, also within one process. A file of networks is a family of its own, called as
the file; it is read, and run only where a network is counted or built.
"""

from __future__ import annotations

import ast
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

from dsx.base.errors import DefinitionError, DsxError, unknown
from dsx.base.schema import Frozen
from dsx.networks.layers import BLOCKS, USER_BLOCKS, Block
from dsx.networks.user import USER_NETWORKS, UserCode
from dsx.spaces.families import FAMILIES, Family


class Plugin(Frozen):
    """A user's Python file. file: its name as the space gives it. source: its text."""

    file: str
    source: str

    @property
    def version(self) -> str:
        """8 hexadecimal digits: a hash of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:8]

    def versioned(self, name: str) -> str:
        """What something of this file is called where two versions of it may meet: also the file, in tracebacks."""
        return f"{name}@{self.version}"

    def load(self) -> Loaded:
        """Run the source (once in a process) and make its blocks known. Raises DefinitionError with file and line."""
        return _load(self)

    def fault(self, error: BaseException, where: str = "") -> DefinitionError:
        """`my_blocks.py, line 3: NameError: …`: the innermost line of the user's file. where: in which function."""
        own = self.versioned(self.file)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
        line = error.lineno if isinstance(error, SyntaxError) and error.filename == own else (lines or [None])[-1]
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        place = f"{self.file}, line {line}" if line else self.file
        return DefinitionError(f"{place}: {type(error).__name__}: {text}{where and f' (in {where})'}")

    def guarded(self, function: Callable[..., Any], where: str) -> Callable[..., Any]:
        """The user's function; its own faults become one line with file and line."""

        @functools.wraps(function)
        def call(*arguments: object) -> object:
            try:
                return function(*arguments)
            except DsxError:
                raise
            except (Exception, SystemExit) as error:
                raise self.fault(error, where) from error

        return call


@dataclass(frozen=True)
class Loaded:
    """What a user's file holds: short block name → name in architectures, family name → family; networks as blocks."""

    blocks: Mapping[str, str]
    families: Mapping[str, Family]
    networks: Mapping[str, str]


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


def parameters_in(plugins: object, family: Any) -> dict[str, Any]:
    """PARAMETERS of the file whose networks are that family; none if it is another kind of family.

    plugins: as `read_plugins` gives them. Raises DefinitionError for a file that cannot be read, or that has networks
    of another name where no family is called so.
    """
    listed = plugins if isinstance(plugins, list) else []
    loaded = gather(Plugin.from_dict(content) for content in listed if isinstance(content, dict))
    families = [*FAMILIES, *loaded.families, *loaded.networks]
    if loaded.networks and family is not None and family not in families:
        raise DefinitionError(f"family = '{family}': {unknown('family', family, families)}")
    return USER_NETWORKS[loaded.networks[family]].parameters if family in loaded.networks else {}


def gather(plugins: Iterable[Plugin]) -> Loaded:
    """What several files hold. Raises DefinitionError if two of them share a name."""
    blocks: dict[str, str] = {}
    families: dict[str, Family] = {}
    networks: dict[str, str] = {}
    for plugin in plugins:
        loaded = plugin.load()
        for kind, known, new in (
            ("block", blocks, loaded.blocks),
            ("family", {**families, **networks}, {**loaded.families, **loaded.networks}),
        ):
            for name in set(known) & set(new):
                raise DefinitionError(f"{plugin.file}: {kind} '{name}' is in another plugin too; rename one")
        blocks |= loaded.blocks
        families |= loaded.families
        networks |= loaded.networks
    return Loaded(blocks, families, networks)


@functools.cache
def _load(plugin: Plugin) -> Loaded:
    file, filename = plugin.file, plugin.versioned(plugin.file)
    linecache.cache[filename] = (len(plugin.source), None, plugin.source.splitlines(keepends=True), filename)
    try:
        defined = _top_level(ast.parse(plugin.source, filename))
    except SyntaxError as error:
        raise plugin.fault(error) from error
    if "build" in defined or "PARAMETERS" in defined:
        return _networks(plugin, defined)
    module = _module(plugin)
    blocks, families = _entries(module, "BLOCKS", Block, file), _entries(module, "FAMILIES", Family, file)
    if not blocks and not families:
        raise DefinitionError(
            f"{file}: holds no BLOCKS, no FAMILIES and no build(setting); write one of them at its top level, as in"
            " BLOCKS = {'name': Block(…)}"
        )
    for kind, added, known in (("block", blocks, BLOCKS), ("family", families, FAMILIES)):
        for name in added:
            if name in known:
                raise DefinitionError(f"{file}: {kind} '{name}' exists in dsx; give yours another name")
            if not name.isidentifier():
                raise DefinitionError(f"{file}: {kind} '{name}': a name is letters, digits and _")
    names = {name: plugin.versioned(name) for name in blocks}
    for name, block in blocks.items():
        guard = functools.partial(plugin.guarded, where=f"block '{name}'")
        module_factory = guard(block.module) if block.module else None
        USER_BLOCKS[names[name]] = replace(block, convs=guard(block.convs), module=module_factory)
    guarded = {
        name: replace(family, shape=plugin.guarded(family.shape, f"family '{name}'"))
        for name, family in families.items()
    }
    return Loaded(names, guarded, {})


@functools.cache
def _module(plugin: Plugin) -> types.ModuleType:
    """The file, run once in a process. Raises DefinitionError with file and line if it cannot be."""
    module = types.ModuleType(f"dsx_plugin_{plugin.version}")
    module.__file__ = plugin.versioned(plugin.file)
    # dataclasses and pickles look a class's module up by name
    sys.modules[module.__name__] = module
    try:
        exec(compile(plugin.source, module.__file__, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise plugin.fault(error) from error
    return module


def _top_level(tree: ast.Module) -> dict[str, ast.stmt]:
    """Name → the statement that defines it."""
    names: dict[str, ast.stmt] = {}
    for node in tree.body:
        targets: list[ast.AST] = getattr(node, "targets", None) or [getattr(node, "target", node)]
        names |= {name: node for target in targets if (name := getattr(target, "id", getattr(target, "name", None)))}
        names |= {
            alias.asname or alias.name: node for alias in getattr(node, "names", ()) if isinstance(alias, ast.alias)
        }
    return names


def _networks(plugin: Plugin, defined: Mapping[str, ast.stmt]) -> Loaded:
    """A file of networks: PARAMETERS are read from its text, and nothing of it is run."""
    file, name = plugin.file, Path(plugin.file).stem
    for needed, example in (("build", "def build(setting)"), ("PARAMETERS", "PARAMETERS = {'width': {…}}")):
        if needed not in defined:
            there = "build" if needed == "PARAMETERS" else "PARAMETERS"
            raise DefinitionError(f"{file}: holds {there} and no {needed}; write {example} at its top level")
    if name in FAMILIES or not name.isidentifier():
        raise DefinitionError(
            f"{file}: the file's name is that of its family: letters, digits and _, and none of dsx's"
        )
    try:
        parameters = ast.literal_eval(getattr(defined["PARAMETERS"], "value", None) or "")
    except (ValueError, SyntaxError):
        parameters = None
    if not isinstance(parameters, dict) or not parameters:
        line = defined["PARAMETERS"].lineno
        raise DefinitionError(
            f"{file}, line {line}: PARAMETERS is not written out: expected {{'name': {{'distribution': …}}}} of plain"
            " numbers and texts, as a space's YAML has it"
        )
    for reserved in ("input", "num_classes", "resolution"):
        if reserved in parameters:
            raise DefinitionError(f"{file}: PARAMETERS has '{reserved}', which a setting holds anyway: rename it")

    def lazily(function: str) -> Callable[..., Any]:
        def call(*arguments: object) -> object:
            return plugin.guarded(getattr(_module(plugin), function), function)(*arguments)

        return call

    complexity = lazily("complexity") if "complexity" in defined else None
    USER_NETWORKS[plugin.versioned(name)] = UserCode(file, parameters, lazily("build"), complexity)
    return Loaded({}, {}, {name: plugin.versioned(name)})


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
