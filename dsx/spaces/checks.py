"""What must hold among the parts of a space; every fault is a ValueError that says key, value, rule and remedy.

The `Space` itself adds the file's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dsx.errors import DsxError, suggest
from dsx.networks.layers import BLOCKS, STEMS
from dsx.spaces.distributions import SameAs
from dsx.spaces.expressions import Inequality
from dsx.spaces.families import FAMILIES
from dsx.spaces.orders import ORDERS, OrderRule, order_probability
from dsx.spaces.population import METRICS, RECIPE_PREFIX
from dsx.units import parse_range

if TYPE_CHECKING:
    from dsx.spaces.definition import Space

# what rules may speak of besides the parameters: the finished stages, after group adjustment
DERIVED = ("stage_width", "stage_depth", "stage_flops", "total_depth")
ACTIVATIONS = ("relu", "silu", "gelu")
# parameter → the property of a block that uses it, and that property in words
_USED_BY = {
    "bottleneck_ratio": ("bottleneck", "bottleneck"),
    "group_width": ("grouped", "groups"),
    "groups": ("grouped", "groups"),
    "se_ratio": ("squeeze", "squeeze-and-excitation"),
}


def check_constraints(constraints: Mapping[str, str]) -> None:
    """Each one a range of a metric, or an inequality over metrics."""
    for name, text in constraints.items():
        try:
            if name in METRICS:
                parse_range(text)
            elif ":" in text:
                raise ValueError(f"unknown metric '{name}'.{suggest(name, METRICS)} Known: {', '.join(METRICS)}")
            else:
                Inequality.parse(text, set(METRICS))
        except ValueError as error:
            raise ValueError(f"constraints.{name}: {error}") from None


def check_space(space: Space) -> None:
    """Family, blocks, lists by stage, parameters, rules."""
    _check_family(space)
    for name, parameter in space.parameters.items():
        _check_known(space, name, parameter)
    _check_blocks(space)
    for name, parameter in space.parameters.items():
        _check_parameter(space, name, parameter)
    for what, value in (("strides", space.strides), ("block", space.block)):
        if isinstance(value, tuple) and len(value) != space.max_stages:
            raise ValueError(f"{what} lists {len(value)} entries for {space.max_stages} stages: give one for each")
    for name, rule in space.parameter_rules.items():
        if rule.required and name not in space.parameters:
            raise ValueError(f"parameters.{name} is required by family '{space.family}'")
    for name, order in space.rules.items():
        _check_rule(space, name, order)
    check_constraints(space.constraints)


def _check_family(space: Space) -> None:
    known = [*FAMILIES, *space.own.families]
    if space.family not in known:
        raise ValueError(f"family = '{space.family}': unknown.{suggest(space.family, known)} Known: {', '.join(known)}")


def _check_known(space: Space, name: str, parameter: Any) -> None:
    """The parameter's name, and whose value it shares."""
    rules = space.parameter_rules
    if name.startswith(RECIPE_PREFIX) and len(name) > len(RECIPE_PREFIX):
        if parameter.per == "stage":
            raise ValueError(f"parameters.{name}.per = 'stage': a recipe's setting has one value: use network")
    elif name not in rules:
        raise ValueError(f"unknown parameter '{name}'.{suggest(name, rules)} Known: {', '.join(rules)}, recipe.…")
    if name == "recipe.resolution":
        raise ValueError("parameters.recipe.resolution: write `resolution`, which complexity is counted at too")
    if isinstance(parameter, SameAs):
        other = space.parameters.get(parameter.parameter)
        if other is None or isinstance(other, SameAs):
            raise ValueError(
                f"parameters.{name}.parameter = '{parameter.parameter}': expected another parameter with a distribution"
                f" of its own.{suggest(parameter.parameter, set(space.parameters) - {name})}"
            )
        if name == "stages":
            raise ValueError("parameters.stages: the number of stages needs a distribution of its own")


