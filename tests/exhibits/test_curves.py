"""Training curves of the best, median and worst run."""

from __future__ import annotations

from dataclasses import replace

from dsx.exhibits.curves import EXHIBIT
from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def test_errors_of_training_and_of_averaged_weights_stand_beside(inquiry):
    study = inquiry.studies[0]
    curves = study.curves.assign(train_error=study.curves["error"] - 1, ema_error=study.curves["error"] - 0.5)
    (each,) = EXHIBIT.compute(Inquiry([replace(study, curves=curves)]))
    axes = EXHIBIT.draw(each, None)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[-2:] == ["averaged weights", "training error"]
    drawn = [tuple(line.get_ydata()) for line in axes.lines if len(line.get_ydata())]
    for _, run in each.main.groupby("run_id"):
        assert {tuple(run[c]) for c in ("error", "train_error", "ema_error")} <= set(drawn)


def test_three_roles_are_drawn(computed):
    each = computed(EXHIBIT)[0]
    assert list(dict.fromkeys(each.main["role"])) == ["best", "median", "worst"]
    assert EXHIBIT.draw(each, None).get_xlabel() == "epoch"


def test_a_single_epoch_makes_no_curve(inquiry):
    study = inquiry.studies[0]
    short = Inquiry([replace(study, curves=study.curves[study.curves["epoch"] == 1])])
    assert list(EXHIBIT.compute(short)) == []
    assert EXHIBIT.section([], short).sentences == (f"{study.name}: one epoch alone is known, which makes no curve.",)


def test_studies_without_curves_are_named(inquiry):
    bare = Inquiry([StudyFacts("theirs", inquiry.tables["A"])])
    assert list(EXHIBIT.compute(bare)) == []
    assert EXHIBIT.section([], bare).sentences == ("No training curves are known of theirs.",)
