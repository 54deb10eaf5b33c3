"""What must hold among the parts of a space; every fault is a ValueError that says key, value, rule and remedy.

The definition's type adds the file's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dsx.base.errors import DsxError, suggest, unknown
from dsx.networks.cost import LATENCY, STAGE_METRICS
from dsx.networks.layers import BLOCKS, STEMS
from dsx.spaces.constraints import Constraint
from dsx.spaces.distributions import Parameter, SameAs
from dsx.spaces.expressions import Inequality
from dsx.spaces.families import ParameterRule
from dsx.spaces.orders import OrderRule, order_probability
from dsx.spaces.population import RECIPE_PREFIX

ACTIVATIONS = ("relu", "silu", "gelu")
# parameter → the property of a block that uses it, and that property in words
_USED_BY = {
    "bottleneck_ratio": ("bottleneck", "bottleneck"),
    "group_width": ("grouped", "groups"),
    "groups": ("grouped", "groups"),
    "se_ratio": ("squeeze", "squeeze-and-excitation"),
}


def check_family(family: str, known: Sequence[str]) -> None:
    """The family's name."""
    if family not in known:
        raise ValueError(f"family = '{family}': unknown.{suggest(family, known)} Known: {', '.join(known)}")


def check_unused(given: Sequence[str], family: str) -> None:
    """What a family has no use for is left out."""
    for name in given:
        if name == "input":
            raise ValueError(f"input: family '{family}' takes images, by resolution and in_channels: leave it out")
        source = "from input" if name in ("resolution", "in_channels") else "from their own file"
        raise ValueError(f"{name}: networks of '{family}' have it {source}: leave it out")


def check_names(parameters: Mapping[str, Parameter], rules: Mapping[str, ParameterRule]) -> None:
    """The parameters' names, and whose values they share. rules: of every parameter that the space may have."""
    for name, parameter in parameters.items():
        if name.startswith(RECIPE_PREFIX) and len(name) > len(RECIPE_PREFIX):
            if parameter.per == "stage":
                raise ValueError(f"parameters.{name}.per = 'stage': a recipe's setting has one value: use network")
        elif name not in rules:
            raise ValueError(f"{unknown('parameter', name, list(rules))}, recipe.…")
        if name == "recipe.resolution":
            raise ValueError("parameters.recipe.resolution: write `resolution`, which complexity is counted at too")
        if isinstance(parameter, SameAs):
            _check_shared(name, parameter, parameters)


def _check_shared(name: str, parameter: SameAs, parameters: Mapping[str, Parameter]) -> None:
    other = parameters.get(parameter.parameter)
    if other is None or isinstance(other, SameAs):
        raise ValueError(
            f"parameters.{name}.parameter = '{parameter.parameter}': expected another parameter with a distribution"
            f" of its own.{suggest(parameter.parameter, set(parameters) - {name})}"
        )
    if name == "stages":
        raise ValueError("parameters.stages: the number of stages needs a distribution of its own")


def check_blocks(
    names: Sequence[str], users: Mapping[str, str], parameters: Mapping[str, Parameter], se_ratio: float
) -> None:
    """Block names, and whether a block uses what is given for it. users: a user's own block → its versioned name."""
    known = [*BLOCKS, *users]
    for name in names:
        if name not in known:
            where = "parameters.block" if "block" in parameters else "block"
            raise ValueError(f"{where} = '{name}': unknown block.{suggest(name, known)} Known: {', '.join(known)}")
    kinds = [BLOCKS[users.get(name, name)] for name in names]
    shown = ", ".join(dict.fromkeys(names))
    for name, (attribute, words) in _USED_BY.items():
        if any(getattr(kind, attribute) for kind in kinds):
            continue
        if name in parameters:
            raise ValueError(f"parameters.{name}: block {shown} has no {words}; take it out with `{name}: null`")
        if name == "se_ratio" and se_ratio:
            raise ValueError(f"se_ratio = {se_ratio:g}: block {shown} has no {words}; leave it out")
    given = [name for name in ("group_width", "groups") if name in parameters]
    if any(kind.grouped for kind in kinds) and not given:
        raise ValueError(f"parameters.group_width is required by block '{shown}' (or `groups`, their number)")
    if len(given) == 2:
        raise ValueError("parameters: group_width (channels of a group) and groups (their number) exclude each other")


