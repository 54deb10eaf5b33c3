"""The report as text: what it says, that it is safe, complete and the same again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report.conftest import EVIL, made_up, with_failures

from dsx import analysis
from dsx.report import Inquiry, StudyFacts, render, write_report


def text_of(page: str) -> str:
    """What a reader sees, roughly: tags and scripts taken away, white space joined."""
    page = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def data_of(page: str) -> dict:
    """The JSON that the page's script reads."""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def pair() -> list[StudyFacts]:
    return [made_up("A", shift=2.0, space="AnyNetXA-digits"), made_up("E")]


@pytest.fixture(scope="module")
def page(pair: list[StudyFacts]) -> str:
    return render(Inquiry(pair), question="Is E better than A?", command="dsx run mine")


def test_the_question_the_finding_and_the_counts_stand_in_the_page(page: str, pair: list[StudyFacts]) -> None:
    told = text_of(page)
    assert "Is E better than A?" in told
    finding = analysis.verdict_sentence(analysis.decisions({each.name: each.table for each in pair}).of("A", "E"))
    assert finding in told
    assert finding.startswith("E is better than A: a model of E beats one of A with probability ")
    assert told.index("Verdicts") < told.index("Error distributions")
    assert "A : 24 models: 24 done, 0 diverged, 0 failed, 0 pending" in told
    assert "dsx run mine" in told


