"""A design space as a typed, frozen object, and its YAML file with `extends`.

A child file says only how it differs: mappings are merged key by key, a parameter with another
`distribution` replaces its parent's as a whole, and null takes an entry away.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, StrictInt, field_validator, model_validator

from dsx import resources
from dsx.errors import DefinitionError, DsxError, suggest
from dsx.networks.architecture import Activation, Count, Head, Stem, known_block
from dsx.networks.layers import BLOCKS, STEMS
from dsx.schema import Frozen
from dsx.spaces.distributions import Parameter, SameAs, from_shorthand
from dsx.spaces.expressions import Inequality
from dsx.spaces.families import COMMON, FAMILIES, Family, ParameterRule
from dsx.spaces.orders import ORDERS, OrderRule, order_probability
from dsx.spaces.population import METRICS, RECIPE_PREFIX
from dsx.units import format_range, parse_range
from dsx.yaml_files import read_yaml

# what rules may speak of besides the parameters: the finished stages, after group adjustment
DERIVED = ("stage_width", "stage_depth", "total_depth")


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
    plugins: tuple[str, ...] = ()
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

    @field_validator("constraints")
    @classmethod
    def _constraints(cls, constraints: dict[str, str]) -> dict[str, str]:
        for name, text in constraints.items():
            try:
                if name in METRICS:
                    parse_range(text)
                else:
                    Inequality.parse(text, set(METRICS))
            except DsxError as error:
                near = suggest(name, METRICS) if name not in METRICS else ""
                raise ValueError(f"{name}: {error}{near}") from None
        return constraints

    @field_validator("family")
    @classmethod
    def _family(cls, name: str) -> str:
        if name not in FAMILIES:
            raise ValueError(f"unknown family.{suggest(name, FAMILIES)} Known: {', '.join(FAMILIES)}")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Space:
        for block in self.blocks:
            known_block(block)
        for what, value in (("strides", self.strides), ("block", self.block)):
            if isinstance(value, tuple) and len(value) != self.max_stages:
                raise ValueError(f"{what} lists {len(value)} entries for {self.max_stages} stages: give one for each")
        for name, parameter in self.parameters.items():
            self._check_parameter(name, parameter)
        for name, rule in self.parameter_rules.items():
            if rule.required and name not in self.parameters:
                raise ValueError(f"parameters.{name} is required by family '{self.family}'")
        if any(BLOCKS[b].grouped for b in self.blocks) and "group_width" not in self.parameters:
            raise ValueError(f"parameters.group_width is required by block '{self.blocks[0]}'")
        for name, order in self.rules.items():
            self._check_rule(name, order)
        return self

    def _check_parameter(self, name: str, parameter: Any) -> None:
        rules = self.parameter_rules
        if name.startswith(RECIPE_PREFIX) and len(name) > len(RECIPE_PREFIX):
            if parameter.per == "stage":
                raise ValueError(f"parameters.{name}.per = 'stage': a recipe's setting has one value: use network")
            return
        if name not in rules:
            raise ValueError(f"unknown parameter '{name}'.{suggest(name, rules)} Known: {', '.join(rules)}, recipe.…")
        if isinstance(parameter, SameAs):
            other = self.parameters.get(parameter.parameter)
            if other is None or isinstance(other, SameAs):
                raise ValueError(
                    f"parameters.{name}.parameter = '{parameter.parameter}': expected another parameter with a distribution"
                    f" of its own.{suggest(parameter.parameter, set(self.parameters) - {name})}"
                )
            parameter = other
        rule = rules[name]
        if parameter.per == "stage" and not rule.per_stage:
            raise ValueError(
                f"parameters.{name}.per = 'stage': {name} has one value for the network in family '{self.family}'"
            )
        if parameter.continuous and (rule.integer or parameter.per == "stage"):
            raise ValueError(
                f"parameters.{name}.step is required: {name} takes {'integers' if rule.integer else 'stepped values'}"
            )
        values = np.array([parameter.low, parameter.high]) if parameter.continuous else parameter.values
        known = {"block": BLOCKS, "stem_type": STEMS, "activation": ("relu", "silu", "gelu")}.get(name)
        if known is not None:
            for value in values.tolist():
                if value not in known:
                    raise ValueError(
                        f"parameters.{name}: unknown {name} '{value}'.{suggest(str(value), known)} Known: {', '.join(known)}"
                    )
        elif not rule.accepts(values):
            bad = next((v for v in values.tolist() if not rule.accepts(np.array([v]))), values.tolist()[0])
            key = "low" if getattr(parameter, "low", None) == bad else "values"
            raise ValueError(f"parameters.{name}.{key} = {bad}: {rule.words()}")

    def _check_rule(self, name: str, rule: OrderRule | str) -> None:
        if isinstance(rule, str):
            if rule.isidentifier():
                raise ValueError(
                    f"rules.{name}: unknown order '{rule}'.{suggest(rule, ORDERS)} Known: {', '.join(ORDERS)}, or an inequality"
                )
            try:
                Inequality.parse(rule, {n for n in self.parameters if n.isidentifier()} | set(DERIVED))
            except DsxError as error:
                raise ValueError(f"rules.{name}: {error}") from None
            return
        if name not in self.parameters:
            raise ValueError(
                f"rules.{name}: the space has no parameter '{name}' to order.{suggest(name, self.parameters)}"
            )
        parameter = self.parameters[name]
        if parameter.per != "stage":
            raise ValueError(
                f"rules.{name}: an order needs a parameter that varies by stage; {name} is per: {parameter.per}"
            )
        fewest = int(self.stage_counts.min())
        if order_probability(parameter.masses, rule.order, rule.length(fewest)) <= 0:
            raise ValueError(
                f"rules.{name}: {len(parameter.values)} values cannot be {rule.order} over {fewest} stages"
            )

    @cached_property
    def parameter_rules(self) -> dict[str, ParameterRule]:
        """Rules of every parameter that this space may have."""
        return {**FAMILIES[self.family].parameters, **COMMON}

    @property
    def family_rules(self) -> Family:
        return FAMILIES[self.family]

    @cached_property
    def stage_counts(self) -> np.ndarray:
        """Numbers of stages that occur."""
        return self.parameters["stages"].values if "stages" in self.parameters else np.array([self.stages])

    @property
    def max_stages(self) -> int:
        return int(self.stage_counts.max())

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block name that occurs."""
        if "block" in self.parameters:
            return tuple(self.parameters["block"].values.tolist())
        return (self.block,) if isinstance(self.block, str) else self.block

    def orders(self) -> dict[str, OrderRule]:
        """Ordering rules, by parameter."""
        return {name: rule for name, rule in self.rules.items() if isinstance(rule, OrderRule)}

    def inequalities(self) -> dict[str, Inequality]:
        """Rules that are inequalities, by name."""
        known = set(self.parameters) | set(DERIVED)
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
        _assign(data, key, value)
    return space_from_dict(data, str(path) if not overrides else f"{path} with {', '.join(overrides)}")


