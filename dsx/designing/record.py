"""A walk in a few small files, to be kept, handed on, or gone on with elsewhere.

`python -m dsx.designing.record runs/design experiments/design_digits` keeps it: design.yaml, decisions/ and spaces/ as
they are, and models.parquet in place of the studies. `walk_of(folder)` goes through it again, and trains nothing. A
copy of the folder is a walk: `dsx design --out COPY` goes on with it, and trains only what is not in models.parquet.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from dsx.base import files
from dsx.designing.folder import DesignFolder
from dsx.designing.journal import Journal
from dsx.designing.models import Batch, PausedError
from dsx.designing.walk import Walk
from dsx.recipes.metric import PLAIN_ERROR, Metric
from dsx.recipes.recipe import read_recipe
from dsx.results.arrays import Table
from dsx.results.columns import COMPLEXITIES
from dsx.results.states import OVER
from dsx.study.paths import study_folders
from dsx.study.study import open_study

_MODELS = "models.parquet"
# of the results tables, besides the parameters
_COLUMNS = ("model_id", "space", "state", "error", *COMPLEXITIES, "seconds", "recipe")


class KeptModels:
    """Models of a walk's batches, finished or failed, that were kept in a file, if there is one."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _MODELS

    @cached_property
    def _models(self) -> Table | None:
        import pandas as pd

        return pd.read_parquet(self._path) if self._path.is_file() else None

    @property
    def tables(self) -> list[Table]:
        """All of them, with the column `batch`; none if there is no file."""
        return [] if self._models is None else [self._models]

    def of(self, batch: Batch) -> Table | None:
        """Those of a batch; None if there are none."""
        if self._models is None:
            return None
        rows = self._models[(self._models["batch"] == batch.name)]
        rows = rows[rows["model_id"].isin(batch.population.model_ids)]
        columns = [name for name in rows.columns if name in _COLUMNS or name in batch.population.settings]
        return rows[columns] if len(rows) else None

    def rest(self, batch: Batch) -> Batch:
        """The models of a batch that are not kept."""
        kept = self.of(batch)
        if kept is None:
            return batch
        known = set(kept["model_id"])
        rows = [row for row, model_id in enumerate(batch.population.model_ids) if model_id not in known]
        return replace(batch, population=batch.population.some(rows))

    def with_kept(self, batch: Batch, trained: Table | None) -> Table:
        """The results of a batch in order: of the rest, as they were trained, and of those kept."""
        import pandas as pd

        parts = [table for table in (self.of(batch), trained) if table is not None]
        whole = pd.concat(parts, ignore_index=True).set_index("model_id")
        return whole.loc[batch.population.model_ids].reset_index()


def save(folder: Path, target: Path) -> Path:
    """Keep a walk of `dsx design` in that folder; the folder. Raises DsxError if there is no walk."""
    import pandas as pd

    place = DesignFolder(folder)
    place.read()
    tables = KeptModels(folder).tables
    for path in study_folders(folder):
        study = open_study(path)
        results = study.results()
        columns = [name for name in results.columns if name in _COLUMNS or name in study.population.settings]
        tables.append(results.loc[results["state"].isin(OVER), columns].assign(batch=path.name))
    with files.replacing(target / _MODELS) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, compression="zstd", index=False)
    for path in (place.request, *sorted(place.decisions.glob("*.json")), *sorted(place.spaces.glob("*.yaml"))):
        files.write_bytes(target / path.relative_to(folder), path.read_bytes())
    return target


def walk_of(folder: str | Path) -> Walk:
    """The walk that was kept in that folder, as far as it got. Raises DsxError if there is none."""
    place = DesignFolder(Path(folder))
    space, plan, recipe = place.open()
    metric = PLAIN_ERROR if recipe is None else read_recipe(recipe).measures[0]
    walk = Walk(space, plan, _Recorded(KeptModels(place.root), metric), Journal.in_memory(place.journal().records))
    with contextlib.suppress(PausedError):
        walk.run()
    return walk


class _Recorded:
    """Models that were trained once; asked for others, the walk is at its end."""

    def __init__(self, kept: KeptModels, metric: Metric) -> None:
        self._kept, self.metric = kept, metric

    def tables(self, batches: Sequence[Batch]) -> list[Table]:
        if any(len(self._kept.rest(batch).population) for batch in batches):
            raise PausedError
        return [self._kept.with_kept(batch, None) for batch in batches]


if __name__ == "__main__":
    print(f"wrote {save(*map(Path, sys.argv[1:3]))}")
