from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from error_laws import LAWS, gamma
from hypothesis import given
from hypothesis import strategies as st

from dsx.analysis.rank_test import sorted_rank_test
from dsx.analysis.verdict import (
    Margin,
    check_looks,
    decide,
    equivalence_pvalue,
    parse_margin,
    ranked,
    step_down,
    verdicts,
)
from dsx.base.errors import DsxError


def claims(populations, **options):
    return [v for v in verdicts(populations, **options) if v.decision != "undecided"]


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("spaces", "n"), [(2, 5), (3, 12), (6, 50)])
def test_equal_spaces_are_seldom_told_apart(law, spaces, n):
    wrong = 0
    for repeat in range(200):
        rng = np.random.default_rng([n, repeat])
        wrong += bool(claims({str(i): LAWS[law](rng, n) for i in range(spaces)}))
    assert wrong / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


def test_equally_good_spaces_of_different_shape_are_seldom_told_apart():
    wrong = 0
    for repeat in range(400):
        rng = np.random.default_rng(repeat)
        wrong += bool(claims({"narrow": rng.normal(0, 1, 40), "wide": rng.normal(0, 3, 40)}))
    assert wrong / 400 <= 0.08


@pytest.mark.parametrize("n", [12, 60])
def test_a_difference_of_one_standard_deviation_is_found_in_its_direction(n):
    decided = []
    for repeat in range(100):
        rng = np.random.default_rng(repeat)
        decided.append(verdicts({"a": rng.normal(1, 1, n), "b": rng.normal(0, 1, n)})[0].decision)
    assert decided.count("b better") >= (55 if n == 12 else 99)
    assert decided.count("a better") == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_without_a_margin_the_correction_is_holms(pvalues):
    """Brute force: a hypothesis falls if all sets with it fall by Bonferroni."""
    places = range(len(pvalues))
    sets = [chosen for size in places for chosen in itertools.combinations(places, size + 1)]
    for i, corrected in enumerate(step_down(pvalues)[0]):
        worst = max(min(1.0, len(chosen) * min(pvalues[j] for j in chosen)) for chosen in sets if i in chosen)
        assert corrected == pytest.approx(worst)


@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)), min_size=1, max_size=4))
def test_with_a_margin_the_correction_is_that_of_closed_tests(pairs):
    """Brute force: a hypothesis falls if all sets with it that can be true at once fall by Bonferroni."""
    corrected = step_down(*zip(*pairs, strict=True))
    sets = list(itertools.product((0, 1, None), repeat=len(pairs)))
    for i, which in itertools.product(range(len(pairs)), (0, 1)):
        worst = 0.0
        for chosen in sets:
            if chosen[i] == which:
                members = [pairs[j][w] for j, w in enumerate(chosen) if w is not None]
                worst = max(worst, min(1.0, len(members) * min(members)))
        assert corrected[which][i] >= worst - 1e-12  # never bolder than the closed test
    first = min(p for pair in pairs for p in pair)
    assert min(min(c) for c in corrected) == pytest.approx(min(1.0, first * len(pairs)))


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [30, 200])
def test_spaces_that_differ_by_the_margin_are_seldom_called_equivalent(law, n):
    margin, wrong = 0.1, 0
    for repeat in range(200):
        rng = np.random.default_rng([n, repeat])
        # a model of b is worse than any of a with probability 0.2, else of the same law: superiority 0.6
        b = np.where(rng.random(n) < 2 * margin, 1000.0, LAWS[law](rng, n))
        wrong += verdicts({"a": LAWS[law](rng, n), "b": b}, margin=Margin(margin))[0].decision == "equivalent"
    assert wrong / 200 <= 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


def test_spaces_shifted_by_the_margin_in_points_are_seldom_called_equivalent():
    wrong = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        populations = {"a": gamma(rng, 50), "b": gamma(rng, 50) + 1.0}
        wrong += verdicts(populations, margin=Margin(1.0, "points"))[0].decision == "equivalent"
    assert wrong / 200 <= 0.08


def test_equal_spaces_are_equivalent_once_there_are_enough_models():
    rng = np.random.default_rng(0)
    populations = {"a": gamma(rng, 600), "b": gamma(rng, 600)}
    for margin in (Margin(0.1), Margin(1.0, "points")):
        assert verdicts(populations, margin=margin)[0].decision == "equivalent"
    assert verdicts(populations)[0].decision == "undecided"


def test_models_that_are_all_equal_claim_no_more_than_their_number_allows():
    for n, decision in ((10, "undecided"), (20, "equivalent")):
        same = np.full(n, 3.0)
        test = sorted_rank_test(same, same)
        assert equivalence_pvalue(test, same, same, Margin(0.1)) == pytest.approx(0.8**n)
        assert verdicts({"a": same, "b": same}, margin=Margin(0.1))[0].decision == decision


