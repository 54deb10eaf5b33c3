"""Results tables for the tests of the figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    """Where some other test has loaded pyplot, it keeps the figures of these."""
    yield
    plt.close("all")


@pytest.fixture
def results() -> pd.DataFrame:
    """60 models with parameters: one diverged, one failed, one without a depth."""
    rng = np.random.default_rng(0)
    n = 60
    depth = rng.integers(1, 17, n).astype(float)
    table = pd.DataFrame(
        {
            "model_id": [f"m{i}" for i in range(n)],
            "state": "done",
            "error": 30 + 0.05 * (depth - 6) ** 2 + rng.gamma(2, 1, n),
            "flops": rng.uniform(2e8, 16e8, n),
            "seconds": rng.gamma(9, 1, n),
            "depth": depth,
            "width_1": 8 * rng.integers(1, 129, n),
            "kind": "x",
        }
    )
    table["acts"] = 6.5e6 * np.sqrt(table["flops"] / 1e9)
    table.loc[0, ["state", "error"]] = ["diverged", 90.0]
    table.loc[1, ["state", "error"]] = ["failed", np.nan]
    table.loc[2, "depth"] = np.nan
    return table


@pytest.fixture
def curves() -> pd.DataFrame:
    """Training curves of 5 models over 4 epochs; the last one's loss is not finite at the end."""
    rows = [
        {"model_id": f"m{i}", "epoch": e, "error": 50.0 / e + i, "loss": np.nan if (i, e) == (4, 4) else 2.0 / e}
        for i in range(5)
        for e in range(1, 5)
    ]
    return pd.DataFrame(rows)


def words(ax) -> str:
    """All text of some axes that is not a tick."""
    legend = ax.get_legend()
    told = [t.get_text() for t in ax.texts] + [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    return "\n".join(
        told + ([t.get_text() for t in legend.get_texts()] + [legend.get_title().get_text()] if legend else [])
    )


@pytest.fixture
def text_of():
    return words