def _check_blocks(space: Space) -> None:
    """Block names, and whether a block uses what is given for it."""
    known = [*BLOCKS, *space.own.blocks]
    for name in space.blocks:
        if name not in known:
            where = "parameters.block" if "block" in space.parameters else "block"
            raise ValueError(f"{where} = '{name}': unknown block.{suggest(str(name), known)} Known: {', '.join(known)}")
    kinds = [BLOCKS[space.block_name(name)] for name in space.blocks]
    shown = ", ".join(dict.fromkeys(space.blocks))
    for name, (attribute, words) in _USED_BY.items():
        if any(getattr(kind, attribute) for kind in kinds):
            continue
        if name in space.parameters:
            raise ValueError(f"parameters.{name}: block {shown} has no {words}; take it out with `{name}: null`")
        if name == "se_ratio" and space.se_ratio:
            raise ValueError(f"se_ratio = {space.se_ratio:g}: block {shown} has no {words}; leave it out")
    given = [name for name in ("group_width", "groups") if name in space.parameters]
    if any(kind.grouped for kind in kinds) and not given:
        raise ValueError(f"parameters.group_width is required by block '{shown}' (or `groups`, their number)")
    if len(given) == 2:
        raise ValueError("parameters: group_width (channels of a group) and groups (their number) exclude each other")


def _check_parameter(space: Space, name: str, parameter: Any) -> None:
    """Values of a parameter, against its rule in the family."""
    if name.startswith(RECIPE_PREFIX):
        return
    rule = space.parameter_rules[name]
    if isinstance(parameter, SameAs):
        parameter = space.parameters[parameter.parameter]
    if parameter.per == "stage" and not rule.per_stage:
        raise ValueError(
            f"parameters.{name}.per = 'stage': {name} has one value for the network in family '{space.family}'"
        )
    if parameter.continuous and (rule.integer or parameter.per == "stage"):
        raise ValueError(
            f"parameters.{name}.step is required: {name} takes {'integers' if rule.integer else 'stepped values'}"
        )
    values = np.array([parameter.low, parameter.high]) if parameter.continuous else parameter.values
    known = {"stem_type": list(STEMS), "activation": list(ACTIVATIONS)}.get(name)
    if name == "block":
        return  # checked with the blocks
    if known is not None:
        for value in values.tolist():
            if value not in known:
                near = suggest(str(value), known)
                raise ValueError(f"parameters.{name}: unknown {name} '{value}'.{near} Known: {', '.join(known)}")
    elif not rule.accepts(values):
        bad = next((v for v in values.tolist() if not rule.accepts(np.array([v]))), values.tolist()[0])
        key = next((k for k in ("low", "high", "value") if getattr(parameter, k, None) == bad), "values")
        if key == "values" and rule.integer and isinstance(getattr(parameter, "step", None), float):
            key, bad = "step", parameter.step
        raise ValueError(f"parameters.{name}.{key} = {bad}: {rule.words()}")


def _check_rule(space: Space, name: str, rule: OrderRule | str) -> None:
    if isinstance(rule, str):
        if rule.isidentifier():
            known = f"{', '.join(ORDERS)}, or an inequality"
            raise ValueError(f"rules.{name}: unknown order '{rule}'.{suggest(rule, ORDERS)} Known: {known}")
        try:
            Inequality.parse(rule, names_in_rules(space))
        except DsxError as error:
            raise ValueError(f"rules.{name}: {error}") from None
        return
    if name not in space.parameters:
        raise ValueError(
            f"rules.{name}: the space has no parameter '{name}' to order.{suggest(name, space.parameters)}"
        )
    parameter = space.parameters[name]
    if parameter.per != "stage":
        raise ValueError(
            f"rules.{name}: an order needs a parameter that varies by stage; {name} is per: {parameter.per}"
        )
    fewest = int(space.stage_counts.min())
    if order_probability(parameter.masses, rule.order, rule.length(fewest)) <= 0:
        raise ValueError(f"rules.{name}: {len(parameter.values)} values cannot be {rule.order} over {fewest} stages")


def names_in_rules(space: Space) -> set[str]:
    """What an inequality among the rules may speak of: parameters of numbers, and the finished stages."""
    texts = {name for name, rule in space.parameter_rules.items() if rule.text}
    return {name for name in space.parameters if name.isidentifier() and name not in texts} | set(DERIVED)
