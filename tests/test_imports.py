"""Importing does nothing, and imports point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dsx

PACKAGE = Path(dsx.__file__).parent
# a package may import those before it; modules at the top that belong nowhere else come first
ORDER = ["spaces", "networks", "study", "training", "launch", "analysis", "plots", "report"]
# the population of a space is made of architectures, and a study holds its recipe and reads it as a typed object
EXCEPTIONS = {("spaces", "networks"), ("study", "training")}


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return {name.split(".")[0] for name in done.stdout.split()} | set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import dsx", {"torch", "numpy", "pandas", "matplotlib", "scipy", "hydra", "pydantic"}),
        ("import dsx.cli", {"torch", "numpy", "pandas", "matplotlib", "scipy", "hydra"}),
        ("import dsx.commands.run", {"torch", "pandas", "matplotlib", "scipy"}),
        ("import dsx.spaces.sampling", {"torch", "pandas", "matplotlib", "scipy"}),
        ("import dsx.networks.architecture, dsx.networks.complexity", {"torch", "matplotlib"}),
        ("import dsx.study.study, dsx.study.results", {"torch", "matplotlib"}),
        ("import dsx.recipes.recipe", {"torch", "matplotlib"}),
        ("import dsx.analysis", {"torch", "matplotlib"}),
        ("import dsx.plots", {"torch", "matplotlib.pyplot"}),
        ("import dsx; dsx.load_space('AnyNetXE'); dsx.load_recipe('digits')", {"torch", "matplotlib"}),
    ],
)
def test_importing_loads_nothing_heavy(code: str, unwanted: set[str]) -> None:
    assert not modules_after(code) & unwanted


def imported_packages(path: Path) -> set[str]:
    """dsx sub-packages that a file imports, type-checking imports left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    names = set()
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("dsx.")}


@pytest.mark.parametrize("package", ORDER)
def test_imports_point_one_way(package: str) -> None:
    later = set(ORDER[ORDER.index(package) + 1 :]) | {"cli", "workflow", "config"}
    later -= {above for below, above in EXCEPTIONS if below == package}
    for path in sorted((PACKAGE / package).rglob("*.py")):
        assert not imported_packages(path) & later, f"{path.relative_to(PACKAGE)} imports a package below it"


def test_every_public_name_loads() -> None:
    for name in dsx.__all__:
        assert getattr(dsx, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dsx.nothing  # noqa: B018
