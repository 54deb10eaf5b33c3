from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError


def test_the_interval_leaves_out_half_of_the_rest_on_either_side():
    freedom = np.array([1.0, 7.5, 400.0])
    assert students_reach(freedom, 0.9) == pytest.approx(stats.t.ppf(0.95, freedom))


def test_a_level_that_is_none_is_told():
    with pytest.raises(DsxError, match="level = 95"):
        students_reach(3, 95)
