"""How many models are enough."""

from __future__ import annotations

from report.conftest import made_up

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.sample_size import EXHIBIT


def test_distances_shrink_with_the_sample(computed):
    table = computed(EXHIBIT)[0].main
    assert table["n"].is_monotonic_increasing
    assert table["distance"].iloc[0] > table["distance"].iloc[-1]


def test_few_models_have_no_smaller_samples_to_speak_of():
    assert list(EXHIBIT.compute(Inquiry([made_up("few", n=7)]))) == []
