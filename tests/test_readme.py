"""What the README tells a newcomer to type works as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import Command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_first_command_is_make_demo_and_runs_the_quickstart() -> None:
    assert blocks("sh")[0].strip() == "make demo"
    assert README[: README.index("make demo")].count("\n") < 20
    dry = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert "dsx run quickstart" in dry.stdout


def test_the_files_that_it_names_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a small quickstart has run."""
    folder = tmp_path_factory.mktemp("readme")
    command = [sys.executable, "-m", "dsx", "run", "quickstart", "n=2", "recipe.epochs=1", "analysis.figures=none"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def test_its_commands_run(trained: Path, dsx: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    lines = [line.split("#")[0].split() for line in blocks("sh")[1].splitlines()]
    commands = [words[1:] for words in lines if words and words[0] == "dsx"]
    assert {words[0] for words in commands} == {
        "spaces",
        "sample",
        "launch",
        "status",
        "analyze",
        "design",
        "confirm",
        "run",
    }
    assert ["sample", "--space", "AnyNetXE", "--n", "500"] in commands
    sample = ["sample", "--space", "AnyNetXA", "--n", "5"]  # the study that `analyze` compares with
    changes = {
        name: ["--dry-run"] for name in ("launch", "design")
    }  # ImageNet is not here; everything up to training is checked
    for words in [sample, *commands]:
        if words[0] in ("run", "confirm") or "--watch" in words:
            continue  # the quickstart has its own tests; --watch does not end
        done = dsx(*words, *changes.get(words[0], []))
        assert done.code == 0, (words, done.err)


def test_its_python_runs(trained: Path) -> None:
    (code,) = blocks("python")
    script = "import matplotlib; matplotlib.use('Agg')\n" + code
    done = subprocess.run([sys.executable, "-c", script], cwd=trained, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
