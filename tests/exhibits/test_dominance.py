"""Which study is ahead somewhere."""

from __future__ import annotations

from dsx.exhibits.dominance import EXHIBIT


def test_p_values_are_there_corrected_and_not(computed):
    (row,) = computed(EXHIBIT)[0].main.to_dict("records")
    assert 0 <= row["b_ahead_pvalue"] <= row["b_ahead_pvalue_holm"] <= 1
    assert row["b_ahead"] > 0
    assert row["words"]
