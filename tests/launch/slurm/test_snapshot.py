"""The copy of dsx that queued jobs run: whole, made once, and found before any other dsx."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import dsx
from dsx.base import provenance
from dsx.base.files import RecordError
from dsx.launch.slurm.snapshot import WITH_THIS_CODE, freeze
from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study

from standins import make_study

PACKAGE = Path(dsx.__file__).resolve().parent


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("frozen") / "a", n=1)


@pytest.fixture(scope="module")
def code(study: Study) -> Path:
    return freeze(study)


def test_every_module_of_dsx_is_in_the_copy_to_the_byte(study: Study, code: Path) -> None:
    assert code.parent == (study.paths.jobs / "code").resolve()
    modules = {path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")}
    assert modules
    assert {path for path in modules if (code / path).read_bytes() != (PACKAGE.parent / path).read_bytes()} == set()
    assert not list(code.rglob("__pycache__"))


def test_the_copy_has_the_spaces_and_recipes_of_a_checkout(code: Path) -> None:
    root = PACKAGE.parent if (PACKAGE.parent / "setup.cfg").exists() else PACKAGE
    copy = code / root.relative_to(PACKAGE.parent)
    for name in ("spaces/AnyNetXA.yaml", "experiments/recipe/digits.yaml"):
        assert (copy / name).read_bytes() == (root / name).read_bytes()


def test_beside_it_stands_what_it_came_from(code: Path) -> None:
    told = json.loads((code / "environment.json").read_text())
    assert told == json.loads(json.dumps(provenance.environment()))


def test_the_same_code_is_copied_once_and_other_code_beside_it(
    code: Path, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = code.stat().st_mtime_ns
    assert freeze(study) == code
    assert code.stat().st_mtime_ns == before
    other = tmp_path / "checkout" / "dsx"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("__version__ = '0'\n")
    (other / "notes.bin").write_bytes(b"none of the code")
    monkeypatch.setattr(dsx, "__file__", str(other / "__init__.py"))
    monkeypatch.setattr(provenance, "uncommitted", lambda: "--- a\n+++ b\n")
    second = freeze(study)
    assert second.parent == code.parent
    assert sorted(path.name for path in second.rglob("*") if path.is_file()) == [
        "__init__.py", "changes.diff", "environment.json", "sitecustomize.py", WITH_THIS_CODE,
    ]  # fmt: skip
    assert (second / "changes.diff").read_text() == "--- a\n+++ b\n"
    assert sorted(path.name for path in code.parent.iterdir()) == sorted([code.name, second.name])


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=1)
    study.paths.jobs.mkdir(exist_ok=True)
    (study.paths.jobs / "code").write_text("a file where the folder should be")
    with pytest.raises(RecordError, match=r"/jobs/code/[0-9a-f]{16}: cannot be written"):
        freeze(study)


def test_python_finds_the_copy_before_the_current_folder_and_any_installation(code: Path, tmp_path: Path) -> None:
    (tmp_path / "dsx").mkdir()
    (tmp_path / "dsx" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    command = [sys.executable, "-c", "import dsx; print(dsx.__file__)"]
    path = os.pathsep.join([str(code), str(PACKAGE.parent)])
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(code / "dsx" / "__init__.py")


def test_below_a_colon_a_link_that_only_the_user_can_write_leads_to_the_copy(code: Path, tmp_path: Path) -> None:
    place = tmp_path / "a:b c"
    place.mkdir()
    script = place / WITH_THIS_CODE
    script.write_bytes((code / WITH_THIS_CODE).read_bytes())
    told = subprocess.run(
        ["sh", str(script), "sh", "-c", 'printf "%s\n" "$PYTHONPATH"'],
        env=os.environ | {"PYTHONPATH": "/elsewhere"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    link, _, rest = told.partition(":")
    assert rest == "/elsewhere"
    assert Path(link).resolve() == place.resolve()
    assert stat.S_IMODE(Path(link).parent.stat().st_mode) == 0o700
    Path(link).unlink()


@pytest.mark.slow
def test_code_of_the_users_own_is_copied_as_it_is_and_used_by_the_copy(tmp_path: Path) -> None:
    (tmp_path / "mine" / "below").mkdir(parents=True)
    (tmp_path / "mine" / ".git").mkdir()
    (tmp_path / "mine" / ".git" / "index").write_text("hidden")
    (tmp_path / "mine" / "below" / "train.sh").write_text("echo 1")
    (tmp_path / "mine" / "below" / "train.sh").chmod(0o755)
    study = make_study(tmp_path / "a", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "r", "command": ["sh", "below/train.sh"], "code": str(tmp_path / "mine")}))
    place = freeze(study)
    copied = place / "own_code" / "below" / "train.sh"
    assert copied.read_text() == "echo 1"
    assert copied.stat().st_mode & 0o100
    assert not (place / "own_code" / ".git").exists()
    tell = "from dsx.training.report import code_folder; from dsx.study.study import open_study; import sys\n"
    tell += "recipe = open_study(sys.argv[1]).recipe; print(code_folder(recipe), *recipe.files(code_folder(recipe)))"
    environment = os.environ | {"PYTHONPATH": str(place)}
    command = [sys.executable, "-c", tell, str(study.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    assert done.stdout.split() == [str(place / "own_code"), str(copied)]
    (tmp_path / "mine" / "below" / "train.sh").write_text("echo 2")
    assert freeze(study) != place


def test_a_folder_of_data_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsx.base.errors import DsxError
    from dsx.launch.slurm import snapshot

    monkeypatch.setattr(snapshot, "_MOST_BYTES", 2 << 20)
    (tmp_path / "data").write_bytes(bytes((2 << 20) + 1))
    study = make_study(tmp_path / "a", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "r", "command": ["sh"], "code": str(tmp_path)}))
    with pytest.raises(DsxError) as raised:
        freeze(study)
    assert str(raised.value) == (
        f"recipe: code = {tmp_path}: holds more than 2 MiB, all of which would be copied: name a folder of the"
        " program's own files"
    )


@pytest.mark.slow
def test_a_script_that_was_made_executable_is_copied_anew(tmp_path: Path) -> None:
    code = tmp_path / "own"
    code.mkdir()
    script = code / "train.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o644)
    study = make_study(tmp_path / "a", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "m", "command": ["./train.sh"], "code": str(code)}))
    before = freeze(study)
    script.chmod(0o755)
    after = freeze(study)
    assert [os.access(place / "own_code" / "train.sh", os.X_OK) for place in (before, after)] == [False, True]
