"""The frozen description of one network, and the same for many networks as columns.

An `Architecture` says everything that is needed to build a network and nothing about training.
Widths are final: group adjustment has been applied. `model_id` is a hash of this content alone.
An `ArchitectureTable` holds n architectures that share stem, blocks, head and activation as
integer arrays of shape (n, stages); it is what samplers make and complexity is computed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, StrictInt, field_validator, model_validator

from dsx.base.errors import DefinitionError, suggest, unknown
from dsx.base.nested import canonical_json
from dsx.base.schema import Count, Frozen
from dsx.networks.layers import BLOCKS, STEMS, USER_BLOCKS, Block, inner_width

Activation = Literal["relu", "silu", "gelu"]


def known_block(name: str) -> Block:
    """The block of that name. Raises DefinitionError that lists the known ones."""
    if name not in BLOCKS and name not in USER_BLOCKS:
        if "@" in name:
            raise DefinitionError(
                f"unknown block '{name}': it comes from a user's file; open its study or load its space first"
            )
        raise DefinitionError(unknown("block", name, BLOCKS))
    return BLOCKS[name]


class Stem(Frozen):
    """`simple`: 3×3 stride 2; `resnet`: 7×7 stride 2 and 3×3 max-pool stride 2; `cifar`: 3×3 stride 1."""

    type: str = "simple"
    width: Count = 32

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in STEMS:
            raise ValueError(f"unknown stem.{suggest(name, STEMS)} Known: {', '.join(STEMS)}")
        return name


class Stage(Frozen):
    """`depth` equal blocks; the first carries the stride and the change of width."""

    block: str = "x"
    depth: Count
    width: Count
    stride: Count = 2
    # b of the paper; the inner width is width / b, so b < 1 inverts
    bottleneck_ratio: Annotated[float, Field(gt=0)] = 1.0
    group_width: Count | None = None  # channels per group of the 3×3 conv; null for blocks without groups
    # squeeze width as a share of the block's input width; 0 is no squeeze-and-excitation
    se_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("block")
    @classmethod
    def _known(cls, name: str) -> str:
        known_block(name)
        return name

    @model_validator(mode="after")
    def _compatible(self) -> Stage:
        block = BLOCKS[self.block]
        if block.grouped and self.group_width is None:
            raise ValueError(f"group_width is required by block '{self.block}'")
        for field, value, used in (
            ("group_width", self.group_width is not None, block.grouped),
            ("bottleneck_ratio", self.bottleneck_ratio != 1, block.bottleneck),
            ("se_ratio", self.se_ratio != 0, block.squeeze),
        ):
            if value and not used:
                raise ValueError(f"block '{self.block}' has no {field}: leave it out")
        inner = self.width / self.bottleneck_ratio
        if abs(inner - round(inner)) > 1e-6 or round(inner) < 1:
            raise ValueError(
                f"width {self.width} / bottleneck_ratio {self.bottleneck_ratio:g} is not a whole number of channels"
            )
        if self.group_width is not None and round(inner) % self.group_width:
            raise ValueError(
                f"inner width {round(inner)} is not a multiple of group_width {self.group_width};"
                " `adjust_groups` gives widths that are"
            )
        return self


_STAGE_FIELDS = tuple(Stage.model_fields)


class Head(Frozen):
    """Global average pooling and a classifier; `width` > 0 puts a 1×1 conv of that width before them."""

    width: Annotated[StrictInt, Field(ge=0)] = 0


class Identified(Frozen):
    """A network, named by what it is."""

    @property
    def model_id(self) -> str:
        """16 hexadecimal digits: a hash of the content, the same on every machine."""
        return content_id(self.to_dict())


class Architecture(Identified):
    """A complete network: stem, stages, head, activation, classes and input channels."""

    stem: Stem = Stem()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    head: Head = Head()
    activation: Activation = "relu"
    num_classes: Count = 1000
    in_channels: Count = 3

    @property
    def depth(self) -> int:
        """Number of blocks over all stages."""
        return sum(stage.depth for stage in self.stages)

    @property
    def block_widths(self) -> list[int]:
        """Width of every block, in order: what a quantised-linear fit is made on."""
        return [stage.width for stage in self.stages for _ in range(stage.depth)]

    @property
    def total_stride(self) -> int:
        """Input resolution divided by the resolution of the last stage's output."""
        return STEMS[self.stem.type].total_stride * int(np.prod([stage.stride for stage in self.stages]))

    def check_resolution(self, resolution: int) -> None:
        """Raises DefinitionError if an image of that size is used up before the last stride."""
        if resolution < self.total_stride:
            raise DefinitionError(
                f"resolution {resolution} is too small: stem and stages reduce it {self.total_stride}-fold;"
                f" use at least {self.total_stride}, or smaller strides"
            )


