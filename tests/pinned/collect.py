"""What must not change, collected through public interfaces alone.

`python tests/pinned/collect.py --write NAME…` (interface, populations, layout, tables) pins it anew: for changes made
on purpose, which CHANGELOG.md names. The old studies stay as they are.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
import platform
import re
import shutil
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

import dsx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# of the classes that dsx itself exports: what documents and notebooks use
MEMBERS = {
    "Space": ("name", "definition_hash", "to_dict", "constrained"),
    "Population": ("model_ids", "table", "read", "write"),
    "Architecture": ("model_id", "block_widths", "to_dict", "from_dict"),
    "Recipe": ("label", "recipe_id", "identity", "describe", "to_dict", "from_dict", "with_overrides"),
    "Study": (
        "create", "path", "name", "definition", "request", "seed", "replicates", "recipe", "population", "set_recipe",
        "runs", "states", "counts", "failures", "results", "curves", "keep_timings",
    ),
    "Result": ("to_dict", "from_dict"),
}  # fmt: skip
STUDIES = ("sampled", "trained", "seeds", "plugin", "single")
# runs `dsx …` in the current folder; returns nothing, raises unless it exits with `code`, 0 if none is given
Run = Callable[..., None]


def read(name: str) -> Any:
    """What is pinned under that name."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


# ---- names and their signatures, commands and their options ----


def interface() -> dict[str, Any]:
    """Names exported by dsx, dsx.analysis and dsx.plots with their parameters; commands with their options."""
    return {"names": {name: exported(name) for name in ("dsx", "dsx.analysis", "dsx.plots")}, "commands": commands()}


@functools.cache
def exported(module: str) -> dict[str, Any]:
    """Public names of a module with their parameters."""
    names = importlib.import_module(module).__all__
    return {name: _callable(getattr(importlib.import_module(module), name)) for name in names if name[0] != "_"}


def _callable(value: Any) -> dict[str, Any]:
    """Parameters of a function or class, and of a class its public members with theirs; empty for a module."""
    if not callable(value):
        return {}
    content: dict[str, Any] = {"parameters": parameters(value)}
    if isinstance(value, type):
        members = MEMBERS.get(value.__name__) or sorted(name for name in vars(value) if not name.startswith("_"))
        content["members"] = {name: parameters(getattr(value, name, None)) for name in members}
    return content


def parameters(function: Any) -> list[list[str]] | None:
    """Name, kind and default of each parameter; None for what has no signature (a property, an exception)."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [
        [p.name, p.kind.name.lower(), "" if p.default is p.empty else repr(p.default)]
        for p in signature.parameters.values()
    ]


@functools.cache
def commands() -> dict[str, Any]:
    """Command → parameter → its flags, type, default, and whether it must be given."""
    import typer

    from dsx import cli

    content, top = {}, typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    groups = {name: getattr(command, "commands", {}) for name, command in top.items()}
    below = {f"{name} {sub}": command for name, group in groups.items() for sub, command in group.items()}
    for name, command in sorted((top | below).items()):
        if groups.get(name):
            continue
        types = typing.get_type_hints(inspect.unwrap(command.callback))
        content[name] = {
            p.name: {
                "flags": sorted([*p.opts, *p.secondary_opts]),
                "type": _name_of(types[p.name]),
                "default": None if p.default is None else str(p.default),
                "required": bool(p.required),
            }
            for p in command.params
            if p.name in types
        }
    return content


def _name_of(annotation: Any) -> str:
    """`int`, `Path | None`, `list[str]`: without modules."""
    plain = isinstance(annotation, type) and not typing.get_args(annotation)
    return re.sub(r"[\w.]+\.(\w+)", r"\1", annotation.__name__ if plain else str(annotation))


# ---- populations ----


def populations() -> dict[str, dict[str, Any]]:
    """Space → seed → the first ten model ids, and a digest of their table (settings and complexities)."""
    names = sorted(path.stem for path in (ROOT / "spaces").glob("*.yaml"))
    return {name: {str(seed): population(name, seed) for seed in (0, 1, 2)} for name in names}


def population(space: str, seed: int) -> dict[str, Any]:
    """Ten models of a shipped space under its own constraint; all where it has fewer."""
    table = dsx.sample(dsx.load_space(str(ROOT / "spaces" / f"{space}.yaml")), n=10, seed=seed, allow_short=True).table
    text = table.to_csv(index=False, float_format="%.9g")
    return {"model_ids": list(table["model_id"]), "table": hashlib.sha256(text.encode()).hexdigest()[:16]}


# ---- the study folder ----


def layout(folder: Path) -> dict[str, list[str]]:
    """File below a study's folder → keys of JSON and YAML, columns of Parquet. Run ids stand as RUN and XX/RUN."""
    files: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = re.sub(r"models/\w\w/[\w-]+/", "models/XX/RUN/", path.relative_to(folder).as_posix())
            files.setdefault(name, set()).update(_keys_of(path))
    return {name: sorted(keys) for name, keys in sorted(files.items())}


def _keys_of(path: Path) -> Iterator[str]:
    if path.suffix == ".json":
        yield from _keys(json.loads(path.read_text(encoding="utf-8")))
    elif path.suffix == ".yaml":
        yield from _keys(yaml.safe_load(path.read_text(encoding="utf-8")))
    elif path.suffix == ".parquet":
        yield from pd.read_parquet(path).columns


