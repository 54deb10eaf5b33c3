"""How every parameter is distributed."""

from __future__ import annotations

import pytest

from dsx.exhibits.marginals import EXHIBIT


def test_shares_of_each_parameter_add_up_to_one(computed):
    for each in computed(EXHIBIT):
        shares = each.main.groupby("parameter")[["all", "likely_best"]].sum()
        assert shares.to_numpy().ravel() == pytest.approx(1)
        assert each.values["unknown"] == dict.fromkeys(shares.index, 0) | each.values["unknown"]
