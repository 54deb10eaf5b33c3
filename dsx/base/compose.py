"""Configuration of several files: what a file's `defaults` list names is composed by Hydra.

Whatever a user calls a file, a folder or a value, none of it is spelt in Hydra's grammar: files are found by dsx's one
rule (`resources.find`) and handed to Hydra as content under names of ours, folders to search are data of the primary
configuration, and overrides are set as values after composing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base import resources
from dsx.base.errors import DefinitionError, first_line
from dsx.base.overrides import Override
from dsx.base.yaml import read_config, resolved

if TYPE_CHECKING:
    from omegaconf import DictConfig

KIND = "experiments"
_PRIMARY = "dsx_primary"
_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)


def compose_group(group: str, path: Path, changes: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The content of one file of a group (a recipe, a launcher) with what it builds on, and values replaced.

    changes: dotted keys below the group, or nested mappings. Raises DefinitionError.
    """
    from omegaconf import OmegaConf

    config = read_config(path)
    if "defaults" in config:
        store = _Store()
        name = store.add(path, group)
        config = store.compose({"defaults": ["_self_", {group: name}]}, path.parent, str(path))
    else:
        config = OmegaConf.create({group: config})
    values = [Override(f"{group}.{key}", value, key) for key, value in (changes or {}).items()]
    return _overridden(config, values, str(path))[group]


def compose_file(path: Path, groups: Sequence[str], overrides: Sequence[Override] = ()) -> dict[str, Any]:
    """An experiment with what its defaults list names. groups: those in which files may be named by path.

    An override `recipe=NAME` or `recipe=PATH` of a group chooses its file. Raises DefinitionError.
    """
    store = _Store(tuple(groups))
    primary = store.read(path, "")
    choices = {o.key: str(o.value) for o in overrides if o.key in groups and isinstance(o.value, str)}
    chosen = []
    for group, name in choices.items():
        registered = store.add(resources.find(KIND, name, group=group), group)
        chosen.append(f"{'' if group in store.chosen else '+'}{group}={registered}")
    config = store.compose(primary, path.parent, str(path), chosen)
    return _overridden(config, [o for o in overrides if o.key not in choices], str(path))


class _Store:
    """Files that are given to Hydra as content. groups: those in which a defaults list may name a path.

    chosen: groups for which some defaults list names a file.
    """

    def __init__(self, groups: tuple[str, ...] = ()) -> None:
        self.groups = groups
        self.chosen: set[str] = set()
        self._paths: dict[str, Path] = {}
        self._above: list[Path] = []

    def add(self, path: Path, group: str) -> str:
        """Make a file known to Hydra; the name by which it is then chosen."""
        from hydra.core.config_store import ConfigStore

        name = f"dsx_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
        package = _PACKAGE.search(path.read_text(encoding="utf-8"))
        content = self.read(path, group)
        self._paths[name] = path
        ConfigStore.instance().store(
            group=group or None, name=name, node=content, package=package[1] if package else None
        )
        return name

    def read(self, path: Path, group: str) -> dict[str, Any]:
        """A file's content with the files of its defaults list made known, and named so."""
        from omegaconf import OmegaConf

        if path.resolve() in self._above:
            raise DefinitionError(f"{path}: defaults: a file cannot build on itself, directly or through others")
        content = OmegaConf.to_container(read_config(path), resolve=False)
        if "defaults" in content:
            if not isinstance(content["defaults"], list):
                raise DefinitionError(f"{path}: defaults = {content['defaults']!r}: expected a list")
            self._above.append(path.resolve())
            content["defaults"] = [self._entry(entry, path, group) for entry in content["defaults"]]
            self._above.pop()
            if "_self_" not in content["defaults"]:
                content["defaults"].append("_self_")
        return {str(key): value for key, value in content.items()}

    def _entry(self, entry: object, path: Path, group: str) -> object:
        """One entry of a defaults list: another file of the same kind, `_self_`, or `{group: name}`."""
        if isinstance(entry, str) and entry != "_self_" and not entry.startswith("/"):
            return self.add(_named(path, entry, group, path.parent), group)
        if not isinstance(entry, dict) or len(entry) != 1:
            return entry
        ((key, option),) = entry.items()
        of = str(key).split()[-1].lstrip("/").partition("@")[0]
        if of not in self.groups or not isinstance(option, str):
            return entry
        self.chosen.add(of)
        return {key: self.add(_named(path, option, of, path.parent / of), of)}

    def compose(
        self, primary: Mapping[str, object], folder: Path, where: str, overrides: Sequence[str] = ()
    ) -> DictConfig:
        """Hydra's composition of that content; folder: searched first for what is named by groups of other names."""
        from hydra import compose, initialize_config_dir
        from hydra.core.config_store import ConfigStore
        from hydra.errors import HydraException
        from omegaconf.errors import OmegaConfBaseException

        folders = [folder.resolve(), *resources.folders(KIND)]
        search = [f"file://{place}".replace("${", r"\${") for place in dict.fromkeys(folders)]
        node = {**primary, "hydra": {"searchpath": search}}
        ConfigStore.instance().store(name=_PRIMARY, node=node)
        try:
            with initialize_config_dir(config_dir=str(folders[-1]), version_base="1.3"):
                return compose(_PRIMARY, overrides=list(overrides))
        except (HydraException, OmegaConfBaseException) as error:
            line = next(line.strip() for line in str(error).splitlines() if line.strip())
            for name, path in {_PRIMARY: Path(where), **self._paths}.items():
                line = line.replace(name, path.stem)
            raise DefinitionError(f"{where}: {line}") from None


def _named(path: Path, name: str, group: str, near: Path) -> Path:
    """The file that a defaults list names. Raises DefinitionError that opens with the file of the list."""
    try:
        return resources.find(KIND, name, group=group, beside=path, near=near)
    except DefinitionError as error:
        raise DefinitionError(f"{path}: defaults: {error}") from None


def _overridden(config: DictConfig, overrides: Sequence[Override], where: str) -> dict[str, Any]:
    """The configuration with values set and references resolved, as plain data."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    OmegaConf.set_struct(config, False)
    try:
        for override in overrides:
            if override.deleted:
                _delete(config, override.key)
            else:
                OmegaConf.update(config, override.key, override.value, merge=True)
    except OmegaConfBaseException as error:
        raise DefinitionError(f"{where}: {first_line(error)}") from None
    return resolved(config, where)


def _delete(config: DictConfig, dotted: str) -> None:
    from omegaconf import DictConfig, OmegaConf

    parent, _, last = dotted.rpartition(".")
    place = OmegaConf.select(config, parent) if parent else config
    if isinstance(place, DictConfig):
        place.pop(last, None)
