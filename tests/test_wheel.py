"""The built wheel, alone in a clean environment and an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dsx` of a new environment that holds the wheel; the libraries it needs are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([python, "-m", "pip", "install", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    libraries = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        check=True,
        capture_output=True,
        text=True,
    )
    # a path in a .pth file adds the libraries, but not this checkout: their own .pth files are not followed
    Path(libraries.stdout.strip(), "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "env" / "bin" / "dsx"


def run(dsx: Path, folder: Path, *arguments: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([dsx, *arguments], cwd=folder, env=clean, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    code = "import dsx; print(dsx.__file__)"
    python = installed.parent / "python"
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    package = Path(done.stdout.strip()).parent
    assert package.is_relative_to(installed.parent.parent)
    assert (package / "py.typed").is_file()  # type checkers look for it


def test_the_wheel_samples_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert "AnyNetXE" in run(installed, tmp_path, "spaces")
    assert "500 distinct models" in run(installed, tmp_path, "sample", "--space", "AnyNetXE", "--n", "500")


def test_the_wheel_runs_the_quickstart(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "run", "quickstart", "n=2", "recipe.epochs=1", "analysis.figures=main")
    assert (tmp_path / "runs" / "quickstart" / "analysis" / "edf.png").is_file()
