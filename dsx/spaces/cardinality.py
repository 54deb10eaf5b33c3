"""How large a space is: exact numbers of settings (integers of any size), and degrees of freedom."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsx.spaces.definition import Space
from dsx.spaces.distributions import SameAs
from dsx.spaces.orders import order_count


@dataclass(frozen=True)
class Cardinality:
    """Size of a space."""

    degrees_of_freedom: int  # numbers that are free (a parameter that varies by stage counts once per stage)
    # exact number of settings that keep the orders; None if a parameter is continuous. Inequalities and complexity
    # constraints are not subtracted
    settings: int | None
    # the paper's figure (Table 1), which divides by m! for each order over m stages; None without orders for which it
    # says something
    approximate: float | None


def cardinality(space: Space) -> Cardinality:
    """Exact number of settings of a space, summed over its numbers of stages. RegNet §3.2, Table 1."""
    free = {n: p for n, p in space.parameters.items() if not isinstance(p, SameAs)}
    freedom = sum(
        space.max_stages if p.per == "stage" else 1 for p in free.values() if p.continuous or len(p.values) > 1
    )
    if any(p.continuous for p in free.values()):
        return Cardinality(freedom, None, None)
    orders = space.orders
    settings, approximate = 0, 0.0
    for stages in map(int, space.stage_counts):
        exact, rough = 1, 1.0
        for name, parameter in free.items():
            k = len(parameter.values)
            if name == "stages":
                continue
            if parameter.per == "network":
                exact, rough = exact * k, rough * k
                continue
            rule = orders.get(name)
            bound = rule.length(stages) if rule else 0
            ordered = order_count(k, rule.order, bound) if rule else 1
            exact *= ordered * k ** (stages - bound)
            rough *= (k if rule and rule.order == "equal" else k**bound / math.factorial(bound)) * k ** (stages - bound)
        settings += exact
        approximate += rough
    monotone = any(rule.order != "equal" for rule in orders.values())
    return Cardinality(freedom, settings, approximate if monotone else None)
