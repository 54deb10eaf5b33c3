"""Importing does nothing, and a wrong import turns `lint-imports` red (the contracts are in setup.cfg)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dsx

PACKAGE = Path(dsx.__file__).parent


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


def linted(folder: Path, *wrong: tuple[str, str]) -> tuple[int, str]:
    """Exit code and words of lint-imports on a copy of the package with these lines added to these files."""
    shutil.copytree(PACKAGE, folder / "dsx", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE.parent / "setup.cfg", folder)
    for name, line in wrong:
        file = folder / "dsx" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text((file.read_text(encoding="utf-8") if file.exists() else "") + f"\n{line}\n", encoding="utf-8")
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def as_it_is(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What lint-imports says of the package without a wrong import."""
    code, words = linted(tmp_path_factory.mktemp("as_it_is"))
    assert code == 0, words
    return words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("base/units.py", "import dsx.study.study", "dsx.base is not allowed to import dsx.study"),
        ("networks/groups.py", "from dsx.spaces import rules", "dsx.networks is not allowed to import dsx.spaces"),
        (
            "spaces/rules.py",
            "def late():\n    from dsx.analysis.edf import edf",
            "dsx.spaces is not allowed to import dsx.analysis",
        ),
        (
            "study/claims.py",
            "if TYPE_CHECKING:\n    from dsx.launch import worker",
            "dsx.study is not allowed to import dsx.launch",
        ),
        ("networks/layers.py", "from dsx.networks import complexity", "No cycles are allowed in dsx.networks."),
        ("newcomers/__init__.py", "", "dsx.newcomers"),
    ],
    ids=["upwards", "to the next", "in a function", "for types alone", "circle", "package without a place"],
)
def test_a_wrong_import_breaks_a_contract(file: str, line: str, told: str, as_it_is: str, tmp_path: Path) -> None:
    code, words = linted(tmp_path, (file, line))
    assert told not in as_it_is
    assert told in words
    assert code == 1


def test_every_public_name_loads() -> None:
    for name in dsx.__all__:
        assert getattr(dsx, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dsx.nothing  # noqa: B018
