"""What an experiment has trained so far, kept in small files, so that another machine goes on from it.

A folder holds one `NAME.records.parquet` for each study: run_id, and the run's final record as JSON text, byte by byte
what the trainer wrote; and `partial.json`: recipe, seeds and number of records of each study. Restoring samples the
experiment's populations again, which gives the same models on any machine, and puts the records where the trainer had
put them: launching then trains only what is missing.
`python analysis/saved_records.py save runs/reference_28 FOLDER` saves,
`python analysis/saved_records.py restore reference_28 FOLDER [overrides]` restores.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.results.arrays import Table
from dsx.results.states import FINISHED

if TYPE_CHECKING:
    from dsx.study.study import Study

_RECORDS = ".records.parquet"
_MANIFEST = "partial.json"


def save_records(studies: Sequence[Study], folder: Path) -> dict[str, int]:
    """Write the final records of all finished runs; study → how many. Failed and running ones are left out.

    Files are the same whenever the records are. Raises DsxError if a study has fewer records than its file holds, as
    one that was not restored would: what was trained is never lost.
    """
    import pandas as pd

    kept: dict[str, int] = {}
    facts: dict[str, object] = {}
    tables: dict[str, Table] = {}
    for study in studies:
        runs = [run_id for run_id, state in study.states().items() if state in FINISHED]
        texts = [study.paths.run(run_id).result.read_text(encoding="utf-8") for run_id in runs]
        tables[study.name] = pd.DataFrame({"run_id": runs, "record": texts}, dtype="string")
        there = _read(folder, study.name)
        lost = sorted(set(there) - set(runs))
        if lost:
            raise DsxError(
                f"{folder / study.name}{_RECORDS}: holds {plural(len(lost), 'record')} that {study.path} lacks, the"
                f" first of run {lost[0]}; restore it first, or save to another folder"
            )
        kept[study.name] = len(runs)
        facts[study.name] = {
            "records": len(runs),
            "seeds": study.replicates,
            "recipe": study.recipe.recipe_id if study.recipe else None,
        }
    for name, table in tables.items():
        files.write_bytes(folder / f"{name}{_RECORDS}", table.to_parquet(compression="zstd", index=False))
    files.write_json(folder / _MANIFEST, {"studies": facts})
    return kept


def restore_records(studies: Sequence[Study], folder: Path) -> dict[str, int]:
    """Put the saved records into studies that lack them; study → how many were put there.

    The studies have their recipe already. Records of runs that are there stay as they are; studies of which nothing
    was saved are left alone. Raises DsxError if a study has another recipe than was trained with, or lacks a run that
    was saved: then nothing is written for that study.
    """
    manifest = files.read_json(folder / _MANIFEST)
    if manifest is None:
        raise DsxError(
            f"{folder}: no saved records (no readable {_MANIFEST}); start without them, or restore the folder"
        )
    return {study.name: _restore(study, folder, manifest["studies"].get(study.name)) for study in studies}


def _restore(study: Study, folder: Path, facts: Mapping[str, Any] | None) -> int:
    if not facts or not facts["records"]:
        return 0
    if study.recipe is None:
        raise DsxError(
            f"{study.path}: has no recipe yet; set the one that was trained with before records are restored"
        )
    if study.recipe.recipe_id != facts["recipe"]:
        raise DsxError(
            f"{folder / study.name}{_RECORDS}: was trained with recipe {facts['recipe']}, and {study.path} has recipe"
            f" {study.recipe.recipe_id} ({study.recipe.label}); restore with the recipe that was trained with"
        )
    study.set_recipe(study.recipe, max(study.replicates, facts["seeds"]))
    saved = _read(folder, study.name)
    unknown = sorted(set(saved) - {run.run_id for run in study.runs()})
    if unknown:
        raise DsxError(
            f"{folder / study.name}{_RECORDS}: has run {unknown[0]}, which is none of {study.path}; the space, the seed"
            " or the number of models differs from what was trained"
        )
    states = study.states()
    missing = [run_id for run_id in saved if states[run_id] not in FINISHED]
    for run_id in missing:
        files.write_bytes(study.paths.run(run_id).result, saved[run_id].encode())
    return len(missing)


def _read(folder: Path, name: str) -> dict[str, str]:
    """run_id → record, as saved; empty if nothing was. Raises DsxError if the file cannot be read."""
    import pandas as pd

    path = folder / f"{name}{_RECORDS}"
    if not path.is_file():
        return {}
    try:
        table = pd.read_parquet(path, columns=["run_id", "record"])
    except (OSError, ValueError) as error:
        raise DsxError(f"{path}: not readable as saved records ({error}); restore it from a copy") from None
    return dict(zip(table["run_id"], table["record"], strict=True))


def restored_experiment(name: str, folder: Path, overrides: Sequence[str]) -> list[Study]:
    """The experiment's studies, sampled and with its recipe and all records that were saved; none if none were.

    overrides: the experiment's, as `dsx run` takes them.
    """
    from dsx.commands.config import load_experiment
    from dsx.commands.run import sample_experiment

    experiment = load_experiment(name, overrides)
    studies = sample_experiment(experiment)
    for study in studies:
        study.set_recipe(experiment.recipe, max(study.replicates, experiment.replicates))
    if (folder / _MANIFEST).is_file():
        restore_records(studies, folder)
    return studies


def main(arguments: Sequence[str]) -> None:
    """`save EXPERIMENT_FOLDER TARGET`, or `restore EXPERIMENT SOURCE [overrides]`."""
    from dsx.commands.selection import chosen

    match list(arguments):
        case ["save", studies, target]:
            kept = save_records(chosen([studies]), Path(target))
            each = ", ".join(f"{name} {count}" for name, count in kept.items())
            print(f"wrote {target}: {plural(sum(kept.values()), 'record')} ({each})")
        case ["restore", experiment, source, *overrides]:
            for study in restored_experiment(experiment, Path(source), overrides):
                counts = study.counts()
                print(f"{study.path}: {counts['done'] + counts['diverged']} of {sum(counts.values())} trained")
        case _:
            raise DsxError(
                "usage: python analysis/saved_records.py save runs/reference_28 FOLDER, or"
                " python analysis/saved_records.py restore reference_28 FOLDER [overrides]"
            )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DsxError as problem:
        sys.exit(f"dsx: {problem}")
