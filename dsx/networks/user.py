"""Networks of a user's own file: `build(setting)` makes the torch module, `complexity(settings)` may say what it costs.

In descriptions such a network is named `name@version`, the version being a hash of its file, as blocks of a user's
are. `dsx.spaces.plugins` reads the files; torch is loaded where a network is built, or counted for want of a
`complexity`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pydantic import Field, field_validator

from dsx.base.errors import DefinitionError, first_line
from dsx.base.nested import canonical_json
from dsx.base.schema import Count
from dsx.networks.architecture import Identified
from dsx.networks.cost import MEMORIES, METRICS, Complexity, Memory

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class UserCode:
    """What a file says of its networks."""

    file: str  # its name
    parameters: dict[str, Any]  # of the space, as its YAML would have them
    build: Callable[[dict[str, Any]], object]  # a setting → torch module
    # settings, each (n,) or (n, stages) → flops, params and acts, each (n,); None: every network is built and counted
    complexity: Callable[[dict[str, Any]], Any] | None = None


# `name@version` → code, of the files that `dsx.spaces.plugins` has read in this process
USER_NETWORKS: dict[str, UserCode] = {}


class UserNetwork(Identified):
    """A network of a user's file. Takes an `Architecture`'s place in `build`, `complexity` and `train`."""

    network: str
    setting: dict[str, Any]  # parameter → value, or a list of one for each stage
    input: Annotated[tuple[Count, ...], Field(min_length=1)]  # shape of one example, as in (3, 32, 32), (30,)
    num_classes: Count = 1000

    @field_validator("network")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in USER_NETWORKS:
            raise ValueError("it comes from a user's file; open its study or load its space first")
        return name

    @property
    def in_channels(self) -> int:
        """The first of the input's sizes."""
        return self.input[0]

    @property
    def total_stride(self) -> int:
        """What is not known of a user's network: it may take any image, and was counted on one of `input`."""
        return 1

    def check_resolution(self, resolution: int) -> None:
        """Raises DefinitionError for images of another size than the network was made for."""
        if len(self.input) == 3 and (resolution, resolution) != self.input[1:]:
            raise DefinitionError(
                f"it was made for inputs of {shape_in_words(self.input)}, not for images of {resolution}×{resolution}:"
                f" sample it at resolution {resolution}"
            )


@dataclass(frozen=True)
class UserTable:
    """n networks of one file as columns: parameter → (n,), or (n, stages) where it varies by stage.

    stages: (n,) how many of a row's values count. It is to these what `ArchitectureTable` is to architectures.
    """

    network: str
    settings: Mapping[str, np.ndarray]
    stages: np.ndarray
    input: tuple[int, ...]
    num_classes: int

    def __len__(self) -> int:
        return len(self.stages)

    def take(self, rows: np.ndarray) -> UserTable:
        """The networks at these row indices (or where a (n,) mask is true)."""
        taken = {name: column[rows] for name, column in self.settings.items()}
        return replace(self, settings=taken, stages=self.stages[rows])

    def contents(self) -> list[dict[str, object]]:
        """The dictionaries of all networks, in order: equal to `UserNetwork.to_dict()` of them."""
        columns = [column.tolist() for column in self.settings.values()]
        rows = zip(self.stages.tolist(), *columns, strict=True)
        return [
            {
                "network": self.network,
                "setting": {
                    name: value[:stages] if isinstance(value, list) else value
                    for name, value in zip(self.settings, values, strict=True)
                },
                "input": list(self.input),
                "num_classes": self.num_classes,
            }
            for stages, *values in rows
        ]

    @property
    def header(self) -> str:
        """What all networks of the table share, as text."""
        return self.network

    def keys(self) -> np.ndarray:
        """(n,) of bytes: equal for two rows of one space's tables if and only if their networks are equal."""
        packed = []
        for column in self.settings.values():
            if column.ndim == 2:
                column = np.where(np.arange(column.shape[1]) < self.stages[:, None], column, column.dtype.type())
            packed.append(np.ascontiguousarray(column[..., None]).view(np.uint8).reshape(len(self), -1))
        rows = np.ascontiguousarray(np.concatenate(packed, axis=1))
        return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()

    def complexity(self) -> Complexity:
        """Flops, params and acts of every network: three (n,) int64 arrays, by the file or by building each."""
        code = USER_NETWORKS[self.network]
        if code.complexity is None:
            counted = [counted_complexity(canonical_json(content)) for content in self.contents()]
            return Complexity(*np.array(counted, dtype=np.int64).reshape(-1, len(METRICS)).T)
        settings = {**self.settings, "stages": self.stages, "input": self.input, "num_classes": self.num_classes}
        given = code.complexity(settings)
        if not isinstance(given, (tuple, list)) or len(given) != len(METRICS):
            raise DefinitionError(
                f"{code.file}: complexity(settings) gives {_kind(given)}: expected {', '.join(METRICS)}"
            )
        return Complexity(*(self._checked(name, value) for name, value in zip(METRICS, given, strict=True)))

    def memory(self) -> Memory:
        """Bytes of every network, by building each: two (n,) int64 arrays."""
        held = [counted_memory(canonical_json(content)) for content in self.contents()]
        return Memory(*np.array(held, dtype=np.int64).reshape(-1, len(MEMORIES)).T)

    def _checked(self, name: str, value: object) -> np.ndarray:
        """(n,) int64. Raises DefinitionError if the file's numbers are of another shape, or no counts."""
        values = np.asarray(value)
        whole = values.dtype.kind in "iuf" and bool((np.isfinite(values) & (values == np.rint(values))).all())
        if values.shape not in ((), (len(self),)) or not whole or (values < 0).any():
            raise DefinitionError(
                f"{USER_NETWORKS[self.network].file}: {name} of complexity(settings) are {values.dtype} of shape"
                f" {values.shape} for {len(self)} settings: expected ({len(self)},) whole numbers from 0"
            )
        return np.broadcast_to(values.astype(np.int64), (len(self),))


