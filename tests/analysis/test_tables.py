from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dsx.analysis import analyze, dominance, edf, holm
from dsx.base.errors import DsxError


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


@pytest.mark.slow
def test_importing_the_statistics_loads_numpy_alone():
    code = (
        "import sys, dsx.analysis, dsx.plots; "
        "print([m for m in ('pandas', 'scipy', 'torch', 'matplotlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_dominance_is_corrected_for_all_looks(table):
    rng = np.random.default_rng(0)
    tables = {name: table(shift + rng.gamma(2, 1, 30)) for name, shift in (("A", 2), ("B", 2.3), ("C", 3))}
    rows = analyze(tables)["dominance"]
    alone = rows[["a_ahead_pvalue", "b_ahead_pvalue"]].to_numpy()
    corrected = rows[["a_ahead_pvalue_holm", "b_ahead_pvalue_holm"]].to_numpy()
    assert corrected.ravel() == pytest.approx(holm(alone.ravel()))
    assert rows["words"].str.endswith(", by the verdicts at any look.").all()
    assert analyze(tables, looks="one")["dominance"]["words"].str.endswith(", by the verdicts at one look.").all()
    assert alone[1] == pytest.approx([dominance(tables["A"], tables["C"])[f"{side}_ahead_pvalue"] for side in "ab"])
