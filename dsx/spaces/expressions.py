"""Rules written as inequalities: `sum(depth) <= 40`, `acts <= 6.5e6 * sqrt(flops / 1e9)`.

Python's own parser reads them; only arithmetic, comparisons and the functions below are let
through, and they are evaluated on arrays: per-network values (n,), per-stage values (n, stages).
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from dsx.base.errors import DefinitionError, suggest, unknown

_Value: TypeAlias = "np.ndarray | float"
_COMPARE: dict[type, Callable[..., object]] = {
    ast.LtE: operator.le,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}
_COMPARE |= {ast.Eq: lambda a, b: np.isclose(a, b), ast.NotEq: lambda a, b: ~np.isclose(a, b)}
_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_ARITHMETIC |= {ast.Pow: lambda a, b: np.power(np.asarray(a, dtype=float), b)}
# over the stages; absent stages are NaN
_REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {"sum": np.nansum, "min": np.nanmin, "max": np.nanmax}
_ELEMENTWISE: dict[str, Callable[..., np.ndarray]] = {"sqrt": np.sqrt, "log2": np.log2, "abs": np.abs}
FUNCTIONS = (*_REDUCTIONS, *_ELEMENTWISE)


@dataclass(frozen=True)
class Inequality:
    """A comparison over named values, parsed once."""

    text: str
    names: frozenset[str]  # those that it uses
    tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Inequality:
        """Check the text. Raises DefinitionError for bad syntax, no comparison in it, or a division by 0."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            raise DefinitionError(f"'{text}' is not an inequality such as 'sum(depth) <= 40'") from None
        if not isinstance(tree, ast.Compare):
            raise DefinitionError(f"'{text}' compares nothing: write an inequality such as 'sum(depth) <= 40'")
        names: set[str] = set()
        _check(tree, text, names)
        if any(_divides_by_zero(node) for node in ast.walk(tree)):
            raise DefinitionError(f"'{text}' divides by 0")
        return cls(text.strip(), frozenset(names), tree)

    def check_names(self, known: Collection[str]) -> None:
        """Raises DefinitionError for a name that is not among the known ones, or if it names nothing."""
        if not self.names:
            raise DefinitionError(f"'{self.text}' names no parameter. Known: {', '.join(sorted(known))}")
        for name in sorted(self.names.difference(known)):
            raise DefinitionError(f"'{self.text}': {unknown('name', name, sorted(known))}")

    def check_stages(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raises DefinitionError for a stage that no network has, or a sum of what has one value for the network.

        shapes: of each name's values of one network, (1,) or (1, most stages).
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Subscript) and len(shape := shapes[node.value.id]) == 2:  # type: ignore[attr-defined]
                most, index = shape[1], _integer(node.slice)
                if index is not None and not -most <= index < most:
                    raise DefinitionError(f"'{self.text}': {ast.unparse(node)}: networks have at most {most} stages")
        self.holds({name: np.ones(shape) for name, shape in shapes.items()})

    def holds(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) bool: where the inequality is true. A per-stage comparison must hold in every stage.

        Raises DefinitionError for a sum over the stages of what has one value for the network.
        """
        return self.judged(values)[0]

    def judged(self, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(n,) bool each: where it is true, and where it is not as something in it is no number, such as 0 / 0."""
        undefined: list[np.ndarray] = [np.array(False)]
        with np.errstate(all="ignore"):
            true = np.asarray(_evaluate(self.tree, values, undefined))
        without = np.logical_or.reduce(np.broadcast_arrays(*undefined))
        return true & ~without, without


def _check(node: ast.AST, text: str, names: set[str]) -> None:
    """Only what `_evaluate` understands; adds the names that occur."""
    if isinstance(node, ast.Call):
        if not (
            isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and len(node.args) == 1 and not node.keywords
        ):
            name = getattr(node.func, "id", "?")
            raise DefinitionError(
                f"'{text}': '{name}' is not one of {', '.join(FUNCTIONS)} of one value.{suggest(name, FUNCTIONS)}"
            )
        _check(node.args[0], text, names)
    elif isinstance(node, ast.Name):
        names.add(node.id)
    elif isinstance(node, ast.Subscript):
        if not isinstance(_integer(node.slice), int) or not isinstance(node.value, ast.Name):
            raise DefinitionError(f"'{text}': a stage is picked by a whole number, as in width[0] or width[-1]")
        _check(node.value, text, names)
    elif isinstance(node, ast.Constant):
        number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        if not (number and abs(node.value) <= sys.float_info.max):  # type: ignore[arg-type]
            raise DefinitionError(f"'{text}': {node.value!r} is not a number")
    elif isinstance(node, (ast.Compare, ast.BinOp, ast.UnaryOp)):
        operators = node.ops if isinstance(node, ast.Compare) else [node.op]
        for op in operators:
            if type(op) not in {*_COMPARE, *_ARITHMETIC, ast.USub, ast.UAdd}:
                raise DefinitionError(f"'{text}': only + - * / ** and comparisons are understood")
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                _check(child, text, names)
    else:
        raise DefinitionError(
            f"'{text}': only numbers, parameters, + - * / **, comparisons and {', '.join(FUNCTIONS)} are understood"
        )