def content_id(content: Mapping[str, object] | str) -> str:
    """Hash of an architecture's dictionary, or of its canonical JSON."""
    text = content if isinstance(content, str) else canonical_json(content)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ArchitectureTable:
    """n architectures as columns. Stages beyond an architecture's own number have depth 0."""

    stem: str
    stem_width: np.ndarray  # (n,) int64
    blocks: tuple[str, ...]  # one name per stage
    # depth, width, stride, group_width: (n, stages) int64, where group_width is ignored for blocks without groups
    depth: np.ndarray
    width: np.ndarray
    stride: np.ndarray
    bottleneck_ratio: np.ndarray  # bottleneck_ratio, se_ratio: (n, stages) float64. Widths and group widths are final
    group_width: np.ndarray
    se_ratio: np.ndarray
    head_width: int = 0
    activation: str = "relu"
    num_classes: int = 1000
    in_channels: int = 3

    def __len__(self) -> int:
        return len(self.depth)

    def take(self, rows: np.ndarray) -> ArchitectureTable:
        """The architectures at these row indices (or where a (n,) mask is true)."""
        columns = ("stem_width", "depth", "width", "stride", "bottleneck_ratio", "group_width", "se_ratio")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def contents(self) -> list[dict[str, object]]:
        """The dictionaries of all architectures, in order: equal to `Architecture.to_dict()` of each."""
        columns = []
        for i, name in enumerate(self.blocks):
            block, n = BLOCKS[name], len(self)
            values = (
                [name] * n,
                self.depth[:, i].tolist(),
                self.width[:, i].tolist(),
                self.stride[:, i].tolist(),
                self.bottleneck_ratio[:, i].tolist() if block.bottleneck else [1.0] * n,
                self.group_width[:, i].tolist() if block.grouped else [None] * n,
                self.se_ratio[:, i].tolist() if block.squeeze else [0.0] * n,
            )
            columns.append([dict(zip(_STAGE_FIELDS, stage, strict=True)) for stage in zip(*values, strict=True)])
        return [
            {
                "stem": {"type": self.stem, "width": width},
                "stages": [stage for stage in stages if stage["depth"]],
                "head": {"width": self.head_width},
                "activation": self.activation,
                "num_classes": self.num_classes,
                "in_channels": self.in_channels,
            }
            for width, *stages in zip(self.stem_width.tolist(), *columns, strict=True)
        ]

    @property
    def header(self) -> str:
        """What all architectures of the table share, as text."""
        shared = (self.stem, *self.blocks, self.head_width, self.activation, self.num_classes, self.in_channels)
        return "|".join(map(str, shared))

    def keys(self) -> np.ndarray:
        """(n,) of bytes: equal for two rows of one table if and only if their architectures are equal."""
        parts = [self.stem_width[:, None]]
        for i, name in enumerate(self.blocks):
            block, present = BLOCKS[name], self.depth[:, i] > 0
            parts += [(c[:, i] * present)[:, None] for c in (self.depth, self.width, self.stride)]
            for used, column in (
                (block.bottleneck, self.bottleneck_ratio),
                (block.grouped, self.group_width),
                (block.squeeze, self.se_ratio),
            ):
                if used:
                    parts.append((column[:, i] * present)[:, None].astype(np.float64).view(np.int64))
        packed = np.ascontiguousarray(np.concatenate(parts, axis=1).astype(np.int64))
        return packed.view(np.dtype((np.void, packed.dtype.itemsize * packed.shape[1]))).ravel()

    @classmethod
    def of(cls, architectures: Sequence[Architecture]) -> ArchitectureTable:
        """The columns of architectures that share stem type, blocks, head, activation, classes and channels."""
        first = architectures[0]
        blocks = tuple(stage.block for stage in max(architectures, key=lambda a: len(a.stages)).stages)

        def shared(a: Architecture) -> tuple[object, ...]:
            return a.stem.type, a.head, a.activation, a.num_classes, a.in_channels

        for a in architectures:
            if shared(a) != shared(first) or tuple(s.block for s in a.stages) != blocks[: len(a.stages)]:
                raise DefinitionError(
                    "architectures of one table must share stem type, blocks, head, activation, classes and channels"
                )

        def column(field: str, dtype: type, absent: float) -> np.ndarray:
            rows = [
                [getattr(s, field) or absent for s in a.stages] + [absent] * (len(blocks) - len(a.stages))
                for a in architectures
            ]
            return np.array(rows, dtype=dtype)

        return cls(
            stem=first.stem.type,
            stem_width=np.array([a.stem.width for a in architectures], dtype=np.int64),
            blocks=blocks,
            depth=column("depth", np.int64, 0),
            width=column("width", np.int64, 1),
            stride=column("stride", np.int64, 1),
            bottleneck_ratio=column("bottleneck_ratio", np.float64, 1.0),
            group_width=column("group_width", np.int64, 1),
            se_ratio=column("se_ratio", np.float64, 0.0),
            head_width=first.head.width,
            activation=first.activation,
            num_classes=first.num_classes,
            in_channels=first.in_channels,
        )


__all__ = ["Activation", "Architecture", "ArchitectureTable", "Head", "Stage", "Stem", "content_id", "inner_width"]


def check_network(value: object) -> None:
    """Raises DefinitionError, which says how to come by one, for what is no description of a network."""
    if isinstance(value, Frozen) and hasattr(value, "total_stride"):
        return
    hint = ""
    if isinstance(value, str):
        hint = f": dsx.published({value!r}) is one if it is a name of the literature"
    elif isinstance(value, Mapping):
        hint = ": Architecture.from_dict makes one of it"
    elif hasattr(value, "architecture"):
        hint = ": its .architecture is one"
    raise DefinitionError(f"expected an Architecture, found {type(value).__name__}{hint}")
