"""The code that queued jobs run: a copy made at submission, so that the checkout may change meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import dsx
from dsx.base import provenance
from dsx.base.errors import DsxError
from dsx.base.files import RecordError, unwritable
from dsx.recipes.own import OwnRecipe
from dsx.study.study import Study
from dsx.training.report import COPIED_CODE

# python reads this file as it starts, in a job and in every process below it: an editable install or the current
# folder would otherwise come before PYTHONPATH
_STARTUP = '''"""Makes `import dsx` find the copy beside this file, whatever else is installed."""
import importlib.util
import pathlib
import sys
from importlib.machinery import PathFinder

HERE = str(pathlib.Path(__file__).resolve().parent)


class Frozen:
    """Finds dsx here and leaves everything else to others."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [HERE]) if name == "dsx" else None


sys.meta_path.insert(0, Frozen)
others = [folder for folder in sys.path if folder and str(pathlib.Path(folder).resolve()) != HERE]
spec = PathFinder.find_spec("sitecustomize", others)
if spec is not None and spec.loader is not None:
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
'''
# beside the code: runs a command with it where the folder's own path holds a colon, at which PYTHONPATH would split.
# The link lies in a folder of the user's that nobody else can write; jobs of a node share it
WITH_THIS_CODE = "with_this_code.sh"
_WITH_THIS_CODE = """#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
folder=/tmp/dsx-$(id -u)
mkdir -m 700 "$folder" 2>/dev/null
if [ -L "$folder" ] || [ ! -O "$folder" ]; then
    folder=$(mktemp -d /tmp/dsx-XXXXXX) || exit 1
fi
link=$folder/$(printf %s "$here" | cksum | tr ' ' -)
is_link() { [ "$(readlink "$link")" = "$here" ]; }
is_link || ln -sfn "$here" "$link" 2>/dev/null || is_link || exit 1
PYTHONPATH="$link${PYTHONPATH:+:$PYTHONPATH}" exec "$@"
"""
_MOST_BYTES = 64 << 20
_SUFFIXES = (".py", ".yaml", ".yml", ".json", ".csv", ".typed", ".html", ".css", ".js", ".j2", ".parquet")


def freeze(study: Study) -> Path:
    """Copy dsx below the study's jobs folder; the folder to put on PYTHONPATH. The same code is copied once.

    Beside the package lie `environment.json` (python, versions of all packages, commit) and, of a dirty checkout,
    `changes.diff`. Raises RecordError if the folder cannot be written.
    """
    package = Path(dsx.__file__).resolve().parent
    top = package.parent
    files = _files(package, top)
    for data in ("spaces", "experiments"):  # beside the package in a checkout, inside it when installed
        if (top / ".git").exists() or (top / "setup.cfg").exists():
            files |= _files(top / data, top)
    modes = {}
    if isinstance(study.recipe, OwnRecipe) and study.recipe.code is not None:
        users = _own_files(Path(study.recipe.code).expanduser())
        files |= {f"{COPIED_CODE}/{name}": path.read_bytes() for name, path in users.items()}
        modes = {f"{COPIED_CODE}/{name}": path.stat().st_mode & 0o777 for name, path in users.items()}
    files["sitecustomize.py"] = _STARTUP.encode()
    files[WITH_THIS_CODE] = _WITH_THIS_CODE.encode()
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{modes.get(name, '')}\0".encode() + files[name] + b"\0")
    place = study.paths.jobs / "code" / digest.hexdigest()[:16]
    if place.exists():
        return place.resolve()
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        for name, content in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        for name, mode in modes.items():
            (temporary / name).chmod(mode | 0o600)
        (temporary / "environment.json").write_text(json.dumps(provenance.environment(), indent=1))
        difference = provenance.uncommitted()
        if difference:
            (temporary / "changes.diff").write_text(difference)
        try:
            os.rename(temporary, place)
        except OSError:
            if not place.exists():
                raise
            shutil.rmtree(temporary, ignore_errors=True)  # another launch froze the same code just now
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise RecordError(unwritable(place, error)) from error
    return place.resolve()


def _files(folder: Path, top: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _SUFFIXES and path.is_file() and "__pycache__" not in path.parts
    }


def _own_files(folder: Path) -> dict[str, Path]:
    """Name → file of the user's code: all but what is hidden. Raises DsxError for more than 64 MiB."""
    users: dict[str, Path] = {}
    total = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in name.parts):
            users[str(name)] = path
            total += path.stat().st_size
            if total > _MOST_BYTES:
                raise DsxError(
                    f"recipe: code = {folder}: holds more than {_MOST_BYTES >> 20} MiB, all of which would be copied:"
                    " name a folder of the program's own files"
                )
    return users
