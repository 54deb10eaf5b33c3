"""The tests mirror the package: dsx/spaces/orders.py is tested by tests/spaces/test_orders.py."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "dsx"

# module → the file that tests it instead of one of its own
ELSEWHERE = {
    "__init__.py": "test_imports.py",  # what it does is to import
    "__main__.py": "test_faults_doors.py",  # runs in a process of its own
}


def has_code(source: str) -> bool:
    """Whether a module defines a function or class, or does something: more than docstring, imports and constants."""
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    for node in ast.parse(source).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, plain):
            return True
    return False


@cache
def modules() -> dict[str, Path]:
    """Module with code of its own, as `spaces/orders.py` → the file that is to test it."""
    named = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if has_code(path.read_text()):
            module = path.relative_to(PACKAGE)
            named[module.as_posix()] = TESTS / module.parent / f"test_{path.name}"
    return named


def has_tests(path: Path) -> bool:
    """Whether the file is there and has a test in it."""
    if not path.is_file():
        return False
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in body)


@pytest.mark.slow
def test_every_module_has_its_test_file():
    untested = [module for module, test in modules().items() if module not in ELSEWHERE and not has_tests(test)]
    assert untested == []


def test_every_exception_is_still_needed():
    named = modules()
    needless = [module for module in ELSEWHERE if module not in named or named[module].is_file()]
    assert all(has_tests(TESTS / name) for name in ELSEWHERE.values())
    assert needless == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Docstring."""\nimport os\nLIMIT = 3\nname: str = "a"', False),
        ("if TYPE_CHECKING:\n    import pandas", False),
        ("def f(): ...", True),
        ("class A: ...", True),
        ("for i in range(3):\n    print(i)", True),
        ("configure()", True),
    ],
)
def test_constants_and_imports_are_no_code(source, expected):
    assert has_code(source) is expected
