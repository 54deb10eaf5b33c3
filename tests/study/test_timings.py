from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dsx.base.errors import StudyError
from dsx.study import timings
from dsx.study.paths import StudyPaths


def row(model_id: str, mode: str, median_ms: float, batch_size: int = 4) -> dict[str, object]:
    conditions = {"resolution": 8, "device": "cpu", "dtype": "float32", "threads": 1}
    return {"model_id": model_id, "mode": mode, "median_ms": median_ms, "batch_size": batch_size, **conditions}


def test_times_join_the_results_per_image(tmp_path: Path) -> None:
    paths = StudyPaths(tmp_path)
    timings.keep(paths, [row("a", "inference", 8.0), row("a", "training", 20.0)])
    timings.keep(paths, [row("a", "inference", 12.0)])  # the same conditions: measured again
    joined = timings.join(pd.DataFrame({"model_id": ["a", "b"], "error": [1.0, 2.0]}), timings.read(paths))
    assert joined["inference_ms"].tolist()[0] == 3.0
    assert joined["training_ms"].tolist()[0] == 5.0
    assert joined["inference_ms"].isna().tolist() == [False, True]
    assert len(timings.read(paths)) == 2


def test_without_times_the_results_are_as_they_were(tmp_path: Path) -> None:
    results = pd.DataFrame({"model_id": ["a"]})
    assert timings.join(results, timings.read(StudyPaths(tmp_path))) is results


def test_nothing_measured_writes_nothing(tmp_path: Path) -> None:
    timings.keep(StudyPaths(tmp_path), [])
    assert list(tmp_path.iterdir()) == []


def test_another_table_under_that_name_says_what_to_do(tmp_path: Path) -> None:
    pd.DataFrame({"model_id": ["a"]}).to_parquet(tmp_path / "timings.parquet")
    with pytest.raises(StudyError) as told:
        timings.read(StudyPaths(tmp_path))
    assert str(told.value) == (
        f"{tmp_path}/timings.parquet: not readable (no column mode); delete it and run `dsx time` again"
    )


def test_a_torn_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "timings.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(StudyError, match="delete it and run `dsx time` again"):
        timings.read(StudyPaths(tmp_path))
