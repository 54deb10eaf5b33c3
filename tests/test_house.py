"""Rules of the house that no linter knows: what there is once, how long a function is, what stands in which files."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from dsx.results.columns import COMPLEXITIES
from dsx.results.states import FINISHED, OVER, STATES

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
def test_private_parts_of_other_packages_stand_in_files_that_say_so() -> None:
    private = re.compile(r"^(?!dsx\.)\w+(\.\w+)*\._[a-z]")
    users = set()
    for module, tree in modules().items():
        imported: set[str] = set()
        for node in ast.walk(tree):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported |= {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            names += [ast.unparse(node)] if isinstance(node, ast.Attribute) else []
            users |= {module for name in names if private.match(name) and name.partition(".")[0] in imported}
    assert users == {
        "launch/slurm/submitit_private.py", "networks/torch_private.py", "plots/matplotlib_private.py"
    }  # fmt: skip


@pytest.mark.slow
def test_states_and_complexities_are_listed_in_one_place() -> None:
    lists = {frozenset(names) for names in (STATES, OVER, FINISHED, COMPLEXITIES)}
    listed = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple) and {e.value for e in node.elts if isinstance(e, ast.Constant)} in lists
    }
    # a result's own states are a type, which takes literals alone
    assert listed == {"results/states.py", "training/result.py"}


@pytest.mark.slow
def test_what_is_printed_is_printed_by_the_command_line_and_by_what_writes_logs() -> None:
    printing = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    assert printing == {"cli.py", "designing/record.py", "launch/progress.py", "launch/slurm/task.py"}
