"""Where definitions are found: a path the user gives, the current folder, then what ships with dsx.

`spaces/` and `experiments/` lie at the top of a checkout and, in an installed wheel, inside the package.
"""

from __future__ import annotations

from pathlib import Path

from dsx.base.errors import DefinitionError, suggest

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: str) -> Path:
    """The folder of that kind (`spaces`, `experiments`) that came with dsx."""
    packaged = _PACKAGE / "data" / kind
    return packaged if packaged.is_dir() else _PACKAGE.parent / kind


def folders(kind: str) -> list[Path]:
    """Folders that are searched for names, in order: `./kind` of the current folder, then the shipped one."""
    here = Path.cwd() / kind
    existing = [folder for folder in (here, shipped(kind)) if folder.is_dir()]
    return list(dict.fromkeys(folder.resolve() for folder in existing))


def names(kind: str, group: str = "") -> dict[str, Path]:
    """Name → file of every definition of a kind; a file in the current folder hides a shipped one.

    group: a folder below the kind's, such as `recipe`. Names are file names without `.yaml`.
    """
    paths: dict[str, Path] = {}
    for folder in folders(kind):
        for path in sorted((folder / group).glob("*.yaml")):
            paths.setdefault(path.stem, path)
    return paths


def find(kind: str, name: str, group: str = "", beside: Path | None = None, near: Path | None = None) -> Path:
    """The file that defines `name`: a path (it has a slash or ends in .yaml), or a name.

    What has a slash and is no file may name one in a folder below the kind's: `paper/figure_5`.

    beside: the file that names it: a path is first taken from that file's folder, then from the current one, and a
    bare name is first looked for in `near`, by default that folder too. Raises DefinitionError with near misses.
    """
    what = group or kind.removesuffix("s")
    if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        places = [Path(name)] if beside is None else [beside.parent / name, Path(name)]
        below = (
            [] if name.endswith((".yaml", ".yml")) else [folder / group / f"{name}.yaml" for folder in folders(kind)]
        )
        for path in (*places, *below):
            if path.is_file():
                return path
        raise DefinitionError(f"{name}: no such {what} file")
    known = names(kind, group)
    if beside is not None:
        folder = near or beside.parent
        known = {path.stem: path for path in sorted(folder.glob("*.yaml"))} | known
        hidden = folder / f"{name}.yaml"
        if hidden.is_file() and hidden.resolve() != beside.resolve():
            return hidden
    if name not in known:
        listing = "`dsx spaces` lists them" if kind == "spaces" else f"known: {', '.join(sorted(known))}"
        raise DefinitionError(
            f"unknown {what} '{name}'.{suggest(name, known)}"
            f" ({len(known)} found; {listing}; or give a path to a YAML file)"
        )
    return known[name]
