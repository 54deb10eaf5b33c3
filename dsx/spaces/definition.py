"""A design space as a typed, frozen object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dsx.base import resources
from dsx.base.errors import DsxError, check_mapping
from dsx.base.schema import Count, Frozen, Name
from dsx.networks.architecture import Activation, Head, Stem
from dsx.networks.cost import MEMORIES, STAGE_METRICS
from dsx.networks.latency import DeviceModel
from dsx.networks.user import USER_NETWORKS, shape_in_words
from dsx.spaces import checks
from dsx.spaces.constraints import Window, parse_constraints
from dsx.spaces.distributions import Choice, Fixed, Parameter, SameAs, from_shorthand
from dsx.spaces.expressions import Inequality
from dsx.spaces.families import COMMON, FAMILIES, Family, ParameterRule
from dsx.spaces.files import assign, read_definition
from dsx.spaces.identity import definition_hash
from dsx.spaces.orders import OrderRule
from dsx.spaces.plugins import Loaded, Plugin, gather
from dsx.spaces.rules import DERIVED, parse_rules

# rules and constraints are written as their text
_TEXT = PlainSerializer(lambda parsed: parsed.text)
_IS_TEXT = WithJsonSchema({"type": "string"})
_Inequality = Annotated[InstanceOf[Inequality], _TEXT, _IS_TEXT]
_Window = Annotated[InstanceOf[Window], _TEXT, _IS_TEXT]


class Space(Frozen):
    """One design space: parameters, rules, constraints, and the fixed parts of its networks.

    stages, strides, block, stem, head, activation, se_ratio, resolution: fixed unless a parameter of that
    purpose is sampled. width_step: widths of the family `regnet` are multiples of it.
    device: in a file, that of a model that `dsx time --calibrate` wrote; `latency` is by it.
    input: shape of what networks of a user's own take, where that is no image of the resolution; null: it is.
    constraints: flops, params or acts → `low:high` (both inclusive), or a name → an inequality over them.
    rules: a parameter → an order over the stages, or a name → an inequality over parameters.
    """

    name: Name
    description: str = ""
    source: str = ""
    family: str
    plugins: tuple[Plugin, ...] = ()
    stages: Count = 4
    block: str | tuple[str, ...] = "x"
    stem: Stem = Stem()
    strides: Count | tuple[Count, ...] = 2
    head: Head = Head()
    activation: Activation = "relu"
    se_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0
    width_step: Count = 8
    resolution: Count = 224
    num_classes: Count = 1000
    in_channels: Count = 3
    input: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    parameters: dict[str, Parameter]
    device: DeviceModel | None = None
    rules: dict[str, OrderRule | _Inequality] = {}
    constraints: dict[str, _Window | _Inequality] = {}

    @field_validator("parameters", "rules", "constraints", mode="before")
    @classmethod
    def _parse(cls, content: object, field: ValidationInfo) -> object:
        """Bare values and texts as what they stand for."""
        if not isinstance(content, dict):
            return content
        if field.field_name == "parameters":
            return {name: from_shorthand(value) for name, value in content.items()}
        return parse_rules(content) if field.field_name == "rules" else parse_constraints(content)

    @model_validator(mode="after")
    def _consistent(self) -> Space:
        """Raises ValueError for the first thing that does not fit the others; each message says where it stands."""
        checks.check_family(self.family, [*FAMILIES, *self.loaded.families, *self.loaded.networks])
        checks.check_names(self.parameters, self.parameter_rules)
        if self.network is None:
            checks.check_blocks(self.blocks, self.loaded.blocks, self.parameters, self.se_ratio)
        checks.check_unused(self._unused(), self.family)
        for name, parameter in self.parameters.items():
            checks.check_values(name, parameter, self.parameters, self.parameter_rules, self.family)
        checks.check_lists({"strides": self.strides, "block": self.block}, self.max_stages)
        checks.check_required(self.parameters, self.parameter_rules, self.family)
        checks.check_orders(self.orders, self.parameters, int(self.stage_counts.min()))
        checks.check_inequalities(self.inequalities, self.names_in_rules, self._by_stage, self.max_stages)
        checks.check_limits(self.constraints, self.family, self.network is not None, self.device is not None)
        return self

    def to_dict(self) -> dict[str, Any]:
        """As in `Frozen`; without input and device where there are none, as before there was a choice."""
        content = super().to_dict()
        absent = [name for name in ("input", "device") if content[name] is None]
        return {name: value for name, value in content.items() if name not in absent}

    def _unused(self) -> list[str]:
        """Fields that are given and that networks of this family have no use for."""
        names: tuple[str, ...] = ("input",)
        if self.network is not None:
            names = ("block", "stem", "strides", "head", "activation", "se_ratio", "width_step")
            names += ("resolution", "in_channels") if self.input is not None else ()
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    @cached_property
    def loaded(self) -> Loaded:
        """What the user's files hold."""
        return gather(self.plugins)

    @property
    def network(self) -> str | None:
        """Of a family of a user's own networks, their name in descriptions; else None."""
        return self.loaded.networks.get(self.family)

    @property
    def counts_one_by_one(self) -> bool:
        """Whether a network's complexity is known only once it is built."""
        named = {name for rule in (*self.constraints.values(), *self.inequalities.values()) for name in rule.names}
        return self.network is not None and (
            USER_NETWORKS[self.network].complexity is None or not named.isdisjoint(MEMORIES)
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example: an image, unless the space says otherwise."""
        return self.input or (self.in_channels, self.resolution, self.resolution)

    @property
    def input_in_words(self) -> str:
        """`224×224`, and of other inputs than images the whole shape."""
        return shape_in_words(self.input or self.input_shape[1:])

    @cached_property
    def parameter_rules(self) -> dict[str, ParameterRule]:
        """Rules of every parameter that this space may have."""
        if self.network is None:
            return {**COMMON, **self.family_rules.parameters}
        listed = USER_NETWORKS[self.network].parameters
        return {**dict.fromkeys(listed, ParameterRule(free=True, required=True)), "stages": COMMON["stages"]}

    @property
    def family_rules(self) -> Family:
        """The family: a user's own, or one of dsx."""
        return self.loaded.families.get(self.family) or FAMILIES[self.family]

    def block_name(self, name: str) -> str:
        """A block's name in architectures: a user's own has a version."""
        return self.loaded.blocks.get(name, name)

    @cached_property
    def stage_counts(self) -> np.ndarray:
        """Numbers of stages that occur."""
        return self.parameters["stages"].values if "stages" in self.parameters else np.array([self.stages])

    @property
    def max_stages(self) -> int:
        return int(self.stage_counts.max())

    def with_shared(self, settings: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The settings with those of parameters that are the same as another."""
        shared = {name: p.parameter for name, p in self.parameters.items() if isinstance(p, SameAs)}
        return settings | {name: settings[other] for name, other in shared.items()}

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block name that occurs, as the definition writes it."""
        if "block" in self.parameters:
            return tuple(self.parameters["block"].values.tolist())
        return (self.block,) if isinstance(self.block, str) else self.block

    @property
    def orders(self) -> dict[str, OrderRule]:
        """Ordering rules, by parameter."""
        return {name: rule for name, rule in self.rules.items() if isinstance(rule, OrderRule)}

    @property
    def inequalities(self) -> dict[str, Inequality]:
        """Rules that are inequalities, by name."""
        return {name: rule for name, rule in self.rules.items() if isinstance(rule, Inequality)}

    @property
    def names_in_rules(self) -> set[str]:
        """What an inequality among the rules may speak of: parameters of numbers, and the finished stages."""
        texts = {name for name, rule in self.parameter_rules.items() if rule.text}
        texts |= {
            name for name, p in self.parameters.items() if isinstance(p, Choice | Fixed) and p.values.dtype.kind == "U"
        }
        derived = DERIVED if self.network is None else MEMORIES
        return {name for name in self.parameters if name.isidentifier() and name not in texts} | set(derived)

    @property
    def _by_stage(self) -> set[str]:
        """What inequalities may speak of that has a value for each stage."""
        others = {name: p.parameter if isinstance(p, SameAs) else name for name, p in self.parameters.items()}
        varying = {name for name, other in others.items() if self.parameters[other].per == "stage"}
        return varying | {"stage_width", "stage_depth", *STAGE_METRICS}

    @property
    def windows(self) -> dict[str, Window]:
        """Constraints that are ranges of a metric, by metric."""
        return {name: limit for name, limit in self.constraints.items() if isinstance(limit, Window)}

    @property
    def constraint_texts(self) -> dict[str, str]:
        """The constraints as a file has them."""
        return {name: limit.text for name, limit in self.constraints.items()}

    def constrained(self, **ranges: tuple[float, float] | None) -> Space:
        """The same space with these metric ranges in place of its own; None keeps its own."""
        given = {name: Window.between(name, *ends) for name, ends in ranges.items() if ends is not None}
        kept = {n: c for n, c in (self.constraints | given).items() if not (isinstance(c, Window) and c.open)}
        return self.model_copy(update={"constraints": kept})

    @property
    def definition_hash(self) -> str:
        """16 hexadecimal digits over everything that decides the population; not over name and prose."""
        return definition_hash(self.to_dict())


def load_space(name: str | Path, overrides: Mapping[str, object] | None = None) -> Space:
    """The space of that name, or in that file. overrides: dotted key → value, as in `parameters.width.high`.

    Raises DefinitionError: unknown name or key, wrong type, empty range, a rule without its parameter.
    """
    path = resources.find("spaces", str(name))
    if overrides is not None:
        check_mapping("overrides", overrides, "{'parameters.width.high': 512}")
    data = read_definition(path)
    for key, value in (overrides or {}).items():
        assign(data, key, value)
    return Space.from_dict(data, str(path) if not overrides else f"{path} with {', '.join(overrides)}")


def as_space(space: Space | str | Path) -> Space:
    """The space itself, or the one of that name or in that file. Raises DefinitionError as `load_space` does."""
    return space if isinstance(space, Space) else load_space(space)


def completed(definition: Mapping[str, object]) -> dict[str, Any]:
    """A merged definition with every field of this version: one that an older version wrote may lack some.

    What is no space's definition (a study of one network has none), or cannot be read, stays as it is.
    """
    content = dict(definition)
    if "family" not in content:
        return content
    try:
        return Space.from_dict(content).to_dict()
    except DsxError:
        return content
