"""A design space as a typed, frozen object."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from dsx.base import resources
from dsx.base.schema import Frozen
from dsx.base.units import format_range, parse_range
from dsx.networks.architecture import Activation, Count, Head, Stem
from dsx.spaces.checks import check_space, names_in_rules
from dsx.spaces.distributions import Parameter, from_shorthand
from dsx.spaces.expressions import Inequality
from dsx.spaces.families import COMMON, FAMILIES, Family, ParameterRule
from dsx.spaces.files import assign, read_definition
from dsx.spaces.orders import ORDERS, OrderRule
from dsx.spaces.plugins import Loaded, Plugin, gather
from dsx.spaces.population import METRICS


class Space(Frozen):
    """One design space: parameters, rules, constraints, and the fixed parts of its networks.

    stages, strides, block, stem, head, activation, se_ratio, resolution: fixed unless a parameter of that
    purpose is sampled. width_step: widths of the family `regnet` are multiples of it.
    constraints: flops, params or acts → `low:high` (both inclusive), or a name → an inequality over them.
    rules: a parameter → an order over the stages, or a name → an inequality over parameters.
    """

    name: str
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
    parameters: dict[str, Parameter]
    rules: dict[str, OrderRule | str] = {}
    constraints: dict[str, str] = {}

    @field_validator("parameters", mode="before")
    @classmethod
    def _expand(cls, parameters: Any) -> Any:
        if not isinstance(parameters, dict):
            return parameters
        return {name: from_shorthand(value) for name, value in parameters.items()}

    @field_validator("rules", mode="before")
    @classmethod
    def _expand_orders(cls, rules: Any) -> Any:
        if not isinstance(rules, dict):
            return rules
        return {k: {"order": v} if isinstance(v, str) and v in ORDERS else v for k, v in rules.items()}

    @field_validator("constraints", mode="before")
    @classmethod
    def _as_text(cls, constraints: Any) -> Any:
        for name, text in constraints.items() if isinstance(constraints, dict) else ():
            if not isinstance(text, str):
                raise ValueError(f"{name} = {text!r}: expected low:high in quotes, as in ':5M' (YAML reads 1:30 as 90)")
        return constraints

    @model_validator(mode="after")
    def _consistent(self) -> Space:
        check_space(self)
        return self

    @cached_property
    def own(self) -> Loaded:
        """Blocks and families of the user's files."""
        return gather(self.plugins)

    @cached_property
    def parameter_rules(self) -> dict[str, ParameterRule]:
        """Rules of every parameter that this space may have."""
        return {**COMMON, **self.family_rules.parameters}

    @property
    def family_rules(self) -> Family:
        """The family: a user's own, or one of dsx."""
        return self.own.families.get(self.family) or FAMILIES[self.family]

    def block_name(self, name: str) -> str:
        """A block's name in architectures: a user's own has a version."""
        return self.own.blocks.get(name, name)

    @cached_property
    def stage_counts(self) -> np.ndarray:
        """Numbers of stages that occur."""
        return self.parameters["stages"].values if "stages" in self.parameters else np.array([self.stages])

    @property
    def max_stages(self) -> int:
        return int(self.stage_counts.max())

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block name that occurs, as the definition writes it."""
        if "block" in self.parameters:
            return tuple(self.parameters["block"].values.tolist())
        return (self.block,) if isinstance(self.block, str) else self.block

    def orders(self) -> dict[str, OrderRule]:
        """Ordering rules, by parameter."""
        return {name: rule for name, rule in self.rules.items() if isinstance(rule, OrderRule)}

    def inequalities(self) -> dict[str, Inequality]:
        """Rules that are inequalities, by name."""
        known = names_in_rules(self)
        return {name: Inequality.parse(rule, known) for name, rule in self.rules.items() if isinstance(rule, str)}

    def metric_ranges(self) -> dict[str, tuple[float, float]]:
        """Constraints that are ranges of a metric: (low, high), both inclusive."""
        return {name: parse_range(text) for name, text in self.constraints.items() if name in METRICS}

    def metric_limits(self) -> dict[str, Inequality]:
        """Constraints that are inequalities over metrics, by name."""
        return {n: Inequality.parse(t, set(METRICS)) for n, t in self.constraints.items() if n not in METRICS}

    def constrained(self, **ranges: tuple[float, float] | None) -> Space:
        """The same space with these metric ranges in place of its own; None keeps its own."""
        given = {name: format_range(*ends) for name, ends in ranges.items() if ends is not None}
        kept = {name: text for name, text in (self.constraints | given).items() if text != ":"}
        return self.model_copy(update={"constraints": kept})

    @property
    def definition_hash(self) -> str:
        """16 hexadecimal digits over everything that decides the population; not over name and prose."""
        content = {k: v for k, v in self.to_dict().items() if k not in ("name", "description", "source")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def load_space(name: str | Path, overrides: Mapping[str, Any] | None = None) -> Space:
    """The space of that name, or in that file. overrides: dotted key → value, as in `parameters.width.high`.

    Raises DefinitionError: unknown name or key, wrong type, empty range, a rule without its parameter.
    """
    path = resources.find("spaces", str(name))
    data = read_definition(path)
    for key, value in (overrides or {}).items():
        assign(data, key, value)
    return space_from_dict(data, str(path) if not overrides else f"{path} with {', '.join(overrides)}")


def space_from_dict(data: dict[str, Any], where: str = "") -> Space:
    """The space that a merged definition (`Space.to_dict`, or a file's content) describes."""
    return Space.from_dict(data, where)
