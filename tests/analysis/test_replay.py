import numpy as np
import pandas as pd
import pytest

import dsx
from dsx.analysis.decisions import decisions_at_any_look
from dsx.analysis.replay import models_to_decide
from dsx.analysis.verdict import Margin

REFERENCE = dsx.load_reference().tables


def first_decided(populations, name_a, name_b, margin=None):
    """By looking after every model, from the start, until the pair is decided."""
    for n in range(1, 65):
        looks = decisions_at_any_look({name: table[:n] for name, table in populations.items()}, margin=margin)
        (verdict,) = [v for v in looks if (v.a, v.b, v.measure) == (name_a, name_b, "error")]
        if verdict.decision != "undecided":
            return verdict.decision, n
    return "undecided", None


@pytest.mark.slow
def test_the_number_is_that_of_the_first_look_at_which_the_pair_is_decided():
    names = ["AnyNetXC-digits", "AnyNetXD-digits", "RegNetX-digits"]
    populations = {name: REFERENCE[name] for name in names}
    table = models_to_decide(populations)
    assert table[["a", "b"]].to_numpy().tolist() == [[names[0], names[1]], [names[0], names[2]], [names[1], names[2]]]
    for row in table.to_dict("records"):
        pair = (row["a"], row["b"])
        alone = first_decided({name: populations[name] for name in pair}, *pair)
        both = [(row["decision"], row["models"]), (row["decision_alone"], row["models_alone"])]
        expected = [first_decided(populations, *pair), alone]
        assert [(d, None if pd.isna(n) else n) for d, n in both] == expected
    assert table["models"].notna().any()
    assert (table["models_alone"].fillna(999) <= table["models"].fillna(999)).all()


def test_with_a_margin_equivalence_is_a_decision_too():
    errors = np.random.default_rng(0).normal(5, 1, 400)
    (row,) = models_to_decide({"a": errors, "b": errors[::-1]}, margin=Margin(0.2)).to_dict("records")
    assert (row["decision"], row["decision_alone"]) == ("equivalent", "equivalent")
    assert row["models"] == row["models_alone"] < 400
    (row,) = models_to_decide({"a": errors, "b": errors[::-1]}).to_dict("records")
    assert row["decision"] == "undecided"
    assert pd.isna(row["models"])
