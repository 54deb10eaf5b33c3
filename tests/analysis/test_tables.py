from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dsx.analysis import analyze, edf
from dsx.errors import DsxError


def test_analyze_gives_every_table(mixed, table):
    tables = analyze({"A": mixed, "B": table(np.linspace(1, 3, 30))})
    assert {"counts", "summary", "comparison", "edf"} <= set(tables)
    curve = tables["edf"].query("study == 'A'")
    assert curve["probability"].to_numpy() == pytest.approx(edf(mixed).probability)
    assert tables["counts"].loc[0, "words"].startswith("24 models: 22 done")
    assert len(tables["comparison"]) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table([4.0]),
        lambda table: table([4.0] * 10),
        lambda table: table([90.0] * 10, ["diverged"] * 10),
        lambda table: table([np.nan] * 3, ["pending"] * 3),
        lambda table: table([]),
    ],
    ids=["one model", "all equal", "all diverged", "none finished", "no rows"],
)
def test_unusual_studies_are_analysed_without_fuss(make, table):
    tables = analyze({"odd": make(table), "usual": table(np.linspace(1, 3, 30))})
    assert len(tables["summary"]) == 2
    assert analyze({"odd": make(table)})["comparison"].empty


def test_nothing_to_analyse_is_one_clear_line():
    with pytest.raises(DsxError, match="nothing to analyse: give at least one study"):
        analyze({})


def test_importing_the_statistics_loads_numpy_alone():
    code = (
        "import sys, dsx.analysis, dsx.plots; "
        "print([m for m in ('pandas', 'scipy', 'torch', 'matplotlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
