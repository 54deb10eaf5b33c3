"""Weights in and out: state dicts of torchvision, timm and pycls for networks that dsx builds.

dsx names its weights as pycls does, so those two layouts are one. Networks trained with pycls expect
channels in the order blue, green, red, torchvision's and timm's red, green, blue; `reverse_channels`
turns the stem's weights from one to the other.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from dsx.base.errors import DsxError, first_line, unknown
from dsx.base.files import replacing
from dsx.networks.anynet import AnyNet, build
from dsx.networks.architecture import Architecture

LAYOUTS = ("dsx", "pycls", "torchvision", "timm")
State = dict[str, Tensor]
# where people's checkpoints keep the weights: pycls, timm and Lightning, torchvision's references and dsx
_CONTAINERS = ("model_state", "state_dict", "model")
_WRAPPERS = ("module.", "_orig_mod.")  # of parallel and of compiled networks
_COUNTER = "num_batches_tracked"
_SHOWN = 5


@dataclass(frozen=True)
class _Layout:
    """Names of one family: `block` with i, j (from 1) and j0 (from 0), then our module names to theirs."""

    block: str
    modules: dict[str, str]


_RESNET = _Layout(
    "layer{i}.{j0}",
    {"stem.conv": "conv1", "stem.bn": "bn1", "head.fc": "fc", "proj": "downsample.0", "bn": "downsample.1"}
    | {f"f.{ours}": f"conv{n}" for n, ours in enumerate("abc", start=1)}
    | {f"f.{ours}_bn": f"bn{n}" for n, ours in enumerate("abc", start=1)},
)
_TORCHVISION_REGNET = _Layout(
    "trunk_output.block{i}.block{i}-{j0}",
    {"stem.conv": "stem.0", "stem.bn": "stem.1", "head.fc": "fc", "proj": "proj.0", "bn": "proj.1"}
    | {f"f.{ours}": f"f.{ours}.0" for ours in "abc"}
    | {f"f.{ours}_bn": f"f.{ours}.1" for ours in "abc"}
    | {"f.se.f_ex.0": "f.se.fc1", "f.se.f_ex.2": "f.se.fc2"},
)
_TIMM_REGNET = _Layout(
    "s{i}.b{j}",
    {"stem.conv": "stem.conv", "stem.bn": "stem.bn", "head.fc": "head.fc"}
    | {"proj": "downsample.conv", "bn": "downsample.bn"}
    | {f"f.{ours}": f"conv{n}.conv" for n, ours in enumerate("abc", start=1)}
    | {f"f.{ours}_bn": f"conv{n}.bn" for n, ours in enumerate("abc", start=1)}
    | {"f.se.f_ex.0": "se.fc1", "f.se.f_ex.2": "se.fc2"},
)


def load_weights(
    network: AnyNet,
    source: str | Path | Mapping[str, object],
    layout: str | None = None,
    *,
    reverse_channels: bool = False,
) -> str:
    """Load weights in any known layout into a network, and return the layout's name.

    source: a `.safetensors` file, a torch checkpoint, or a state dict. layout: one of LAYOUTS; None takes
    the one whose names fit best. Counters of batches may be missing.
    Raises DsxError that names the keys if anything is missing, unexpected or of another shape; the network
    is then as it was.
    """
    where = "state dict" if isinstance(source, Mapping) else str(source)
    given = _unwrap(source if isinstance(source, Mapping) else _read(Path(source)), where)
    layout = _known(layout) if layout else _best_layout(network.architecture, given)
    names = key_names(network.architecture, layout)
    ours_now = network.state_dict()
    _check(given, names, ours_now, f"{where}: weights of layout '{layout}'")
    loaded = {ours: given.get(theirs, ours_now[ours]) for ours, theirs in names.items()}
    if reverse_channels:
        loaded = _reversed(loaded, network.architecture)
    network.load_state_dict(loaded)
    return layout


def weights(network: AnyNet, layout: str = "dsx", *, reverse_channels: bool = False) -> State:
    """The network's state dict in a layout (one of LAYOUTS), sharing memory with it unless channels are reversed."""
    names = key_names(network.architecture, _known(layout))
    state: State = dict(network.state_dict())
    if reverse_channels:
        state = _reversed(state, network.architecture)
    return {theirs: state[ours] for ours, theirs in names.items()}


def save_weights(network: AnyNet, path: str | Path, layout: str = "dsx", *, reverse_channels: bool = False) -> Path:
    """Write the weights, complete or not at all, and return the path.

    A `.safetensors` file also holds the architecture and the layout's name (metadata `dsx`, JSON); `.pt`, `.pth`
    and `.pyth` are torch checkpoints, for layout `pycls` under its key `model_state`.
    Raises DsxError for another suffix or an unknown layout.
    """
    path = Path(path)
    state = {
        key: tensor.detach().cpu().contiguous()
        for key, tensor in weights(network, layout, reverse_channels=reverse_channels).items()
    }
    if path.suffix not in (".safetensors", ".pt", ".pth", ".pyth"):
        raise DsxError(f"{path}: unknown kind of weights file '{path.suffix}': use .safetensors, .pt or .pth")
    if not path.parent.is_dir():
        raise DsxError(f"{path}: there is no folder {path.parent}; make it first")
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            from safetensors.torch import save_file

            # one entry only: their order is not fixed, and equal weights should give equal files
            about = {"layout": layout, "architecture": network.architecture.to_dict()}
            save_file(state, temporary, metadata={"dsx": json.dumps(about)})
        else:
            torch.save({"model_state": state} if layout == "pycls" else state, temporary)
    return path


