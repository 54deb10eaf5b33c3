"""Measured times of a study's models, kept in its folder and joined to its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.results.arrays import Table
from dsx.study.paths import StudyPaths

# one measurement replaces an earlier one of the same model under the same conditions
_CONDITIONS = ["model_id", "mode", "resolution", "device", "dtype", "threads"]


def keep(paths: StudyPaths, rows: Sequence[Mapping[str, object]]) -> None:
    """Add measurements: model_id and the fields of `dsx.networks.timing.Timing`. Complete or not at all."""
    import pandas as pd

    if not rows:
        return
    known = read(paths)
    new = pd.DataFrame(list(rows))
    table = new if known is None else pd.concat([known, new], ignore_index=True)
    files.write_bytes(paths.timings, table.drop_duplicates(_CONDITIONS, keep="last").to_parquet(index=False))


def read(paths: StudyPaths) -> Table | None:
    """All measurements, one row each; None if there are none. Raises StudyError if the file is torn."""
    import pandas as pd

    if not paths.timings.exists():
        return None
    try:
        table = pd.read_parquet(paths.timings)
        if missing := [name for name in (*_CONDITIONS, "median_ms", "batch_size") if name not in table]:
            raise ValueError(f"no column {missing[0]}")
    except (OSError, ValueError) as error:
        raise StudyError(f"{paths.timings}: not readable ({error}); delete it and run `dsx time` again") from None
    return table


def join(results: Table, timings: Table | None) -> Table:
    """Results with inference_ms and training_ms: median milliseconds per image, of each model's latest measurement."""
    if timings is None:
        return results
    joined = results
    for mode in ("inference", "training"):
        of_mode = timings[timings["mode"] == mode].drop_duplicates("model_id", keep="last").set_index("model_id")
        per_image = of_mode["median_ms"] / of_mode["batch_size"]
        joined = joined.assign(**{f"{mode}_ms": joined["model_id"].map(per_image)})
    return joined
