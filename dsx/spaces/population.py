"""A population: the models drawn from one space, their settings, architectures and complexity.

Columns are numpy arrays of length n; pandas is loaded only when `table` is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from dsx.base.arrow import array_of
from dsx.base.errors import StudyError, first_line
from dsx.base.files import write_bytes
from dsx.base.nested import plain
from dsx.networks.architecture import content_id
from dsx.networks.cost import METRICS
from dsx.networks.lookup import Network, network_from_dict

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

RECIPE_PREFIX = "recipe."


def recipe_settings(settings: Mapping[str, object]) -> dict[str, Any]:
    """Those settings (values or columns) that are the recipe's: `recipe.lr` as `lr`, …, and a sampled resolution."""
    prefixed = {k[len(RECIPE_PREFIX) :]: v for k, v in settings.items() if k.startswith(RECIPE_PREFIX)}
    return prefixed | ({"resolution": settings["resolution"]} if "resolution" in settings else {})


class _Contents(Sequence[str]):
    """The architectures of a file, read once one of them is asked for: most of its bytes, and many commands need none.

    The file stays open, so that they are of its content as it was, whatever replaces it.
    """

    def __init__(self, file: pq.ParquetFile, path: Path) -> None:
        self._file, self._path = file, path

    @cached_property
    def _texts(self) -> list[str]:
        with _readable(self._path):
            texts: list[str] = self._file.read(["architecture"])["architecture"].to_pylist()
        return texts

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def __reduce__(self) -> tuple[type[list[str]], tuple[list[str]]]:
        return list, (self._texts,)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        return self._first if row == 0 else self._texts[row]

    @cached_property
    def _first(self) -> str:
        """The one that is looked at to check a recipe."""
        with _readable(self._path):
            text: str = next(self._file.iter_batches(1, columns=["architecture"]))[0][0].as_py()
        return text


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What reads a Parquet file raises StudyError, in one line, where the file is torn or damaged."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise StudyError(f"{path}: no population here; `dsx sample` makes one") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{path}: not a readable Parquet file, perhaps cut short ({first_line(error)}); restore it from a copy, or"
            " sample again"
        ) from None


@dataclass(frozen=True)
class Model:
    """One sampled model. setting: parameter column → value. flops (multiply-adds), params, acts: integers."""

    model_id: str
    space: str
    setting: dict[str, Any]
    architecture: Network
    flops: int
    params: int
    acts: int

    @property
    def recipe_overrides(self) -> dict[str, Any]:
        """Settings of the training recipe that the space samples: see `recipe_settings`."""
        return recipe_settings(self.setting)


@dataclass(frozen=True)
class Population:
    """n models of one space, in the order they were drawn.

    settings: parameter column → (n,) array; a parameter that varies by stage has columns `depth_1`, `depth_2`, …
    flops, params, acts: (n,) int64 at `resolution` with the architectures' number of classes.
    contents: (n,) canonical JSON of each architecture. known_ids: (n,) their hashes, where they are at hand.
    """

    space: str
    settings: dict[str, np.ndarray]
    flops: np.ndarray
    params: np.ndarray
    acts: np.ndarray
    contents: Sequence[str] = field(repr=False)
    resolution: int = 224
    known_ids: list[str] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.flops)

    def __getitem__(self, row: int) -> Model:
        content = json.loads(self.contents[row])
        return Model(
            model_id=self.model_ids[row],
            space=self.space,
            setting={name: plain(column[row]) for name, column in self.settings.items()},
            architecture=network_from_dict(content),
            flops=int(self.flops[row]),
            params=int(self.params[row]),
            acts=int(self.acts[row]),
        )

    def __iter__(self) -> Iterator[Model]:
        return (self[row] for row in range(len(self)))

    def first(self, n: int) -> Population:
        """The population of its first n models, or of all if it has fewer."""
        return self.some(range(min(n, len(self))))

    def some(self, rows: Sequence[int]) -> Population:
        """The population of these rows, in the order given."""
        at = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            settings={name: column[at] for name, column in self.settings.items()},
            **{name: getattr(self, name)[at] for name in METRICS},
            contents=[self.contents[row] for row in rows],
            known_ids=[self.known_ids[row] for row in rows] if self.known_ids is not None else None,
        )

    @cached_property
    def model_ids(self) -> list[str]:
        """(n,) hashes of the architectures."""
        return self.known_ids or [content_id(content) for content in self.contents]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per model: model_id, space, one column per parameter, flops, params, acts."""
        import pandas as pd

        metrics = {name: getattr(self, name) for name in METRICS}
        return pd.DataFrame({"model_id": self.model_ids, "space": self.space, **self.settings, **metrics})

    def write(self, path: Path) -> None:
        """Write as Parquet: the table's columns and the architectures; complete or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, Any] = {"model_id": self.model_ids, "space": [self.space] * len(self), **self.settings}
        columns |= {name: getattr(self, name) for name in METRICS} | {"architecture": self.contents}
        table = pa.table(columns).replace_schema_metadata({"dsx.resolution": str(self.resolution)})
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        write_bytes(path, buffer.getvalue().to_pybytes())

    @classmethod
    def read(cls, path: Path) -> Population:
        """Read what `write` wrote. Raises StudyError if the file is missing, torn, or holds something else."""
        import pyarrow.parquet as pq

        with _readable(path):
            file = pq.ParquetFile(path)
            table = file.read([name for name in file.schema_arrow.names if name != "architecture"])
            columns = {name: array_of(table[name]) for name in table.column_names if name not in ("model_id", "space")}
            spaces = table["space"][:1].to_pylist() if "space" in table.column_names else []
            ids = table["model_id"].to_pylist() if "model_id" in table.column_names else []
        wanted = {"model_id", "space", "architecture", *METRICS}
        missing = sorted(wanted - set(file.schema_arrow.names))
        if missing or table.num_rows == 0:
            fault = f"lacks the column {missing[0]}" if missing else "holds no rows"
            raise StudyError(f"{path}: not a population: it {fault}; restore it from a copy, or sample again")
        return cls(
            space=spaces[0],
            settings={name: column for name, column in columns.items() if name not in METRICS},
            flops=columns["flops"],
            params=columns["params"],
            acts=columns["acts"],
            contents=_Contents(file, path),
            known_ids=ids,
            resolution=int((file.schema_arrow.metadata or {}).get(b"dsx.resolution", b"224")),
        )