def key_names(architecture: Architecture, layout: str) -> dict[str, str]:
    """Our key → the layout's key, for every entry of the network's state dict, in order.

    torchvision and timm name a ResNet (a stem other than `simple`) in one way and a RegNet in another.
    Raises DsxError for a network that has parts unknown to the layout.
    """
    keys = _own_keys(architecture)
    if layout in ("dsx", "pycls"):
        return {key: key for key in keys}
    if architecture.stem.type != "simple":
        family = _RESNET
    else:
        family = _TORCHVISION_REGNET if layout == "torchvision" else _TIMM_REGNET
    names = {}
    for key in keys:
        module, _, leaf = key.rpartition(".")
        names[key] = f"{_renamed(module, family, layout)}.{leaf}"
    return names


@lru_cache(maxsize=16)
def _own_keys(architecture: Architecture) -> tuple[str, ...]:
    with torch.device("meta"):
        return tuple(build(architecture).state_dict())


def _renamed(module: str, family: _Layout, layout: str) -> str:
    """`s2.b1.f.a_bn` → the family's name of that module."""
    stage, block, part = module.split(".", 2) if module.startswith("s") and module[1].isdigit() else ("", "", module)
    if part not in family.modules:
        raise DsxError(f"layout '{layout}' has no place for {module}; use layout dsx")
    if not stage:
        return family.modules[part]
    i, j = int(stage[1:]), int(block[1:])
    return f"{family.block.format(i=i, j=j, j0=j - 1)}.{family.modules[part]}"


def _known(layout: str) -> str:
    if layout not in LAYOUTS:
        raise DsxError(unknown("layout", layout, LAYOUTS))
    return layout


def _best_layout(architecture: Architecture, given: Mapping[str, Tensor]) -> str:
    """The layout that shares most names with the given keys; `dsx` if none does."""
    shared = {}
    for layout in ("dsx", "torchvision", "timm"):
        try:
            shared[layout] = len(given.keys() & set(key_names(architecture, layout).values()))
        except DsxError:  # this layout can't hold such a network
            continue
    return max(shared, key=lambda layout: shared[layout])


def _read(path: Path) -> Mapping[str, object]:
    """What a weights file holds; nothing in it is executed."""
    if not path.is_file():
        raise DsxError(f"{path}: no such weights file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DsxError(f"{path}: refused: it holds more than weights ({first_line(error)})") from None
    except Exception as error:  # the readers raise many kinds for torn files
        raise DsxError(f"{path}: not a readable weights file ({first_line(error)})") from None
    if not isinstance(content, Mapping):
        raise DsxError(f"{path}: expected a state dict, found {type(content).__name__}")
    return content


def _unwrap(content: Mapping[str, object], where: str) -> State:
    """The tensors by name: out of the checkpoint around them, without the prefixes of wrappers."""
    for container in _CONTAINERS:
        inner = content.get(container)
        if isinstance(inner, Mapping):
            content = inner
            break
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    other = next((key for key in content if key not in tensors), None)
    if other is not None or not content:
        fault = f"{other} is not a tensor" if content else "it is empty"
        raise DsxError(f"{where}: not a state dict: {fault}; known checkpoints keep it under {', '.join(_CONTAINERS)}")
    while prefix := next((p for p in _WRAPPERS if all(key.startswith(p) for key in tensors)), ""):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def _check(given: State, names: Mapping[str, str], state: Mapping[str, Tensor], where: str) -> None:
    """Raises DsxError that names every kind of mismatch."""
    missing = [key for key in names.values() if key not in given and not key.endswith(_COUNTER)]
    unexpected = sorted(given.keys() - set(names.values()))
    shapes = [
        f"{theirs} {tuple(given[theirs].shape)} instead of {tuple(state[ours].shape)}"
        for ours, theirs in names.items()
        if theirs in given and given[theirs].shape != state[ours].shape
    ]
    misfits = [
        f"{label} {', '.join(keys[:_SHOWN])}" + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
        for label, keys in (("missing", missing), ("unexpected", unexpected), ("shapes", shapes))
        if keys
    ]
    if misfits:
        raise DsxError(f"{where} do not fit this network: {'; '.join(misfits)}. Nothing was loaded")


def _reversed(state: State, architecture: Architecture) -> State:
    if architecture.in_channels != 3:
        raise DsxError(f"channels can be reversed for 3 input channels; this network has {architecture.in_channels}")
    return {key: tensor.flip(1) if key == "stem.conv.weight" else tensor for key, tensor in state.items()}
