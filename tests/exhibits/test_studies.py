"""What is known of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report.conftest import made_up, with_failures

import dsx
from dsx.base.units import format_range
from dsx.exhibits.studies import StudyFacts, imported
from dsx.results.readers import Results


def test_structure_of_the_networks_joins_the_results():
    facts = with_failures(made_up("E"))
    assert len(facts.whole) == 24
    assert len(facts.models) == 23  # one failed, the diverged one counts
    assert {"stages", "total_depth", "first_width"} <= set(facts.whole.columns)


def test_results_alone_are_enough():
    table = made_up("E").table
    facts = StudyFacts("E", table)
    assert facts.whole is table
    assert facts.fitted.empty


def test_fits_are_in_the_order_of_the_models():
    facts = made_up("E", n=8)
    assert facts.fitted["error"].tolist() == pytest.approx(facts.models["error"].tolist())
    assert (facts.fitted["e_fit"].dropna() >= 0).all()


def test_the_space_of_a_file_is_known_where_all_networks_are_of_the_one_it_names() -> None:
    table = made_up("R", space="RegNetX-digits").table
    results = {"whole": table, "elsewhere": table.assign(space="MySpace"), "without": table.drop(columns="space")}
    results |= {"another": table.assign(space="AnyNetXA-digits"), "deeper": table.assign(depth=table["depth"] + 40)}
    facts = imported(Results(Path("file.csv"), "CSV table", results))
    # drawn from a narrower window, perhaps: the space is what the models span
    spans = {f"constraints.{by}": format_range(table[by].min(), table[by].max()) for by in ("flops", "params", "acts")}
    assert facts["whole"].space == dsx.load_space("RegNetX-digits", spans)
    assert [name for name, each in facts.items() if each.space is None] == [*results][1:]


def test_curves_and_stages_of_a_foreign_file_are_those_of_its_best_and_worst_runs() -> None:
    table = made_up("R").table
    curves = [{"error": np.array([50.0, error]), "train_error": np.array([40.0, 1.0])} for error in table["error"]]
    facts = imported(Results(Path("sweep.json"), "pycls sweep.json", {"R": table}, curves={"R": curves}))["R"]
    last = facts.curves[facts.curves["epoch"] == 2]
    errors = sorted(table["error"])
    assert last["error"].tolist() == pytest.approx([*errors[:5], errors[11], *errors[-5:]])
    assert {"run_id", "model_id", "train_error"} <= set(facts.curves.columns)
    assert ("curves", "in the file") in facts.settings
    bare = imported(Results(Path("sweep.json"), "pycls sweep.json", {"R": table}, curves={"R": [{}] * 24}))["R"]
    assert bare.curves is None
    assert ("curves", "none in the file") in bare.settings