def _keys(value: Any, prefix: str = "") -> Iterator[str]:
    """Dotted keys of nested mappings; entries of lists share `[]`."""
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _keys(entry, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(entry, (Mapping, list)) for entry in value):
        for entry in value:
            yield from _keys(entry, f"{prefix}[]")
    else:
        yield prefix


SMALL = (
    "name: Small\nextends: AnyNetXA-digits\nstem: {type: cifar, width: 8}\nstages: 2\nstrides: [2, 2]\n"
    "parameters:\n  depth: {high: 2}\n  width: {high: 16}\nconstraints:\n  flops: ':100k'\n"
)


def made_layout(run: Run) -> dict[str, list[str]]:
    """Layout of a study made in the current folder: two small models done, one failed at its time limit."""
    Path("Small.yaml").write_text(SMALL, encoding="utf-8")
    run("sample", "--space", "./Small.yaml", "--n", 3, "--out", "made")
    train = (
        "launch",
        "made",
        "--recipe",
        "digits",
        "--on",
        "debug",
        "--device",
        "cpu",
        "launcher.threads=1",
        "recipe.epochs=1",
    )
    run(*train, "recipe.time_limit_min=0.000001", "--limit", 1, code=2)
    run(*train)
    run("show", "made")
    return layout(Path("made"))


# ---- tables that analyses write ----


def tables(group: str, run: Run) -> Path:
    """Folder with the tables that this group's analysis writes under the current folder."""
    reference = ROOT / "experiments" / "reference"
    options = ("--out", "out", "--figures")
    if group == "reference":
        run("analyze", reference, *options, "none")
    elif group == "reference-figures":
        run("analyze", reference, *options, "all")
    elif group == "pair":
        run("analyze", reference / "AnyNetXA-digits.parquet", reference / "RegNetX-digits.parquet", *options, "main")
    elif group == "trend":
        run("analyze", *_scales(reference / "AnyNetXA-digits.parquet"), *options, "main")
    else:
        shutil.copytree(HERE / "studies" / group.removeprefix("study-"), "study")
        run("analyze", "study", *options, "none")
    return Path("out")


GROUPS = ("reference", "reference-figures", "pair", "trend", *(f"study-{name}" for name in STUDIES))


def _scales(path: Path) -> list[Path]:
    """One space at three scales, from thirds of a table by flops."""
    table = pd.read_parquet(path).sort_values(["flops", "model_id"])
    edges = table["flops"].quantile([1 / 3, 2 / 3]).to_numpy()
    names = []
    for i, part in table.groupby(np.searchsorted(edges, table["flops"])):
        names.append(Path(f"scale-{i}.parquet"))
        part.reset_index(drop=True).to_parquet(names[-1])
    return names


def digests(folder: Path) -> dict[str, dict[str, Any]]:
    """CSV below the folder → its digest, that of its rounded values, number of rows, columns."""
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*.csv"))}


def digest(path: Path) -> dict[str, Any]:
    table = pd.read_csv(path)
    numbers = table.select_dtypes("float").columns
    # other libraries or another processor may change the last digits of a number
    rounded = table.assign(**{name: table[name].round(9) + 0.0 for name in numbers})
    text = rounded.to_csv(index=False, float_format="%.6g")
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rounded": hashlib.sha256(text.encode()).hexdigest(),
        "rows": len(table),
        "columns": list(table.columns),
    }


def environment() -> dict[str, Any]:
    """What floating-point results may depend on in their last digits."""
    import scipy

    found = np.show_config(mode="dicts")
    return {
        "python": platform.python_version().rpartition(".")[0],
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
        "machine": platform.machine(),
        "simd": found.get("SIMD Extensions", {}) if isinstance(found, dict) else {},
    }


# ---- pinning ----


def _write(name: str, content: Any) -> None:
    text = json.dumps(content, ensure_ascii=False, sort_keys=False, indent=1)
    # one line for each innermost list
    text = re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _run(*arguments: object, code: int = 0) -> None:
    import subprocess

    command = [sys.executable, "-m", "dsx", *map(str, arguments)]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    assert done.returncode == code, command


def _in_new_folder(call: Callable[[], Any]) -> Any:
    import os
    import tempfile

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return call()
        finally:
            os.chdir(before)


def _all_tables() -> dict[str, Any]:
    groups = {}
    for group in GROUPS:
        groups[group] = _in_new_folder(lambda group=group: digests(tables(group, _run)))
    whole = HERE / "reference"
    shutil.rmtree(whole, ignore_errors=True)
    _in_new_folder(lambda: shutil.copytree(tables("reference", _run), whole, ignore=_only_csv))
    return {"environment": environment(), "groups": groups}


def _only_csv(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".csv")]


WRITERS: dict[str, Callable[[], Any]] = {
    "interface": interface,
    "populations": populations,
    "layout": lambda: _in_new_folder(lambda: made_layout(_run)),
    "tables": _all_tables,
}


def main(names: list[str]) -> None:
    """Pin these anew."""
    for name in names:
        _write(name, WRITERS[name]())


if __name__ == "__main__":
    if sys.argv[1:2] != ["--write"] or not set(sys.argv[2:]) <= set(WRITERS):
        sys.exit(f"usage: python tests/pinned/collect.py --write {{{','.join(WRITERS)}}}…")
    main(sys.argv[2:])
