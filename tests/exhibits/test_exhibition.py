"""All exhibits of one inquiry."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from dsx.exhibits.exhibition import computed_of, csv_bytes, show


@pytest.mark.slow
def test_what_the_report_needs_is_computed_without_a_folder(inquiry):
    shown, written = show(inquiry)
    assert written.tables == written.figures == []
    assert computed_of(shown, "summary").main["study"].tolist() == ["A", "E"]
    edf = next(each for each in shown if each.exhibit.name == "edf")
    assert edf.pictures[0].source.startswith("data:image/svg+xml;base64,")


@pytest.mark.slow
def test_a_long_table_is_read_back_as_it_was():
    rng = np.random.default_rng(0)
    n = 120_000
    long = pd.DataFrame({"study": 'a, "b"', "error": rng.gamma(2, 4, n), "share": np.arange(n) / n, "depth": 3})
    long.loc[::7, "error"] = np.nan
    long["words"] = np.where(np.arange(n) % 5, "plain", "two\nlines, “quoted”")
    assert pd.read_csv(io.BytesIO(csv_bytes(long))).equals(pd.read_csv(io.StringIO(long.to_csv(index=False))))
    assert csv_bytes(long[:9]) == long[:9].to_csv(index=False).encode()


@pytest.mark.slow
def test_figures_are_the_same_bytes_in_any_number_of_processes(inquiry, tmp_path, monkeypatch):
    made = {}
    for cores in (1, 2):
        monkeypatch.setattr("dsx.base.processes.idle_cores", lambda cores=cores: cores)
        shown, written = show(inquiry, tmp_path / str(cores), "main")
        contents = {p.name: p.read_bytes() for p in (tmp_path / str(cores)).rglob("*.*")}
        made[cores] = contents, [each.pictures for each in shown], written
    assert made[1] == made[2]
    assert len(made[1][0]) > 20
