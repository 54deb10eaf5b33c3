"""Rules of the house that no linter knows: one class of each name, short functions, private parts of torch together."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "dsx"
LONGEST = 60


@cache
def modules() -> dict[str, ast.Module]:
    """Module, as `spaces/orders.py` → its syntax tree."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@pytest.mark.slow
def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module)
    assert {name: several for name, several in places.items() if len(several) > 1} == {}


@pytest.mark.slow
def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{module}: {node.name} has {lines} lines"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST
    ]
    assert long == []


@pytest.mark.slow
def test_private_parts_of_torch_stand_in_one_file() -> None:
    private = re.compile(r"^torch(\.\w+)*\._[a-z]")
    users = set()
    for module, tree in modules().items():
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [ast.unparse(node)] if isinstance(node, ast.Attribute) else []
            users |= {module for name in names if private.match(name)}
    assert users == {"networks/torch_private.py"}
