"""The one reader and writer of YAML; every fault is one line that names file and line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base.errors import DefinitionError, first_line

if TYPE_CHECKING:
    from omegaconf import DictConfig


def read_yaml(path: Path) -> dict[str, Any]:
    """A definition's mapping. Raises DefinitionError for bad YAML (with the line), a key given twice, or no mapping.

    Numbers such as 1e-5 are numbers (YAML 1.1 reads them as text), and `${…}` refers to other keys.
    """
    return resolved(read_config(path), str(path))


def resolved(config: DictConfig, where: str) -> dict[str, Any]:
    """A configuration as plain data, references to other keys followed. Raises DefinitionError, opened by `where`."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        content = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise DefinitionError(f"{where}: {first_line(error)}") from None
    return {str(key): value for key, value in content.items()}


def read_config(path: Path) -> DictConfig:
    """As `read_yaml`, with references to other keys still open."""
    import yaml
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        content = OmegaConf.load(path)
    except yaml.YAMLError as error:
        raise DefinitionError(not_yaml(path, error)) from None
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (OmegaConfBaseException, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: {first_line(error)}") from None
    if not isinstance(content, DictConfig) or not content:
        raise DefinitionError(f"{path}: expected a mapping of keys to values")
    return content


def parse_record(text: str, path: Path) -> Any:
    """What a record written by `yaml_text` holds: plain YAML, read fast. Raises DefinitionError for bad YAML."""
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise DefinitionError(not_yaml(path, error)) from None


def yaml_text(content: Mapping[str, object], width: int = 80) -> str:
    """The content as YAML, in its own order. width: letters at which long lines are broken."""
    import yaml

    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=width)


def not_yaml(path: Path, error: Exception) -> str:
    """The one line that says where a file is no YAML."""
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or first_line(error)}"
