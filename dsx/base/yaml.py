"""Reads YAML files into plain mappings; every fault is one line that names file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsx.base.errors import DefinitionError


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping. Raises DefinitionError for bad YAML (with the line), a key given twice, or no mapping.

    Numbers such as 1e-5 are numbers (YAML 1.1 reads them as text), and `${…}` refers to other keys.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        data = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise DefinitionError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    except (OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise DefinitionError(f"{path}: {str(error).splitlines()[0]}") from None
    if not isinstance(data, dict) or not data:
        raise DefinitionError(f"{path}: expected a mapping of keys to values")
    return {str(key): value for key, value in data.items()}
