"""From what a user types to a network: a published name, a baseline's name, or an architecture file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dsx.base import resources
from dsx.base.errors import DefinitionError, unknown
from dsx.base.yaml import parse_record
from dsx.networks.architecture import Architecture
from dsx.networks.baselines import BASELINES, Baseline
from dsx.networks.published import published, published_names
from dsx.networks.user import UserNetwork

Network = Architecture | Baseline | UserNetwork
_SUFFIXES = (".json", ".yaml", ".yml")


def network_names() -> list[str]:
    """Every name that `find_network` knows."""
    return [*published_names(), *BASELINES]


def find_network(name: str) -> Network:
    """The network of that name, or of the file if `name` ends in .json, .yaml or .yml or has a slash.

    Raises DefinitionError for an unknown name (with a near miss), a missing or torn file, or a broken rule.
    """
    if name.endswith(_SUFFIXES) or "/" in name or "\\" in name:
        return read_network(Path(name))
    if name in BASELINES:
        return Baseline(baseline=name)
    if name in published_names():
        return published(name)
    if name in resources.names("spaces"):
        raise DefinitionError(
            f"'{name}' is a space, not a network: draw networks from it with `dsx sample --space {name}`"
        )
    fault = unknown("network", name, network_names())
    raise DefinitionError(f"{fault}; or give a path to an architecture file (.json or .yaml)")


def read_network(path: Path) -> Network:
    """The architecture or baseline that a JSON or YAML file describes. Raises DefinitionError, one line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DefinitionError(f"{path}: no such architecture file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: not a readable text file ({error})") from None
    try:
        content: object = json.loads(text) if path.suffix == ".json" else parse_record(text, path)
    except json.JSONDecodeError as error:
        raise DefinitionError(f"{path}, line {error.lineno}: not valid JSON: {error.msg}") from None
    if not isinstance(content, dict):
        raise DefinitionError(f"{path}: expected a mapping with stages, found {type(content).__name__}")
    return network_from_dict(content, where=str(path))


def network_from_dict(content: Mapping[str, object], where: str = "") -> Network:
    """The network whose `to_dict()` this is. Raises DefinitionError, one line, opened by `where`."""
    kinds: dict[str, type[Network]] = {"baseline": Baseline, "network": UserNetwork}
    return next((kind for key, kind in kinds.items() if key in content), Architecture).from_dict(content, where)


def input_shape(network: Network, resolution: int) -> tuple[int, ...]:
    """Of one example; of networks for images at any resolution, at this one."""
    return network.input if isinstance(network, UserNetwork) else (network.in_channels, resolution, resolution)


def fit_to_data(network: Network, num_classes: int, in_channels: int) -> Network:
    """The same network with another number of classes and of input channels: what a recipe's data need.

    A user's network stays as it is: other data may need another setting.
    """
    if isinstance(network, UserNetwork):
        return network
    return type(network).from_dict({**network.to_dict(), "num_classes": num_classes, "in_channels": in_channels})