def check_values(
    name: str,
    parameter: Parameter,
    parameters: Mapping[str, Parameter],
    rules: Mapping[str, ParameterRule],
    family: str,
) -> None:
    """Values of a parameter, against its rule in the family."""
    if name.startswith(RECIPE_PREFIX):
        return
    rule = rules[name]
    if isinstance(parameter, SameAs):
        parameter = parameters[parameter.parameter]
    if parameter.per == "stage" and not rule.per_stage:
        raise ValueError(f"parameters.{name}.per = 'stage': {name} has one value for the network in family '{family}'")
    if parameter.continuous and (rule.integer or parameter.per == "stage"):
        raise ValueError(
            f"parameters.{name}.step is required: {name} takes {'integers' if rule.integer else 'stepped values'}"
        )
    if name == "block":
        return  # checked with the blocks
    ends = [getattr(parameter, end) for end in ("low", "high")] if parameter.continuous else None
    values = parameter.values if ends is None else np.array(ends)
    known = None if rule.free else {"stem_type": list(STEMS), "activation": list(ACTIVATIONS)}.get(name)
    if known is not None:
        for value in values.tolist():
            if value not in known:
                raise ValueError(f"parameters.{name}: {unknown(name, value, known)}")
    elif not rule.accepts(values):
        bad = next((v for v in values.tolist() if not rule.accepts(np.array([v]))), values.tolist()[0])
        key = next((k for k in ("low", "high", "value") if getattr(parameter, k, None) == bad), "values")
        step = getattr(parameter, "step", None)
        if key == "values" and rule.integer and isinstance(step, float):
            key, bad = "step", step
        raise ValueError(f"parameters.{name}.{key} = {bad}: {rule.words()}")


def check_lists(lists: Mapping[str, object], most_stages: int) -> None:
    """What is listed by stage has one entry for each."""
    for what, value in lists.items():
        if isinstance(value, tuple) and len(value) != most_stages:
            raise ValueError(f"{what} lists {len(value)} entries for {most_stages} stages: give one for each")


def check_required(parameters: Mapping[str, Parameter], rules: Mapping[str, ParameterRule], family: str) -> None:
    """Parameters without which the family has no networks."""
    for name, rule in rules.items():
        if rule.required and name not in parameters:
            raise ValueError(f"parameters.{name} is required by family '{family}'")


def check_orders(orders: Mapping[str, OrderRule], parameters: Mapping[str, Parameter], fewest_stages: int) -> None:
    """Orders are over parameters that vary by stage, and can be kept."""
    for name, rule in orders.items():
        if name not in parameters:
            raise ValueError(f"rules.{name}: the space has no parameter '{name}' to order.{suggest(name, parameters)}")
        parameter = parameters[name]
        if parameter.per != "stage":
            raise ValueError(
                f"rules.{name}: an order needs a parameter that varies by stage; {name} is per: {parameter.per}"
            )
        if order_probability(parameter.masses, rule.order, rule.length(fewest_stages)) <= 0:
            raise ValueError(
                f"rules.{name}: {len(parameter.values)} values cannot be {rule.order} over {fewest_stages} stages"
            )


def check_inequalities(inequalities: Mapping[str, Inequality], known: set[str], by_stage: set[str], most: int) -> None:
    """Inequalities speak of what the space has. by_stage: those of the known that have a value for each stage."""
    shapes = {name: (1, most) if name in by_stage else (1,) for name in known}
    for name, inequality in inequalities.items():
        try:
            inequality.check_names(known)
            inequality.check_stages(shapes)
        except DsxError as error:
            raise ValueError(f"rules.{name}: {error}") from None


def check_limits(constraints: Mapping[str, Constraint], family: str, users: bool, device: bool) -> None:
    """Constraints speak of what is known. users: whether networks are a user's own. device: whether it is named."""
    for name, limit in constraints.items():
        for measure in sorted(limit.names.intersection((*STAGE_METRICS, LATENCY)) if users else ()):
            what = "layers" if measure == LATENCY else "stages"
            raise ValueError(
                f"constraints.{name}: the {what} of '{family}' networks are not known: leave {measure} out"
            )
        if LATENCY in limit.names and not device:
            raise ValueError(
                f"constraints.{name}: latency is foretold by the model of a device: `dsx time SPACE --calibrate FILE`"
                " makes one, and `device: FILE` (or --device-model FILE) names it"
            )
