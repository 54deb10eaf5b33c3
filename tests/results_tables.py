"""Results tables for the tests of the statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

MakeTable = Callable[..., pd.DataFrame]


def make_table(errors, states=None, **columns) -> pd.DataFrame:
    """A results table of one study; a model without a state is done."""
    n = len(errors)
    table = pd.DataFrame(
        {
            "model_id": [f"m{i:05d}" for i in range(n)],
            "space": "Space",
            "state": ["done"] * n if states is None else list(states),
            "error": np.asarray(errors, dtype=float),
            "epochs": 8,
            "flops": np.linspace(360e6, 400e6, n),
            "recipe": "digits",
            "seed": 0,
        }
    )
    return table.assign(**columns)


@pytest.fixture
def table() -> MakeTable:
    return make_table


@pytest.fixture
def mixed() -> pd.DataFrame:
    """24 models: 22 done, 1 diverged at chance error, 1 failed."""
    rng = np.random.default_rng(3)
    errors = 2 + rng.gamma(2.0, 0.5, 24)
    errors[5], errors[11] = 90.0, np.nan
    states = ["done"] * 24
    states[5], states[11] = "diverged", "failed"
    return make_table(errors, states)