def space_from_dict(data: dict[str, Any], where: str = "") -> Space:
    """The space that a merged definition (`Space.to_dict`, or a file's content) describes."""
    return Space.from_dict(data, where)


def read_definition(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A file's content merged over all that it extends. Raises DefinitionError for bad YAML or a circle."""
    if path.resolve() in below:
        raise DefinitionError(
            f"{path}: extends = {path.stem!r}: a space cannot extend itself, directly or through others"
        )
    data = read_yaml(path)
    parent_name = data.pop("extends", None)
    data.setdefault("name", path.stem)
    if parent_name is None:
        return data
    if not isinstance(parent_name, str):
        raise DefinitionError(f"{path}: extends = {parent_name!r}: expected the name or path of one space")
    try:
        parent_path = resources.find("spaces", parent_name, beside=path)
    except DefinitionError as error:
        raise DefinitionError(f"{path}: extends = {parent_name!r}: {error}") from None
    parent = read_definition(parent_path, (*below, path.resolve()))
    own_words = {"description": "", "source": ""}
    return merge({**parent, **own_words}, data)


def lineage(name: str | Path) -> list[tuple[str, dict[str, Any]]]:
    """(space, what its own file says) from the first ancestor down to the space itself."""
    path = resources.find("spaces", str(name))
    data = read_yaml(path)
    parent = data.pop("extends", None)
    above = lineage(resources.find("spaces", parent, beside=path)) if parent else []
    return [*above, (data.get("name", path.stem), data)]


def merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """`child` laid over `parent`: mappings key by key, other values replaced, null removes."""
    merged = dict(parent)
    for key, value in child.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif (
            isinstance(value, dict)
            and isinstance(old, dict)
            and value.get("distribution", old.get("distribution")) == old.get("distribution")
        ):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def _assign(data: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a nested key; `recipe.lr` below parameters is one key."""
    head, _, rest = dotted.partition(".")
    if not rest:
        data.update(merge(data, {head: value}))
        if value is None:
            data.pop(head, None)
        return
    if head == "parameters" and rest.startswith(RECIPE_PREFIX):
        name, _, field = rest[len(RECIPE_PREFIX) :].partition(".")
        rest_path, keyed = field, data.setdefault(head, {}).setdefault(RECIPE_PREFIX + name, {})
        if rest_path:
            _assign(keyed, rest_path, value)
        else:
            data[head][RECIPE_PREFIX + name] = value
        return
    inner = data.get(head)
    if inner is None or not isinstance(inner, dict):
        inner = {} if inner is None else from_shorthand(inner)
    data[head] = dict(inner)
    _assign(data[head], rest, value)


def unbounded(ends: tuple[float, float]) -> bool:
    """Whether a metric range excludes nothing."""
    return ends[0] <= 0 and math.isinf(ends[1])