def _divides_by_zero(node: ast.AST) -> bool:
    """Whether it divides by a constant that is 0."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return False
    if any(isinstance(part, ast.Name) and part.id not in FUNCTIONS for part in ast.walk(node.right)):
        return False
    with np.errstate(all="ignore"):
        return bool(_evaluate(node.right, {}, []) == 0)


def _integer(node: ast.AST) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _integer(node.operand)
        return None if value is None else -value
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _evaluate(node: ast.AST, values: Mapping[str, np.ndarray], undefined: list[np.ndarray]) -> _Value:
    """Its value. undefined: gets a mask of networks for each part that is no number though its operands are."""
    if isinstance(node, ast.Constant):
        return np.float64(node.value)  # type: ignore[arg-type]  # other constants were refused when it was parsed
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        operand = _evaluate(node.operand, values, undefined)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp):
        operands = _aligned(_evaluate(node.left, values, undefined), _evaluate(node.right, values, undefined))
        return _noted(_ARITHMETIC[type(node.op)](*operands), operands, undefined)
    if isinstance(node, ast.Subscript):
        return _stage(values[node.value.id], _integer(node.slice))  # type: ignore[attr-defined, arg-type]
    if isinstance(node, ast.Call):
        name, operand = node.func.id, _evaluate(node.args[0], values, undefined)  # type: ignore[attr-defined]
        if name in _ELEMENTWISE:
            return _noted(_ELEMENTWISE[name](operand), [operand], undefined)
        if np.ndim(operand) == 2:
            return _REDUCTIONS[name](operand, axis=-1)
        if name == "sum":
            what = ast.unparse(node.args[0])
            raise DefinitionError(
                f"'{ast.unparse(node)}' adds up stages, and {what} has one value for the network: leave the sum out"
            )
        return operand  # the lowest and the highest of one value
    assert isinstance(node, ast.Compare), node
    sides = [_evaluate(side, values, undefined) for side in (node.left, *node.comparators)]
    result: np.ndarray = np.array(True)
    for op, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
        left, right = _aligned(left, right)
        true = np.asarray(_COMPARE[type(op)](left, right))
        true = true | np.isnan(np.add(left, right, dtype=float))  # an absent stage (NaN) breaks no rule
        result = result & (true.all(axis=1) if true.ndim == 2 else true)
    return result


def _noted(result: _Value, operands: Sequence[_Value], undefined: list[np.ndarray]) -> _Value:
    """The result, with a note of the networks of which it is no number though the operands are: none is absent."""
    new = np.isnan(result)
    if new.any():
        new = np.logical_and.reduce(np.broadcast_arrays(new, *(~np.isnan(operand) for operand in operands)))
        undefined.append(new.any(axis=1) if new.ndim == 2 else new)
    return result


def _aligned(left: _Value, right: _Value) -> tuple[_Value, _Value]:
    """Per-network values beside per-stage ones count for every stage."""
    if np.ndim(left) == 2 and np.ndim(right) == 1:
        return left, np.asarray(right)[:, None]
    if np.ndim(left) == 1 and np.ndim(right) == 2:
        return np.asarray(left)[:, None], right
    return left, right


def _stage(values: np.ndarray, index: int) -> np.ndarray:
    """The value of one stage; negative indices count from each network's own last stage."""
    if values.ndim == 1:
        return values
    present = (~np.isnan(values)).sum(axis=1)
    position = index + present if index < 0 else np.full(len(values), index)
    inside = (position >= 0) & (position < present)
    picked = values[np.arange(len(values)), np.where(inside, position, 0)]
    return np.where(inside, picked, np.nan)