def test_two_models_and_one_decide_nothing():
    for n in (1, 2, 3):
        (verdict,) = verdicts({"a": np.arange(n), "b": 100 + np.arange(n)})
        assert verdict.decision == "undecided"
        assert not verdict.enough


def test_intervals_hold_all_true_values_at_once():
    missed = 0
    for repeat in range(200):
        rng = np.random.default_rng(repeat)
        missed += any(not v.low <= 0.5 <= v.high for v in verdicts({str(i): rng.random(20) for i in range(4)}))
    assert missed / 200 <= 0.05


def test_measures_are_corrected_together():
    rng = np.random.default_rng(3)
    populations = {"a": rng.normal(0, 1, 50), "b": rng.normal(0.6, 1, 50)}
    alone = verdicts(populations)[0]
    loss = {"a": rng.random(50), "b": rng.random(50)}
    both = decide(
        [
            ranked(("a", "b", measure), np.sort(values["a"]), np.sort(values["b"]))
            for measure, values in (("error", populations), ("loss", loss))
        ],
        0.95,
        None,
    )
    assert [v.measure for v in both] == ["error", "loss"]
    assert both[0].pvalue == pytest.approx(alone.pvalue, rel=0.3)
    assert both[0].adjusted == pytest.approx(2 * both[0].pvalue)
    assert {v.comparisons for v in both} == {2}


def test_one_population_and_none_have_no_verdicts():
    assert verdicts({"a": [1.0, 2.0]}) == verdicts({}) == ()


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [
        (0.5, "probability", "margin = 0.5: as a probability it lies between 0 and 0.5, such as 0.1"),
        (0.0, "points", "margin = 0.0: in points of error it is above 0, such as 0.5"),
    ],
)
def test_a_margin_that_is_none_is_refused(value, unit, message):
    with pytest.raises(DsxError) as refused:
        Margin(value, unit)
    assert str(refused.value) == message


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(1, 5)), min_size=1, max_size=4))
def test_weighted_correction_is_that_of_closed_tests(weighted):
    """Brute force: a hypothesis falls if all sets with it fall by a Bonferroni test with the weights."""
    pvalues, weights = zip(*weighted, strict=True)
    corrected, _ = step_down(pvalues, weights=weights)
    for i in range(len(pvalues)):
        sets = [s for k in range(1, 5) for s in itertools.combinations(range(len(pvalues)), k) if i in s]
        closed = max(min(pvalues[j] * sum(weights[m] for m in s) / weights[j] for j in s) for s in sets)
        assert corrected[i] >= min(1, closed) - 1e-9  # never bolder
    equal, _ = step_down(pvalues, weights=[3.0] * len(pvalues))
    assert equal == pytest.approx(step_down(pvalues)[0])


def test_what_weighs_more_needs_fewer_models():
    rng = np.random.default_rng(0)
    a, b = np.sort(rng.normal(0, 1, 8)), np.sort(rng.normal(3, 1, 8))
    comparisons = [ranked(("a", "b", name), a, b) for name in ("error", "loss")]
    heavy, light = decide([dataclasses.replace(comparisons[0], weight=4.0), comparisons[1]], 0.95, None)
    assert heavy.models_needed < light.models_needed
    assert heavy.high - heavy.low < light.high - light.low


@pytest.mark.parametrize(
    ("text", "margin"),
    [
        ("0.05", Margin(0.05)), ("1pt", Margin(1, "points")), ("0.5 points", Margin(0.5, "points")),
        (" 2 PTS", Margin(2, "points")), (".1", Margin(0.1)),
    ],
)  # fmt: skip
def test_a_margin_is_read_as_typed(text, margin):
    assert parse_margin(text) == margin


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5%", "margin = 5%: expected a distance from even odds such as 0.05, or points of error such as 1pt"),
        ("pt", "margin = pt: expected a distance from even odds such as 0.05, or points of error such as 1pt"),
        ("1", "margin = 1.0: as a probability it lies between 0 and 0.5, such as 0.1"),
        ("-1pt", "margin = -1.0: in points of error it is above 0, such as 0.5"),
    ],
)
def test_a_margin_that_cannot_be_read_is_one_clear_line(text, message):
    with pytest.raises(DsxError) as refusal:
        parse_margin(text)
    assert str(refusal.value) == message


def test_looks_are_any_or_one():
    assert [check_looks(looks) for looks in ("any", "one")] == ["any", "one"]
    with pytest.raises(DsxError) as refusal:
        check_looks("two")
    assert str(refusal.value) == (
        "looks = two: expected any (verdicts that hold however often one looks), or one (only if this is the only look)"
    )
