"""Which studies or results files a command means: those named, or those that the last `sample` or `run` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsx.base import files
from dsx.base.errors import DsxError, StudyError, suggest
from dsx.results.columns import ELSEWHERE
from dsx.results.foreign import KEYS
from dsx.results.readers import Results, read_results
from dsx.study.paths import StudyPaths, study_folders
from dsx.study.study import Study, open_study

LAST = Path("runs/.last.json")


def remember(studies: Sequence[Study]) -> None:
    """Note these studies as the ones that commands take when none is named; kept under ./runs."""
    if any(Path("runs").resolve() in study.path.resolve().parents for study in studies):
        files.write_json(LAST, {"studies": [str(study.path) for study in studies]})


def chosen(folders: Sequence[str]) -> list[Study]:
    """The named studies, or those that the last sample or run wrote.

    A folder that holds several studies, as an experiment's does, stands for all of them.
    Raises StudyError for a folder that is no study, one named twice, and if none is named and none was written.
    """
    if folders:
        studies = [study for folder in folders for study in _studies_in(folder)]
        paths = [study.path.resolve() for study in studies]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            raise StudyError(f"{twice}: named twice: name each study once")
        return studies
    return [open_study(path) for path in last_written()]


def last_written() -> list[str]:
    """The folders of the studies that the last sample or run wrote. Raises StudyError if there are none."""
    content = files.read_json(LAST) if LAST.is_file() else None
    if not content:
        raise StudyError("no study named, and none under ./runs that the last `dsx sample` or `dsx run` wrote")
    return list(content["studies"])


def sources(arguments: Sequence[str], overrides: Sequence[str] = ()) -> list[Study | Results]:
    """What to analyse: studies as `chosen` finds them, and files of results, in the order given.

    A folder without studies that holds Parquet tables of results, as reference results do, stands for them; tables of
    curves (`NAME.curves.parquet`) belong to their `NAME.parquet` and are no results of their own.
    overrides: `metric=lowest` for NDS and pycls files; for CSV and Parquet tables `error=100-acc`, `flops=madds`,
    `done=COMPLETED` and what else `dsx.results.foreign` knows. Raises DsxError for a bad override, or one that no file
    is there for.
    """
    metric, columns = _reading(overrides)
    paths = [Path(argument) for argument in arguments]
    files = [[path] if path.is_file() else _tables_in(path) for path in paths]
    every = [path.resolve() for several in files for path in several]
    twice = next((path for path in every if every.count(path) > 1), None)
    if twice is not None:
        raise DsxError(f"{twice}: named twice: name each file once")
    folders = [str(path) for path, several in zip(paths, files, strict=True) if not several]
    studies = chosen(folders) if folders or not arguments else []
    if not arguments:
        files, paths = [[]], [Path()]
    chosen_sources: list[Study | Results] = []
    for path, several in zip(paths, files, strict=True):
        chosen_sources += [s for s in studies if not arguments or (not several and _inside(s.path, path))]
        chosen_sources += [read_results(f, metric, columns) for f in several if not _is_curves(f, every)]
    _all_used(overrides, chosen_sources)
    return chosen_sources


def _all_used(overrides: Sequence[str], chosen_sources: Sequence[Study | Results]) -> None:
    """Raises DsxError for an override that no file is there for: a misspelt one would be without effect."""
    used = {key for source in chosen_sources if isinstance(source, Results) for key in source.used}
    for override in overrides:
        key, _, value = override.partition("=")
        if key not in used:
            what = f"no table named has a column {value!r}" if key in ELSEWHERE else "no table was named"
            what = "no NDS or pycls file was named" if key == "metric" else what
            raise DsxError(f"{override!r}: {what} that it could apply to")


def _inside(study: Path, folder: Path) -> bool:
    return folder.resolve() in (study.resolve(), study.resolve().parent)


def _tables_in(folder: Path) -> list[Path]:
    """Parquet tables of a folder that is neither a study nor a folder of studies."""
    if not folder.exists() and folder.suffix in (".csv", ".json", ".parquet"):
        raise DsxError(f"{folder}: no such file")
    # a population beside no study.yaml is a study that lost it, which is said where studies are opened
    paths = StudyPaths(folder)
    if paths.definition.exists() or paths.population.exists() or study_folders(folder):
        return []
    return sorted(folder.glob("*.parquet"))


def _is_curves(path: Path, every: Sequence[Path]) -> bool:
    """Whether a file holds the training curves of another that is named too."""
    table = path.resolve().with_name(path.name.replace(".curves.parquet", ".parquet"))
    return path.name.endswith(".curves.parquet") and table in every


def _reading(overrides: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """The metric, and what was said of how tables are read: key → text as it was written."""
    given = {key: value for key, _, value in (text.partition("=") for text in overrides)}
    for key, value in given.items():
        if key not in ("metric", *KEYS):
            known = ", ".join(("metric", *KEYS))
            raise DsxError(f"'{key}={value}': unknown key.{suggest(key, ('metric', *KEYS))} Known: {known}")
        if not value.strip():
            raise DsxError(f"'{key}=': expected {key}=COLUMN or what else it is to be")
    return given.pop("metric", None), given


def _studies_in(folder: str) -> list[Study]:
    path = Path(folder)
    inside = [] if StudyPaths(path).definition.exists() else study_folders(path)
    return [open_study(each) for each in inside] or [open_study(folder)]
