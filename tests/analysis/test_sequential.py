from __future__ import annotations

import numpy as np
import pytest
from error_laws import LAWS, gamma

from dsx.analysis.sequential import (
    decide_tracks,
    sequential_evidence,
    sequential_verdicts,
    smallest_sequential_n,
    track,
)
from dsx.analysis.verdict import Margin
from dsx.analysis.verdict_words import verdict_sentence
from dsx.base.errors import DsxError


def test_exchanging_the_populations_mirrors_the_evidence():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 100).astype(float), rng.integers(0, 9, 100).astype(float)
    one, other = sequential_evidence(a, b, Margin(0.2)), sequential_evidence(b, a, Margin(0.2))
    assert one.a_better == pytest.approx(other.b_better)
    assert one.pvalue == pytest.approx(other.pvalue)
    assert one.equivalence_pvalue == pytest.approx(other.equivalence_pvalue)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_equal_spaces_are_seldom_told_apart_at_any_look_up_to_500(law):
    wrong = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        wrong += bool((sequential_evidence(LAWS[law](rng, 500), LAWS[law](rng, 500)).pvalue <= 0.05).any())
    assert wrong / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


@pytest.mark.slow
def test_equally_good_spaces_of_different_shape_are_seldom_told_apart_at_any_look():
    wrong = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        split = rng.choice([-1.0, 1.0], 500) + rng.normal(0, 0.01, 500)
        wrong += bool((sequential_evidence(rng.normal(0, 0.01, 500), split).pvalue <= 0.05).any())
    assert wrong / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


@pytest.mark.slow
def test_a_difference_is_found_in_its_direction_and_stays():
    looks = []
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        a, b = rng.normal(0, 1, 80), rng.normal(1, 1, 80)
        (verdict,) = sequential_verdicts({"a": a, "b": b})
        assert verdict.decision in ("a better", "undecided")
        looks.append(verdict.decided_at or 999)
    assert np.quantile(looks, 0.8) <= 45  # a fixed number with power 0.8 takes 20


@pytest.mark.slow
def test_decided_at_is_the_first_look_with_that_verdict():
    rng = np.random.default_rng(4)
    populations = {"a": gamma(rng, 120), "b": gamma(rng, 150) + 1, "c": gamma(rng, 90) + 2}
    looks = [sequential_verdicts({k: e[:n] for k, e in populations.items()}) for n in range(1, 151, 3)]
    for verdict in sequential_verdicts(populations):
        decisions = [next(v.decision for v in looked if (v.a, v.b) == (verdict.a, verdict.b)) for looked in looks]
        assert verdict.decision == decisions[-1] != "undecided"
        assert 0 <= 1 + 3 * decisions.index(verdict.decision) - verdict.decided_at < 3


def test_equivalence_at_any_look():
    rng = np.random.default_rng(0)
    a, b = gamma(rng, 600), gamma(rng, 600)
    for margin in (Margin(0.15), Margin(1.0, "points")):
        assert sequential_verdicts({"a": a, "b": b}, margin=margin)[0].decision == "equivalent"
    assert sequential_verdicts({"a": a, "b": b})[0].decision == "undecided"


@pytest.mark.slow
def test_spaces_that_differ_by_the_margin_are_seldom_called_equivalent_at_any_look():
    wrong = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        b = np.where(rng.random(400) < 0.3, 1000.0, rng.random(400))
        wrong += bool((sequential_evidence(rng.random(400), b, Margin(0.15)).equivalence_pvalue <= 0.05).any())
    assert wrong / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


def test_models_without_an_error_yet_make_later_ones_wait():
    a, b = -np.arange(20.0), np.arange(20.0) + 100
    a[12] = np.nan
    (verdict,) = sequential_verdicts({"a": a, "b": b})
    assert (verdict.n_a, verdict.n_b) == (12, 20)
    assert verdict.decided_at == smallest_sequential_n(0.05) == 9
    assert verdict.looks == "any"


def test_no_models_yet_is_undecided_and_says_how_many_it_takes():
    (verdict,) = sequential_verdicts({"A": [], "B": [np.nan]})
    assert verdict_sentence(verdict) == "0 and 0 models cannot decide between A and B: it takes at least 9 of each."


def test_smallest_number_of_pairs_can_be_reached_and_no_smaller():
    n = smallest_sequential_n(0.05)
    a, b = -np.arange(1.0, 30), np.arange(1.0, 30)
    pvalue = sequential_evidence(a, b).pvalue
    assert pvalue[n - 1] <= 0.05 < pvalue[n - 2]


def test_infinite_errors_are_refused():
    with pytest.raises(DsxError) as refused:
        sequential_verdicts({"A": [1.0, np.inf], "B": [1.0]})
    assert str(refused.value) == "A: infinite values: errors are percent; NaN stands for a model that has none yet"


def test_pairs_that_came_to_be_later_count_from_their_look_on():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 30), rng.normal(2, 1, 30)
    looks = 2 * np.arange(1, 31)  # a pair at every other look
    at_once, later = track(("a", "b", "error"), a, b), track(("a", "b", "error"), a, b, looks=looks)
    assert later.pvalue.size == 60
    assert later.pvalue[looks - 1].tolist() == at_once.pvalue.tolist()
    assert later.at(1) == (1.0, pytest.approx(np.nan, nan_ok=True))
    (first,), (second,) = decide_tracks([at_once], 0.95, None), decide_tracks([later], 0.95, None)
    assert second.decided_at == 2 * first.decided_at


@pytest.mark.parametrize("looks", [None, np.arange(1, 241)])
def test_what_was_decided_first_stays_whatever_comes(looks):
    """Also where the evidence for the other becomes the stronger."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 240), rng.normal(3, 1, 240)
    b[40:] = rng.normal(-4, 1, 200)
    said = {}
    for n in (20, 40, 80, 160, 240):
        given = None if looks is None else looks[:n]
        (verdict,) = decide_tracks([track(("a", "b", "error"), a[:n], b[:n], looks=given)], 0.95, None)
        said[n] = (verdict.decision, verdict.direction, verdict.decided_at)
    assert set(said.values()) == {("a better", "a", said[20][2])}
    evidence = sequential_evidence(a, b)
    assert evidence.b_better.max() > evidence.a_better.max() > 40