def shape_in_words(shape: Sequence[int]) -> str:
    """`3×32×32`, `30`."""
    return "×".join(map(str, shape))


def build_user(network: UserNetwork) -> nn.Module:
    """The module with fresh weights: (N, *input) → (N, num_classes).

    Raises DefinitionError if the file's `build` raises, or gives no module, another output, or another number of
    parameters than its `complexity` says.
    """
    code, module = USER_NETWORKS[network.network], _made(network)
    where = f"{code.file}: build({network.setting})"
    shape, expected = _output_shape(module, network, where), (2, network.num_classes)
    if shape != expected:
        raise DefinitionError(
            f"{where}: of two inputs of {shape_in_words(network.input)} the module makes {shape}: expected {expected},"
            " a number for each class"
        )
    if code.complexity is not None:
        made, said = sum(p.numel() for p in module.parameters()), user_complexity(network).params
        if made != said:
            raise DefinitionError(
                f"{where}: the module has {made:,} parameters, and complexity(settings) says {said:,}"
            )
    return module.train()


def _made(network: UserNetwork) -> nn.Module:
    """What the file's `build` gives, not tried yet. Raises DefinitionError if it is no module."""
    from torch import nn

    code = USER_NETWORKS[network.network]
    module = code.build({**network.setting, "input": network.input, "num_classes": network.num_classes})
    if not isinstance(module, nn.Module):
        raise DefinitionError(f"{code.file}: build({network.setting}) gives {_kind(module)}: expected a torch module")
    return module


def _output_shape(module: nn.Module, network: UserNetwork, where: str) -> tuple[int, ...] | str:
    """Of two inputs. Layers that wait for their input's size are made by this pass."""
    import torch

    home = next((p.device for p in module.parameters()), None)
    try:
        with torch.no_grad():
            output = module.eval()(torch.zeros(2, *network.input, device=home))
    except Exception as error:
        raise DefinitionError(
            f"{where}: the module takes no inputs of {shape_in_words(network.input)}:"
            f" {type(error).__name__}: {first_line(error)}"
        ) from error
    return tuple(output.shape) if isinstance(output, torch.Tensor) else _kind(output)


def user_complexity(network: UserNetwork) -> Complexity:
    """Flops, params and acts of one network, by its file or by building it."""
    arrays = {name: np.array([value]) for name, value in network.setting.items()}
    stages = max((column.shape[1] for column in arrays.values() if column.ndim == 2), default=1)
    table = UserTable(network.network, arrays, np.array([stages]), network.input, network.num_classes)
    return Complexity(*(int(values[0]) for values in table.complexity()))


@lru_cache(maxsize=1 << 17)
def counted_complexity(content: str) -> Complexity:
    """Flops, params and acts of a network by watching it work on no data. content: its canonical JSON.

    Raises DefinitionError that names an operation without a rule, or says why it cannot be built without data.
    """
    from dsx.networks.counting import count_complexity

    return _watched(content, count_complexity, "give the file a complexity(settings)")


@lru_cache(maxsize=1 << 17)
def counted_memory(content: str) -> Memory:
    """Memory of its feature maps for one example, likewise; where norms need several, by that of two and three."""
    from dsx.networks.counting import count_memory

    remedy = f"leave {' and '.join(MEMORIES)} out"
    with contextlib.suppress(DefinitionError):
        return _watched(content, count_memory, remedy)
    two, three = (np.array(_watched(content, count_memory, remedy, batch)) for batch in (2, 3))
    return Memory(*(2 * two - three).tolist())


def _watched(content: str, count: Callable[[nn.Module, Any], T], remedy: str, batch: int = 1) -> T:
    """What `count` says of the network on the meta device."""
    import torch

    network = UserNetwork.from_dict(json.loads(content))
    shapes: set[tuple[int, ...]] = set()

    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        shapes.add(tuple(getattr(output, "shape", ())))

    try:
        with torch.device("meta"):
            module = _made(network)
            if any(map(torch.nn.parameter.is_lazy, module.parameters())):
                module = build_user(network)
            module.register_forward_hook(note)  # what `build_user` tries in a pass of its own
            counted = count(module, torch.empty(batch, *network.input))
        if shapes != {(batch, network.num_classes)}:
            raise DefinitionError(f"its output is of shape {sorted(shapes)}")
        return counted
    except Exception as error:
        build_user(network)  # with data: raises if the fault is the file's own
        why = (
            str(error)
            if isinstance(error, DefinitionError)
            else f"without data {type(error).__name__}: {first_line(error)}"
        )
        raise DefinitionError(
            f"{USER_NETWORKS[network.network].file}: build({network.setting}) cannot be counted: {why}; {remedy}"
        ) from error


def _kind(value: object) -> str:
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (tuple, list)) else "")
