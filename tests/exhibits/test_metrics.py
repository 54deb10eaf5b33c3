"""Several metrics of a study: side by side, each in its own values, and one of them compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report.conftest import made_up

from dsx.base.errors import DsxError
from dsx.exhibits import exhibition
from dsx.exhibits.edf import EXHIBIT as EDF
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.exhibition import computed_of, show
from dsx.exhibits.metrics import EXHIBIT
from dsx.exhibits.studies import StudyFacts, by_metric
from dsx.exhibits.summary import EXHIBIT as SUMMARY
from dsx.recipes.metric import Metric

AP = Metric(name="ap", unit="%", better="higher", label="mean AP")
LOSS = Metric(name="loss", better="lower")
MIRRORED = Metric(name="off", unit="%", better="lower")


def detectors(name: str, shift: float = 0.0) -> StudyFacts:
    """A study that is compared by AP and reports a loss and 100 − AP too."""
    facts = made_up(name, shift=shift)
    error = facts.table["error"]
    reported = facts.table[[]].assign(ap=100 - error, loss=error / 10, off=error)
    return replace(facts, metrics=(AP, LOSS, MIRRORED), reported=reported)


@pytest.fixture(scope="module")
def studies() -> list[StudyFacts]:
    return [detectors("A", 3.0), detectors("B")]


def test_every_metric_has_a_row_in_its_own_values(studies: list[StudyFacts]) -> None:
    (computed,) = EXHIBIT.compute(Inquiry(studies))
    rows = computed.main.set_index(["study", "metric"])
    for study in studies:
        assert rows.loc[(study.name, "ap"), "mean"] == pytest.approx(study.reported["ap"].mean())
        assert rows.loc[(study.name, "ap"), "best"] == pytest.approx(study.reported["ap"].max())
        assert rows.loc[(study.name, "loss"), "median"] == pytest.approx(study.reported["loss"].median())
        assert rows.loc[(study.name, "loss"), "best"] == pytest.approx(study.reported["loss"].min())
        assert rows.loc[(study.name, "ap"), "median_low"] < rows.loc[(study.name, "ap"), "median_high"]
    note = "Studies are compared by mean AP; `dsx analyze --metric` compares them by another."
    assert EXHIBIT.section([computed], Inquiry(studies)).notes == (note,)


def test_ap_and_what_is_missing_to_100_give_the_same_verdicts_and_mirrored_numbers(
    studies: list[StudyFacts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exhibition, "exhibits", lambda: [SUMMARY])
    as_ap = Inquiry(studies)
    as_error = Inquiry([by_metric(study, "off") for study in studies])
    assert [pair.decision for pair in as_ap.decided.pairs] == [pair.decision for pair in as_error.decided.pairs]
    assert as_ap.decided.pairs[0].superiority == as_error.decided.pairs[0].superiority
    summaries = [computed_of(show(inquiry)[0], "summary") for inquiry in (as_ap, as_error)]
    sections = [SUMMARY.section([each], of) for each, of in zip(summaries, (as_ap, as_error), strict=True)]
    assert sections[0].grid.headers[2:] == ["mean mean AP %", "median mean AP %", "highest mean AP %"]
    assert sections[1].grid.headers[2:] == ["mean off %", "median off %", "lowest off %"]
    best = [float(section.grid.rows[0][-1].split()[0]) for section in sections]
    assert best[0] == pytest.approx(100 - best[1], abs=0.06)


def test_axes_tell_the_metrics_own_values(studies: list[StudyFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhibition, "exhibits", lambda: [EDF])
    shown = computed_of(show(Inquiry(studies))[0], "edf")
    ax = EDF.draw(shown, None)
    assert ax.get_xlabel() == "mean AP e (%)"
    assert ax.get_ylabel() == "F(e): share of models above e"
    assert ax.xaxis.get_major_formatter()(40.0, 0) == "60"
    best = max(study.reported["ap"].max() for study in studies[:1])
    assert any(f"max {best:.1f}" in text.get_text() for text in ax.get_legend().get_texts())


def test_another_metric_is_compared_where_it_is_asked_for_and_all_studies_have_to_have_it(
    studies: list[StudyFacts],
) -> None:
    by_loss = by_metric(studies[0], "loss")
    assert by_loss.table["error"].tolist() == studies[0].reported["loss"].tolist()
    assert by_loss.metrics == (LOSS, AP, MIRRORED)
    assert by_metric(studies[0], "ap") is studies[0]
    with pytest.raises(DsxError) as raised:
        by_metric(studies[0], "los")
    assert str(raised.value) == "--metric los: A has ap, loss, off. Did you mean loss?"
    with pytest.raises(DsxError) as raised:
        _ = Inquiry([studies[0], made_up("E")]).metric
    assert str(raised.value) == (
        "studies are compared by one metric (A: mean AP (%), higher is better; E: top-1 error (%), lower is better):"
        " choose one that all have with --metric"
    )