def test_numbers_of_the_page_are_those_of_the_analysis(page: str, pair: list[StudyFacts]) -> None:
    low, median, high = analysis.best_range(pair[1].networks["total_depth"], pair[1].table["error"])
    assert f"{median:.3g} ({low:.3g}–{high:.3g})" in text_of(page)
    study = data_of(page)["studies"][1]
    assert study["error"] == pytest.approx(np.sort(pair[1].table["error"]), rel=1e-5)
    assert study["share"][-1] == 1
    assert study["half"] == pytest.approx(np.sqrt(np.log(2 / 0.05) / 48), rel=1e-5)
    best = pair[1].table.sort_values("error").iloc[0]
    assert study["id"][0] == best["model_id"]
    depths = [stage[0] for stage in study["stages"][0]]
    assert depths == [best[f"depth_{i}"] for i in range(1, 5)]


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=\"(?!data:)", own)
    assert "default-src 'none'" in page
    assert page.count("<html") == 1


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(pair: list[StudyFacts], page: str, tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", Inquiry(pair), question="Is E better than A?", command="dsx run mine")
    assert path.read_text(encoding="utf-8") == page


@pytest.mark.slow
def test_strings_from_outside_are_escaped_everywhere() -> None:
    evil = with_failures(made_up(EVIL), EVIL)
    page = render(Inquiry([evil]), question=EVIL, command=EVIL)
    assert "<script>window.hacked" not in page
    assert "<img src=x" not in page
    assert "{{ 7 * 7 }}" in page
    assert data_of(page)["studies"][0]["name"] == EVIL


@pytest.mark.slow
def test_names_with_dollar_signs_are_no_formulas() -> None:
    page = render(Inquiry([made_up(r"a$\frac{$b", n=3)]))
    assert r"a$\frac{$b" in text_of(page)


@pytest.mark.slow
def test_five_percent_failures_are_counted_grouped_and_warned_of() -> None:
    told = text_of(render(Inquiry([with_failures(made_up("E", n=40))])))
    assert "37 done, 1 diverged (counted at chance error 90 %), 2 failed" in told
    assert "E: 2 models failed" in told
    assert "2 × out_of_memory: CUDA out of memory" in told
    assert "2 of 40 models (5 %) have no error" in told


@pytest.mark.slow
def test_one_model_is_described_without_intervals() -> None:
    told = text_of(render(Inquiry([made_up("E", n=1)])))
    assert "among 1 model" in told
    assert "nan" not in told.lower().replace("finance", "")


@pytest.mark.parametrize("state", ["pending", "failed", "running"])
def test_no_finished_model_makes_a_page_that_says_so(state: str) -> None:
    page = render(Inquiry([made_up("E", state=state, error=np.nan)]))
    assert "No model has finished yet" in text_of(page)
    assert f"24 {state}" in text_of(page)
    assert "Plotly" not in page


@pytest.mark.slow
def test_all_diverged_and_a_study_without_results_beside_it() -> None:
    page = render(
        Inquiry([made_up("all", state="diverged", error=90.0), made_up("none", state="pending", error=np.nan)])
    )
    told = text_of(page)
    assert "24 diverged (counted at chance error 90 %)" in told
    assert [study["name"] for study in data_of(page)["studies"]] == ["all"]
    assert "nan" not in told.lower()


@pytest.mark.slow
def test_different_recipes_are_warned_of() -> None:
    told = text_of(render(Inquiry([made_up("A"), made_up("B", recipe="mnist v1")])))
    assert "Careful: The models were trained with different recipes" in told


@pytest.mark.slow
def test_measured_inference_times_are_fitted_and_are_no_parameter() -> None:
    facts = made_up("E", n=30)
    facts = made_up("E", n=30, inference_ms=1e-3 * facts.table["acts"])
    page = render(Inquiry([facts]))
    assert "inference time ∝ activationsˢ 1.00 (1.00–1.00), R² 1.00" in text_of(page)
    assert "inference ms" not in text_of(page)
    assert "inference_ms" in [column["name"] for column in data_of(page)["columns"]]


@pytest.mark.slow
def test_a_table_from_elsewhere_needs_only_errors() -> None:
    table = pd.DataFrame({"error": [3.0, 4.0, 5.0, np.nan], "lr": [0.1, 0.2, 0.3, 0.4]})
    page = render(Inquiry([StudyFacts("theirs", table)]))
    assert "3 done, 0 diverged, 1 failed" in text_of(page)
    assert [column["name"] for column in data_of(page)["columns"]] == ["lr"]


@pytest.mark.slow
def test_quantities_that_never_differ_are_named_and_not_listed() -> None:
    told = text_of(render(Inquiry([made_up("E", weight_decay=5e-4)])))
    assert "The same in all models, hence not listed: weight decay." in told
    assert told.count("weight decay") == 1


@pytest.mark.slow
def test_the_scatter_of_each_study_has_its_own_range_of_errors() -> None:
    page = render(Inquiry([made_up("far", shift=40.0), made_up("near")]))
    for study in data_of(page)["studies"]:
        low, high = study["limits"]
        assert low < min(study["error"]) <= max(study["error"]) < high
        assert high - low < 20


@pytest.mark.slow
def test_studies_of_one_space_at_several_scales_have_trends() -> None:
    small, large = made_up("small"), made_up("large")
    large = made_up("large", flops=large.table["flops"] * 10)
    told = render(Inquiry([small, large]))
    assert "how the best ranges move with it" in told
    assert "best ranges of parameters against flops" in told
    assert "how the best ranges move with it" not in render(Inquiry([small, made_up("alike")]))


@pytest.mark.slow
def test_a_study_without_curves_is_named() -> None:
    facts = made_up("E")
    told = text_of(render(Inquiry([StudyFacts("bare", facts.table, facts.networks), facts])))
    assert "No training curves are known of bare." in told
    assert "Of each study the 5 best runs, the median and the 5 worst." in told


@pytest.mark.slow
def test_many_models_are_thinned_in_the_charts_alone_and_the_page_says_so() -> None:
    n = 100_000
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"model_id": [f"m{i}" for i in range(n)], "state": "done", "error": rng.gamma(4, 2, n)})
    page = render(Inquiry([StudyFacts("many", table.assign(depth=rng.integers(1, 20, n)))]))
    study = data_of(page)["studies"][0]
    assert len(study["error"]) == 1500
    assert study["n"] == n
    assert [study["error"][0], study["error"][-1]] == pytest.approx(
        [table["error"].min(), table["error"].max()], rel=1e-5
    )
    assert "evenly over their ranks: many: 1,500 of 100,000." in text_of(page)
    assert len(page) < 9e6
