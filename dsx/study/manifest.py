"""study.yaml: what it holds, how it is read and written, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsx.base import files, nested
from dsx.base.errors import DsxError, StudyError
from dsx.base.schema import Frozen
from dsx.base.yaml import parse_record, yaml_text
from dsx.spaces.definition import completed
from dsx.spaces.identity import identity
from dsx.study.paths import StudyPaths


class FormerSize(Frozen):
    """A study before it grew. n: models asked for; models: those it had. dsx, git_commit: which dsx drew them."""

    n: int
    models: int
    dsx: str
    git_commit: str | None = None


class PaperErrors(Frozen):
    """Errors in percent that a paper reports of a population. source: where, of how many models. None: not reported."""

    source: str
    min_error: float | None = None
    mean_error: float | None = None


class StudyFile(Frozen):
    """What study.yaml holds."""

    name: str
    dsx: str
    git_commit: str | None = None
    space: dict[str, Any]
    space_hash: str  # for readers elsewhere; studies are compared by their content
    request: dict[str, Any]  # n, constraint, resolution, classes
    seed: int
    population: str  # a hash of the model ids
    recipe: dict[str, Any] | None = None
    replicates: int = 1
    history: tuple[FormerSize, ...] = ()  # the sizes it had, oldest first
    paper: PaperErrors | None = None  # what a paper reports of this population, if an experiment said so

    def to_dict(self) -> dict[str, Any]:
        """As in `Frozen`; without a history if it never grew, and without a paper's numbers if there are none."""
        return {key: value for key, value in super().to_dict().items() if value or key not in ("history", "paper")}


def read_manifest(paths: StudyPaths, path: str | Path) -> StudyFile:
    """What study.yaml says. path: the folder as it was given. Raises StudyError if there is none, or it is torn."""
    try:
        text = paths.definition.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if not paths.root.exists():
            raise StudyError(f"{path}: no such folder; `dsx sample --out {path}` makes a study") from None
        raise StudyError(f"{path}: not a study folder (no study.yaml); `dsx sample` makes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{paths.definition}: cannot be read ({error})") from None
    try:
        data = parse_record(text, paths.definition)
    except DsxError:
        data = None
    if not isinstance(data, dict):
        raise StudyError(
            f"{paths.definition}: torn or not a study's definition; restore it from a copy, or sample again"
        )
    try:
        return StudyFile.from_dict(data, where=str(paths.definition))
    except DsxError as error:
        raise StudyError(f"{error}; restore study.yaml from a copy, or sample again") from None


def write_manifest(paths: StudyPaths, file: StudyFile) -> None:
    """Replace study.yaml, atomically."""
    files.write_bytes(paths.definition, yaml_text(file.to_dict()).encode())


def grown(former: StudyFile, larger: StudyFile, models: int) -> StudyFile:
    """What is said of a study that grew to what `larger` asks for. models: it had before."""
    size = FormerSize(n=former.request["n"], models=models, dsx=former.dsx, git_commit=former.git_commit)
    taken = ("dsx", "git_commit", "request", "population")
    update = {name: getattr(larger, name) for name in taken} | {"history": (*former.history, size)}
    return former.model_copy(update=update)


def difference(old: StudyFile, new: StudyFile, *, but: tuple[str, ...] = ()) -> str:
    """What differs in space (without prose), request, seed and models, in one line; empty if nothing does.

    but: dotted keys that may differ, such as `request.n`.
    """
    return told_difference(nested.without(_identity(old), but), nested.without(_identity(new), but))


def _identity(file: StudyFile) -> dict[str, object]:
    return {
        "space": identity(completed(file.space)),
        "request": file.request,
        "seed": file.seed,
        "population": file.population,
    }


def told_difference(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """What differs, in one line: `n: 100 → 500; seed: 0 → 1`; at most three entries. Empty if nothing does."""
    changes = nested.differences(old, new)
    if len(changes) > 1:  # the population follows from the rest
        changes.pop("population", None)
    shown = [f"{key.removeprefix('request.')}: {change}" for key, change in changes.items()]
    return "; ".join(shown[:3]) + (f"; {len(shown) - 3} more" if len(shown) > 3 else "")
