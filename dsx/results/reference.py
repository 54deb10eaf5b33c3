"""Reference results: populations that were really trained, small enough to ship, for notebooks, documents and tests.

A folder holds, for each space, `NAME.parquet` (the tidy table, with the networks' stages) and `NAME.curves.parquet`
(one row per run and epoch), and `manifest.json`: versions, hardware, seeds, recipe and a hash of every file.
`python -m dsx.results.reference runs/reference experiments/reference` writes it from finished studies.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx.base import provenance, resources
from dsx.base.errors import DsxError
from dsx.base.text import plural

if TYPE_CHECKING:
    import pandas as pd

    from dsx.study.study import Study

# kept of each epoch; the rest is in the studies
CURVE_COLUMNS = ("epoch", "lr", "train_loss", "train_error", "loss", "error", "seconds")
_LIBRARIES = ("torch", "torchvision", "numpy", "pandas", "pyarrow")
_CURVES = ".curves.parquet"


@dataclass(frozen=True, eq=False)
class Reference:
    """tables: space → results table, with `stages` and structure columns. curves: space → one row per run and epoch.

    manifest: what was trained where, and by which versions.
    """

    tables: dict[str, pd.DataFrame]
    curves: dict[str, pd.DataFrame]
    manifest: dict[str, Any]

    def block_widths(self, name: str) -> list[list[float]]:
        """Width of every block of each finished network of a space, in the order of `finished(table)`."""
        from dsx.analysis import finished
        from dsx.results.structure import block_widths_of

        return [block_widths_of(stages) for stages in finished(self.tables[name])["stages"]]


def load_reference(folder: str | Path | None = None) -> Reference:
    """The reference results: of that folder, of ./experiments/reference, or those shipped with dsx.

    Raises DsxError if there are none, or a file is not what the manifest says.
    """
    place = _find() if folder is None else Path(folder)
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DsxError(
            f"{place}: no reference results (no readable manifest.json); `make reference` makes them"
        ) from None
    tables, curves = {}, {}
    for name in manifest["spaces"]:
        tables[name] = _read(place, f"{name}.parquet", manifest)
        curves[name] = _read(place, f"{name}{_CURVES}", manifest)
    return Reference(tables, curves, manifest)


def _find() -> Path:
    for folder in resources.folders("experiments"):
        if (folder / "reference" / "manifest.json").is_file():
            return folder / "reference"
    raise DsxError("no reference results in ./experiments/reference, and none shipped; `make reference` makes them")


def _read(folder: Path, file: str, manifest: Mapping[str, Any]) -> pd.DataFrame:
    import io

    import pandas as pd

    try:
        content = (folder / file).read_bytes()
    except OSError:
        raise DsxError(f"{folder / file}: missing; restore the folder from a copy, or `make reference`") from None
    if hashlib.sha256(content).hexdigest() != manifest["files"].get(file):
        raise DsxError(f"{folder / file}: is not the file of the manifest; restore it, or `make reference`")
    table: pd.DataFrame = pd.read_parquet(io.BytesIO(content))
    return table


def write_reference(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    curves: Mapping[str, pd.DataFrame],
    facts: Mapping[str, Any],
) -> dict[str, str]:
    """Write tables, curves and the manifest; returns file → SHA-256. facts: further entries of the manifest.

    Files of spaces that are no longer among the tables are removed, so that the folder is what was asked for.
    """
    from dsx.base.files import write_bytes, write_json

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, table in tables.items():
        files[f"{name}.parquet"] = _parquet(table)
        files[f"{name}{_CURVES}"] = _parquet(_small(curves[name]))
    for old in folder.glob("*.parquet"):
        if old.name not in files:
            old.unlink()
    hashes = {}
    for file, content in files.items():
        write_bytes(folder / file, content)
        hashes[file] = hashlib.sha256(content).hexdigest()
    write_json(folder / "manifest.json", {"spaces": list(tables), **facts, "files": hashes})
    return hashes


def _parquet(table: pd.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    table.to_parquet(buffer, compression="zstd", index=False)
    return buffer.getvalue()


def _small(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves' main columns, measures as 32-bit floats: their seventh digit means nothing."""
    kept = curves[[c for c in ("run_id", "model_id", *CURVE_COLUMNS) if c in curves.columns]]
    floats = [c for c in kept.columns if kept[c].dtype.kind == "f"]
    return kept.astype(dict.fromkeys(floats, "float32"))


def from_studies(studies: Sequence[Study], folder: Path) -> str:
    """Write the reference results from trained studies; what was written, in words.

    Raises DsxError if a study has models that are not finished: reference results are whole.
    """
    from dsx.results.structure import network_table

    tables, curves = {}, {}
    for study in studies:
        counts = study.counts()
        left = {state: counts[state] for state in ("pending", "running") if counts[state]}
        if left:
            told = ", ".join(f"{n} {state}" for state, n in left.items())
            raise DsxError(f"{study.path}: {told}: `dsx launch {study.path}` first; reference results are whole")
        networks = network_table(study.population.model_ids, study.population.contents)
        new = [c for c in networks.columns if c == "model_id" or c not in study.population.settings]
        tables[study.name] = study.results().merge(networks[new], on="model_id", how="left", validate="many_to_one")
        curves[study.name] = study.curves()
    hashes = write_reference(folder, tables, curves, _facts(studies, tables))
    runs = sum(map(len, tables.values()))
    size = sum((folder / file).stat().st_size for file in hashes)
    return f"wrote {folder}: {plural(len(tables), 'table')}, {plural(runs, 'run')}, {size / 1e6:.2f} MB"


def _facts(studies: Sequence[Study], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    import dsx

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
    """`python -m dsx.results.reference EXPERIMENT_FOLDER TARGET`."""
    from dsx.commands.selection import chosen

    if len(arguments) != 2:
        raise DsxError("usage: python -m dsx.results.reference runs/reference experiments/reference")
    print(from_studies(chosen([arguments[0]]), Path(arguments[1])))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DsxError as problem:
        sys.exit(f"dsx: {problem}")
