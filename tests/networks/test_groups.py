"""Group adjustment against a step-by-step oracle in exact fractions, and against what stages accept."""

from fractions import Fraction
from math import lcm

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsx.networks.architecture import Stage
from dsx.networks.groups import adjust_groups

WHOLE = [Fraction(b) for b in (1, 2, 3, 4, 8)]
INVERTED = [Fraction(1, b) for b in (2, 3, 4, 6, 8)]
FRACTIONAL = [Fraction(3, 2), Fraction(2, 3), Fraction(5, 2), Fraction(3, 4)]


def by_steps(w: int, b: Fraction, g: int) -> tuple[int, int]:
    """The authors' rule, one step per line, for a whole b or a whole 1/b."""
    m = 1 / b
    v = max(1, int(w * m))
    g = min(g, v)
    k = lcm(g, int(m)) if m > 1 else g
    v = max(k, int(round(Fraction(v, k)) * k))
    return int(v / m), g


def adjust(w: int, b: Fraction, g: int) -> tuple[int, int]:
    width, group = adjust_groups(np.array([w]), np.array([float(b)]), np.array([g]))
    return int(width[0]), int(group[0])


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(w=st.integers(1, 2048), b=st.sampled_from(WHOLE + INVERTED), g=st.integers(1, 256))
def test_adjustment_follows_the_authors_steps(w, b, g):
    assert adjust(w, b, g) == by_steps(w, b, g)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(w=st.integers(1, 2048), b=st.sampled_from(WHOLE + INVERTED + FRACTIONAL), g=st.integers(1, 256))
def test_adjusted_widths_make_a_valid_stage_and_adjusting_again_changes_nothing(w, b, g):
    width, group = adjust(w, b, g)
    Stage(depth=1, width=width, bottleneck_ratio=float(b), group_width=group)
    assert adjust(width, b, group) == (width, group)


@pytest.mark.parametrize(
    ("w", "b", "g", "expected"),
    [
        (80, 1, 120, (80, 80)),  # RegNetX-8.0GF, stage 1: the group is no wider than the block
        (24, 1, 16, (32, 16)),  # 1.5 groups: half to even is 2
        (40, 1, 16, (32, 16)),  # 2.5 groups: half to even is 2
        (8, 4, 1, (8, 1)),
        (8, 4, 32, (8, 2)),
    ],
)
def test_worked_examples(w, b, g, expected):
    assert adjust(w, Fraction(b), g) == expected


def test_arrays_of_two_dimensions_are_adjusted_entry_by_entry():
    rng = np.random.default_rng(0)
    w, g = rng.integers(1, 1024, (50, 4)), rng.integers(1, 64, (50, 4))
    b = rng.choice([0.25, 0.5, 1.0, 2.0, 4.0], (50, 4))
    width, group = adjust_groups(w, b, g)
    for i in np.ndindex(w.shape):
        assert (width[i], group[i]) == by_steps(int(w[i]), Fraction(b[i]), int(g[i]))
