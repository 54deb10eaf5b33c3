"""Rules among the parameters of a space, parsed once: an order over the stages, or an inequality.

In YAML: `width: non_decreasing`, or `deep: sum(depth) <= 40` under a name of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsx.base.errors import DsxError, unknown
from dsx.networks.cost import MEMORIES, STAGE_METRICS
from dsx.spaces.expressions import Inequality
from dsx.spaces.orders import ORDERS

# what inequalities may speak of besides the parameters: the finished stages, after group adjustment
DERIVED = ("stage_width", "stage_depth", *STAGE_METRICS, "total_depth", *MEMORIES)


def parse_rules(rules: Mapping[str, object]) -> dict[str, object]:
    """Texts as orders (mappings, which the definition's type checks) and inequalities; anything else as it is.

    Raises ValueError that opens with the key of the first fault.
    """
    return {name: _parse(name, rule) if isinstance(rule, str) else rule for name, rule in rules.items()}


def _parse(name: str, text: str) -> Inequality | dict[str, str]:
    if text in ORDERS:
        return {"order": text}
    if text.isidentifier():
        raise ValueError(f"rules.{name}: {unknown('order', text, ORDERS)}, or an inequality")
    try:
        return Inequality.parse(text)
    except DsxError as error:
        raise ValueError(f"rules.{name}: {error}") from None
