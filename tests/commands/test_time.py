"""`dsx time`: both modes, measured."""

from __future__ import annotations

import pytest

from dsx.base.provenance import processor

from command_line import Command


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_time_reports_both_modes(dsx: Command, mode: str) -> None:
    done = dsx("time", "ResNet-56", "--resolution", 32, "--batch-size", 2, "--threads", 1)
    assert done.code == 0
    (row,) = (line.split() for line in done.out.splitlines() if f" {mode} " in line)
    assert float(row[2]) > 0
    assert done.out.splitlines()[-1].startswith(f"{processor()}, float32, 1 threads, torch ")
