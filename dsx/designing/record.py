"""A walk in three small files, to be kept or handed on: design.yaml, decisions.json and models.parquet.

    python -m dsx.designing.record runs/design experiments/design_digits

`walk_of(folder)` goes through it again, and trains nothing.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.base import files
from dsx.designing.folder import DesignFolder
from dsx.designing.journal import Journal
from dsx.designing.models import Batch, PausedError
from dsx.designing.walk import Walk
from dsx.study.study import open_study

if TYPE_CHECKING:
    import pandas as pd

# of the results tables, besides the parameters
_KEPT = ("model_id", "space", "state", "error", "flops", "params", "acts", "seconds", "recipe")


def save(folder: Path, target: Path) -> Path:
    """Write a walk of `dsx design` as three files, and the spaces of its chain; the folder of these."""
    import pandas as pd

    place = DesignFolder(folder)
    place.read()
    tables = []
    for path in sorted(path.parent for path in folder.glob("*/study.yaml")):
        study = open_study(path)
        results = study.results()
        columns = [name for name in results.columns if name in _KEPT or name in study.population.settings]
        tables.append(results[columns].assign(batch=path.name))
    files.write_bytes(target / place.request.name, place.request.read_bytes())
    records = place.journal().records
    files.write_bytes(target / "decisions.json", (json.dumps(records, ensure_ascii=False, indent=0) + "\n").encode())
    with files.replacing(target / "models.parquet") as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, compression="zstd", index=False)
    for path in sorted(place.spaces.glob("*.yaml")):
        files.write_bytes(target / place.spaces.name / path.name, path.read_bytes())
    return target


def walk_of(folder: Path) -> Walk:
    """The walk that was saved in that folder, as far as it got. Raises DsxError if there is none."""
    import pandas as pd

    space, plan, _ = DesignFolder(folder).open()
    journal = Journal.in_memory(json.loads((folder / "decisions.json").read_text(encoding="utf-8")))
    walk = Walk(space, plan, _Recorded(pd.read_parquet(folder / "models.parquet")), journal)
    with contextlib.suppress(PausedError):
        walk.run()
    return walk


class _Recorded:
    """Models that were trained once; asked for others, the walk is at its end."""

    def __init__(self, models: pd.DataFrame) -> None:
        self._models = models

    def tables(self, batches: Sequence[Batch]) -> list[pd.DataFrame]:
        return [self._table(batch) for batch in batches]

    def _table(self, batch: Batch) -> pd.DataFrame:
        rows = self._models[self._models["batch"] == batch.name].head(len(batch.population))
        settings = set(batch.population.settings)
        if len(rows) < len(batch.population) or np.isin(rows["state"], ("pending", "running")).any():
            raise PausedError
        return rows[[name for name in rows.columns if name in _KEPT or name in settings]].reset_index(drop=True)


if __name__ == "__main__":
    print(f"wrote {save(*map(Path, sys.argv[1:3]))}")
