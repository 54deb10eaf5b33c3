"""Reference results are made from finished studies, and from no others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from reference_tables import from_studies, main

import dsx
from dsx.base.errors import DsxError
from dsx.results.reference import load_reference
from dsx.study.study import Study


def study(folder: Path) -> Study:
    space = dsx.load_space("RegNetX-digits")
    request = {"n": 3, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    return Study.create(folder, dsx.sample(space, n=3, seed=0), space.to_dict(), request, 0)


def test_studies_that_are_not_finished_are_refused(tmp_path: Path) -> None:
    study(tmp_path / "runs" / "RegNetX-digits")
    with pytest.raises(DsxError, match=r"3 pending: `dsx launch .*` first"):
        main([str(tmp_path / "runs"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_finished_studies_become_tables_with_networks_and_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = study(tmp_path / "RegNetX-digits")
    results = made.results().assign(state="done", error=[3.0, 4.0, 5.0], seconds=60.0)
    curves = pd.DataFrame({"run_id": results["run_id"], "model_id": results["model_id"], "epoch": 1, "error": 3.0})
    monkeypatch.setattr(Study, "counts", lambda self: dict.fromkeys(("pending", "running", "done"), 0))
    monkeypatch.setattr(Study, "results", lambda self: results)
    monkeypatch.setattr(Study, "curves", lambda self: curves)
    told = from_studies([made], tmp_path / "out")
    assert told.startswith(f"wrote {tmp_path / 'out'}: 1 table, 3 runs")
    reference = load_reference(tmp_path / "out")
    widths = reference.block_widths("RegNetX-digits")
    assert widths == [made.population[i].architecture.block_widths for i in range(3)]
    assert reference.manifest["device_hours"] == 0.05
    assert reference.manifest["hardware"]["cores"] >= 1
    assert "torch" in reference.manifest["libraries"]
