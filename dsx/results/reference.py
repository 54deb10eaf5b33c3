"""Reference results: populations that were really trained, small enough to ship, for notebooks, documents and tests.

A folder holds, for each space, `NAME.parquet` (the tidy table, with the networks' stages) and `NAME.curves.parquet`
(one row per run and epoch), and `manifest.json`: versions, hardware, seeds, recipe and a hash of every file.
`analysis/reference_tables.py` writes it from finished studies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsx.base import resources
from dsx.base.errors import DsxError, check_path
from dsx.results.arrays import Table
from dsx.results.states import finished
from dsx.results.structure import block_widths_of

# kept of each epoch; the rest is in the studies
CURVE_COLUMNS = ("epoch", "lr", "train_loss", "train_error", "loss", "error", "seconds")
_CURVES = ".curves.parquet"


@dataclass(frozen=True, eq=False)
class Reference:
    """tables: space → results table, with `stages` and structure columns. curves: space → one row per run and epoch.

    manifest: what was trained where, and by which versions.
    """

    tables: dict[str, Table]
    curves: dict[str, Table]
    manifest: dict[str, Any]

    def block_widths(self, name: str) -> list[list[float]]:
        """Width of every block of each finished network of a space, in the order of `finished(table)`."""
        return [block_widths_of(stages) for stages in finished(self.tables[name])["stages"]]


def load_reference(folder: str | Path | None = None) -> Reference:
    """The reference results: of that folder, of ./experiments/reference, or those shipped with dsx.

    Raises DsxError if there are none, or a file is not what the manifest says.
    """
    if folder is not None:
        check_path("folder", folder, "experiments/reference")
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


def _read(folder: Path, file: str, manifest: Mapping[str, Mapping[str, object]]) -> Table:
    import io

    import pandas as pd

    try:
        content = (folder / file).read_bytes()
    except OSError:
        raise DsxError(f"{folder / file}: missing; restore the folder from a copy, or `make reference`") from None
    if hashlib.sha256(content).hexdigest() != manifest["files"].get(file):
        raise DsxError(f"{folder / file}: is not the file of the manifest; restore it, or `make reference`")
    return pd.read_parquet(io.BytesIO(content))


def write_reference(
    folder: Path, tables: Mapping[str, Table], curves: Mapping[str, Table], facts: Mapping[str, object]
) -> dict[str, str]:
    """Write tables, curves and the manifest; returns file → SHA-256. facts: further entries of the manifest.

    Files of spaces that are no longer among the tables are removed, so that the folder is what was asked for.
    """
    from dsx.base.files import write_bytes, write_json

    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, table in tables.items():
        files[f"{name}.parquet"] = table.to_parquet(compression="zstd", index=False)
        files[f"{name}{_CURVES}"] = _small(curves[name]).to_parquet(compression="zstd", index=False)
    for old in folder.glob("*.parquet"):
        if old.name not in files:
            old.unlink()
    hashes = {}
    for file, content in files.items():
        write_bytes(folder / file, content)
        hashes[file] = hashlib.sha256(content).hexdigest()
    write_json(folder / "manifest.json", {"spaces": list(tables), **facts, "files": hashes})
    return hashes


def _small(curves: Table) -> Table:
    """The curves' main columns, measures as 32-bit floats: their seventh digit means nothing."""
    kept = curves[[c for c in ("run_id", "model_id", *CURVE_COLUMNS) if c in curves.columns]]
    floats = [c for c in kept.columns if kept[c].dtype.kind == "f"]
    return kept.astype(dict.fromkeys(floats, "float32"))
