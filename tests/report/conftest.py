"""Studies for the tests of the report: results, networks, curves and failures made up from real populations."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report.browser import found, open_browser
from selenium import webdriver

import dsx
from dsx.report import StudyFacts
from dsx.results.structure import network_table
from dsx.study.status import FailureGroup

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>&amp;\u2028{{ 7 * 7 }}"


def made_up(
    name: str, n: int = 24, shift: float = 0.0, space: str = "AnyNetXE-digits", **columns: object
) -> StudyFacts:
    """Facts of a study of n real networks with made-up errors that fall with depth."""
    sampled, networks = (table.copy() for table in _sampled(space, n))
    rng = np.random.default_rng(n)
    error = 4 + shift - 0.1 * networks["total_depth"] + rng.gamma(2, 0.5, n)
    table = sampled.assign(state="done", error=error, epochs=8, seconds=20.0, recipe="digits v1", failure=None)
    table["run_id"] = table["model_id"]
    return StudyFacts(name, table.assign(**columns), networks, curves_of(table))


@functools.cache
def _sampled(space: str, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table and networks of a population."""
    population = dsx.sample(dsx.load_space(space), n=n, seed=0)
    return population.table, network_table(population.model_ids, population.contents)


def curves_of(table: pd.DataFrame) -> pd.DataFrame:
    """Curves of the best, median and worst model."""
    picked = table.sort_values("error").iloc[[0, len(table) // 2, -1]] if len(table) else table
    rows = [
        {"run_id": row.run_id, "model_id": row.model_id, "epoch": epoch, "error": row.error + 20 / epoch}
        for row in picked.itertuples()
        for epoch in range(1, 9)
    ]
    return pd.DataFrame(rows)


def with_failures(facts: StudyFacts, message: str = "CUDA out of memory", share: float = 0.05) -> StudyFacts:
    """The same study, of which a share of the models failed and one diverged."""
    table = facts.table.copy()
    failed = max(1, round(share * len(table)))
    table.loc[: failed - 1, ["state", "error"]] = ["failed", np.nan]
    table.loc[failed, ["state", "error"]] = ["diverged", 90.0]
    group = FailureGroup(
        "out_of_memory", message, table["model_id"][:failed].tolist(), "dsx launch x --retry all", message
    )
    settings, commands = [("space", message)], [f"dsx sample --space {message}"]
    return StudyFacts(facts.name, table, facts.networks, facts.curves, [group], [message], settings, message, commands)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Chromium; a test that needs it is skipped without, which fails where everything is required."""
    if not found():
        pytest.skip("Chromium is missing: apt-get install chromium chromium-driver")
    with open_browser(tmp_path / "profile") as driver:
        yield driver
