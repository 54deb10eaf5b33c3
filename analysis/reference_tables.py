"""Reference results from trained studies.

As in `python analysis/reference_tables.py runs/reference experiments/reference`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import dsx
from dsx.base import provenance
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.commands.selection import chosen
from dsx.results.arrays import Table
from dsx.results.reference import write_reference
from dsx.results.structure import network_table
from dsx.study.study import Study

_LIBRARIES = ("torch", "torchvision", "numpy", "pandas", "pyarrow")


def from_studies(studies: Sequence[Study], folder: Path) -> str:
    """Write the reference results from trained studies; what was written, in words.

    Raises DsxError if a study has models that are not finished: reference results are whole.
    """
    tables, curves = {}, {}
    for study in studies:
        counts = study.counts()
        left = {state: counts[state] for state in ("pending", "running") if counts[state]}
        if left:
            unfinished = ", ".join(f"{n} {state}" for state, n in left.items())
            raise DsxError(f"{study.path}: {unfinished}: `dsx launch {study.path}` first; reference results are whole")
        networks = network_table(study.population.model_ids, study.population.contents)
        new = [c for c in networks.columns if c == "model_id" or c not in study.population.settings]
        tables[study.name] = study.results().merge(networks[new], on="model_id", how="left", validate="many_to_one")
        curves[study.name] = study.curves()
    hashes = write_reference(folder, tables, curves, _facts(studies, tables))
    runs = sum(map(len, tables.values()))
    size = sum((folder / file).stat().st_size for file in hashes)
    return f"wrote {folder}: {plural(len(tables), 'table')}, {plural(runs, 'run')}, {size / 1e6:.2f} MB"


def _facts(studies: Sequence[Study], tables: Mapping[str, Table]) -> dict[str, object]:
    return {
        "models": {name: int(table["model_id"].nunique()) for name, table in tables.items()},
        "device_hours": round(sum(float(table["seconds"].sum()) for table in tables.values()) / 3600, 3),
        "seeds": {study.name: study.seed for study in studies},
        "requests": {study.name: study.request for study in studies},
        "space_hashes": {study.name: study.space_hash for study in studies},
        "recipe": studies[0].recipe.to_dict() if studies[0].recipe else None,
        "dsx": dsx.__version__,
        "git_commit": provenance.git_commit(),
        "python": platform.python_version(),
        "libraries": provenance.versions(_LIBRARIES),
        "hardware": provenance.hardware(),
    }


def main(arguments: Sequence[str]) -> None:
    """`python analysis/reference_tables.py EXPERIMENT_FOLDER TARGET`."""
    if len(arguments) != 2:
        raise DsxError("usage: python analysis/reference_tables.py runs/reference experiments/reference")
    print(from_studies(chosen([arguments[0]]), Path(arguments[1])))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DsxError as problem:
        sys.exit(f"dsx: {problem}")
