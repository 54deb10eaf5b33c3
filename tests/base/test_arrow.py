"""Arrow's columns as arrays: equal to what Arrow gives, without loading pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsx.base.arrow import array_of

COLUMNS = {
    "int64": pa.chunked_array([[1, 2], [3]]),
    "int32": pa.chunked_array([pa.array([1, 2, 3], pa.int32())]),
    "float": pa.chunked_array([[0.5, float("nan")], [2.0]]),
    "float with nulls": pa.chunked_array([pa.array([0.5, None], pa.float32())]),
    "text with nulls": pa.chunked_array([["a", None]]),
    "text": pa.chunked_array([["a", "b"], ["c"]]),
    "truth": pa.chunked_array([[True, False, True]]),
    "with nulls": pa.chunked_array([[1, None, 3]]),
    "none": pa.chunked_array([], pa.int64()),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_values_type_and_writability_are_those_of_arrow(name):
    ours, theirs = array_of(COLUMNS[name]), COLUMNS[name].to_numpy()
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype
    assert ours.flags.writeable


def test_numbers_and_text_of_a_file_are_had_without_pandas(tmp_path):
    table = pa.table({name: COLUMNS[name] for name in ("int64", "float", "text")})
    pq.write_table(table, tmp_path / "table.parquet")
    code = (
        "import sys, pyarrow.parquet as pq; from dsx.base.arrow import array_of; "
        "[array_of(column) for column in pq.ParquetFile(sys.argv[1]).read().columns]; print('pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "table.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
