"""The tests mirror the package: dsx/spaces/orders.py is tested by tests/spaces/test_orders.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "dsx"

# module → where it is tested, or why it needs no file of its own
ELSEWHERE: dict[str, str] = {
    "commands/cancel.py": "launch/slurm/test_cluster.py, on a cluster",
    "commands/doctor.py": "launch/test_doctor.py and test_cli.py",
    "commands/launch.py": "test_cli.py and the three test_faults_*.py, as whole commands",
    "commands/narrow.py": "narrowing/test_account.py",
    "commands/recipes.py": "test_faults_doors.py, as a whole command",
    "commands/sample.py": "test_cli.py, as a whole command",
    "commands/selection.py": "commands/test_analyze.py",
    "commands/spaces.py": "test_cli.py, as a whole command",
    "commands/status.py": "test_cli.py, and on a cluster launch/slurm/test_cluster.py",
    "commands/target.py": "commands/test_show.py",
    "launch/debug.py": "launch/test_launcher.py: one suite for every launcher",
    "launch/failures.py": "launch/test_causes.py",
    "launch/heartbeat.py": "launch/test_worker.py",
    "launch/local/launcher.py": "launch/test_launcher.py: one suite for every launcher",
    "launch/local/pool.py": "launch/local/test_dispatch.py, with processes that are killed",
    "launch/options.py": "launch/test_launcher.py",
    "launch/pending.py": "launch/test_launcher.py",
    "launch/progress.py": "launch/local/test_dispatch.py",
    "launch/registry.py": "launch/test_launcher.py",
    "launch/slurm/client.py": "launch/slurm/test_job_ids.py and test_profile.py",
    "launch/slurm/launcher.py": "launch/test_launcher.py: one suite for every launcher",
    "launch/slurm/ranks.py": "launch/test_torchrun.py",
    "launch/slurm/snapshot.py": "launch/slurm/test_cluster.py, on a cluster",
    "launch/slurm/status.py": "launch/slurm/test_cluster.py, on a cluster",
    "launch/slurm/submissions.py": "launch/slurm/test_arrays.py",
    "launch/slurm/submit.py": "launch/slurm/test_cluster.py, on a cluster",
    "launch/slurm/task.py": "launch/slurm/test_profile.py, and on a cluster test_cluster.py",
    "training/data/batches.py": "training/data/test_batchwise.py and test_imagewise.py: the two kinds",
    "training/data/images.py": "training/data/test_loader.py and test_check.py",
    "training/data/opening.py": "training/data/test_batchwise.py and test_imagewise.py",
    "training/data/parts.py": "training/data/test_folder.py and test_split.py",
    "training/data/published.py": "training/data/test_formats.py, against torchvision",
    "training/device.py": "training/test_trainer.py",
    "training/distributed.py": "training/test_ranks.py, with two processes",
    "training/evaluation.py": "training/test_session.py",
    "training/faults.py": "training/test_trainer.py and launch/test_causes.py",
    "training/objective.py": "training/test_session.py",
    "training/preload.py": "imports, and one call",
    "training/result.py": "training/test_trainer.py",
    "training/streams.py": "training/data/test_augment.py",
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


def modules() -> dict[str, Path]:
    """Module with code of its own, as `spaces/orders.py` → the file that is to test it."""
    named = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.stem not in ("__init__", "__main__") and has_code(path.read_text()):
            module = path.relative_to(PACKAGE)
            named[module.as_posix()] = TESTS / module.parent / f"test_{path.name}"
    return named


def has_tests(path: Path) -> bool:
    """Whether the file is there and has a test in it."""
    if not path.is_file():
        return False
    body = ast.parse(path.read_text()).body
    return any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in body)


def test_every_module_has_its_test_file():
    untested = [module for module, test in modules().items() if module not in ELSEWHERE and not has_tests(test)]
    assert untested == []


def test_every_exception_is_still_needed():
    named = modules()
    needless = [module for module in ELSEWHERE if module not in named or named[module].is_file()]
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
