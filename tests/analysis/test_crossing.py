from __future__ import annotations

import numpy as np
import pytest
from error_laws import LAWS
from scipy import stats

from dsx.analysis.crossing import crossing, crossing_track
from dsx.analysis.verdict import decide

NAMES = ("a", "b")


def test_p_at_one_look_is_the_larger_of_the_two_one_sided_tests():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 60), rng.normal(0.2, 3, 50)
    sides = [stats.ks_2samp(a, b, side).pvalue for side in ("greater", "less")]
    assert crossing(NAMES, a, b).pvalue == pytest.approx(max(sides))


def test_curves_that_cross_are_found_and_the_verdict_says_neither():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 1500), rng.normal(0, 5, 1500)
    for comparison in (crossing(NAMES, a, b), crossing_track(NAMES, a, b).comparison):
        (verdict,) = decide([comparison], 0.95, None)
        assert (verdict.decision, verdict.direction) == ("neither", None)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_curves_of_which_one_lies_above_are_seldom_said_to_cross(shift):
    at_one = at_any = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        a, b = LAWS["gamma"](rng, 100), LAWS["gamma"](rng, 100) + shift
        at_one += crossing(NAMES, a, b).pvalue <= 0.05
        at_any += crossing_track(NAMES, a, b).comparison.pvalue <= 0.05
    assert max(at_one, at_any) / 200 <= 0.05


def test_evidence_at_any_look_is_never_taken_back_and_hangs_on_the_first_models_alone():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 1, 900), rng.normal(0, 6, 900)
    track = crossing_track(NAMES, a, b)
    assert (np.diff(track.pvalue) <= 0).all()
    assert crossing_track(NAMES, a[:400], b[:500]).pvalue.tolist() == track.pvalue[:400].tolist()


def test_no_models_yet_cross_nothing():
    assert crossing_track(NAMES, np.array([]), np.array([1.0])).comparison.pvalue == 1
