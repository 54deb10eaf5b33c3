"""Every sampled model is in the counts."""

from __future__ import annotations

from dsx.exhibits.counts import EXHIBIT


def test_states_add_up_to_what_was_sampled(computed):
    table = computed(EXHIBIT)[0].main.set_index("study")
    assert table.loc["E", ["done", "diverged", "failed", "running", "pending"]].tolist() == [22, 1, 1, 0, 0]
    assert table["models"].tolist() == [24, 24]
    assert "1 diverged (counted at chance error 90 %), 1 failed" in table.loc["E", "words"]
