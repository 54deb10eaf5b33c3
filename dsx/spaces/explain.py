"""A space in words: parameters, rules, size, and what each file of its line changed."""

from __future__ import annotations

import json
from pathlib import Path

from dsx.base import resources
from dsx.base.errors import DsxError
from dsx.base.text import align, plural
from dsx.networks.cost import METRICS
from dsx.spaces.cardinality import cardinality
from dsx.spaces.definition import Space, load_space
from dsx.spaces.distributions import SameAs
from dsx.spaces.expressions import Inequality
from dsx.spaces.files import lineage
from dsx.spaces.orders import SYMBOLS, OrderRule


def list_spaces(long: bool = False) -> str:
    """All spaces that are found by name, with what each one is; a file with a fault is listed with the fault.

    long: with size, images and constraint.
    """
    rows = [["", "freedom", "settings", "images", "classes", "constraint", "about"]] if long else []
    for name, path in resources.names("spaces").items():
        try:
            space = load_space(path)
            facts = _facts(space) if long else []
            rows.append([name, *facts, space.description or space.source])
        except DsxError as error:
            rows.append([name, *([""] * 5 if long else []), f"cannot be read: {error}"])
    return align(rows, left=7 if long else 2)


def _facts(space: Space) -> list[str]:
    """Degrees of freedom, settings before constraints, images, classes, constraint."""
    size = cardinality(space)
    settings = "infinite" if size.settings is None else f"{float(size.settings):.2g}"
    window = ", ".join(f"{name} {text}" for name, text in space.constraint_texts.items() if name in METRICS)
    return [str(size.degrees_of_freedom), settings, space.input_in_words, str(space.num_classes), window or "none"]


def describe_space(name: str | Path) -> str:
    """Parameters with distributions, rules, constraints, degrees of freedom, size, and the line of files."""
    space = load_space(name)
    parts = [f"{space.name}: {space.description}" + (f" ({space.source})" if space.source else "")]
    parts.append(_networks(space))
    parts.append("parameters\n" + align(_parameter_rows(space), left=4))
    if space.rules:
        parts.append("rules\n" + "\n".join(f"  {_rule(key, rule, space)}" for key, rule in space.rules.items()))
    if space.constraints:
        shown = [f"  {k} {v}" if k in METRICS else f"  {k}: {v}" for k, v in space.constraint_texts.items()]
        parts.append(f"constraints at {space.input_in_words}, {space.num_classes} classes\n" + "\n".join(shown))
    parts.append(_size(space))
    line = lineage(name)
    if len(line) > 1:
        changes = [f"  {child} changes {_change(data)}" for child, data in line[1:]]
        parts.append(f"extends {' → '.join(n for n, _ in line)}\n" + "\n".join(changes))
    return "\n".join(parts)


def _networks(space: Space) -> str:
    if space.network is not None:
        (file,) = (plugin.file for plugin in space.plugins if Path(plugin.file).stem == space.family)
        return f"  networks of {file}, each counted " + (
            "by building it" if space.counts_one_by_one else "by its own complexity"
        )
    stages = "–".join(str(int(n)) for n in dict.fromkeys((space.stage_counts.min(), space.stage_counts.max())))
    strides = space.strides if isinstance(space.strides, int) else " ".join(map(str, space.strides))
    squeeze = f", squeeze-and-excitation {space.se_ratio:g}" if space.se_ratio else ""
    return (
        f"  {space.family}, {stages} stages of block {'/'.join(dict.fromkeys(space.blocks))}, strides {strides},"
        f" stem {space.stem.type} {space.stem.width}, {space.activation}{squeeze}"
    )


def _parameter_rows(space: Space) -> list[list[str]]:
    rows = []
    for name, parameter in space.parameters.items():
        if isinstance(parameter, SameAs):
            count = "shared"
        else:
            count = "continuous" if parameter.continuous else plural(len(parameter.values), "value")
        law, values = parameter.distribution.replace("_", " "), parameter.describe()
        if law not in values and law not in ("fixed", "same as"):
            values = f"{law}: {values}"
        rows.append([name, f"per {parameter.per}", count, values])
    return rows


def _rule(name: str, rule: OrderRule | Inequality, space: Space) -> str:
    if isinstance(rule, Inequality):
        return f"{name}: {rule.text}"
    last = rule.length(space.max_stages)
    chain = f" {SYMBOLS[rule.order]} ".join(f"{name}_{i}" for i in range(1, last + 1))
    return chain + (" (last stage free)" if rule.except_last else "")


def _size(space: Space) -> str:
    size = cardinality(space)
    freedom = f"{size.degrees_of_freedom} degrees of freedom"
    if size.settings is None:
        return f"{freedom}, infinitely many settings (a parameter is continuous)"
    number = f"{size.settings:,} settings" + (f" (≈ {size.settings:.2g})" if size.settings >= 10**6 else "")
    rough = f"; the paper's approximation by factorials gives {size.approximate:.2g}" if size.approximate else ""
    return f"{freedom}, {number} before constraints{rough}"


def _change(data: dict[str, object]) -> str:
    changed = {k: v for k, v in data.items() if k not in ("name", "description", "source")}
    return ", ".join(f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in changed.items()) or "nothing"
