"""What may be said of which study is better, and that nothing else is said anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest
from error_laws import LAWS

from dsx import analysis
from dsx.analysis.decisions import Decisions
from dsx.analysis.verdict import Margin
from dsx.exhibits.edf_difference import EXHIBIT as EDF_DIFFERENCE
from dsx.exhibits.exhibit import Exhibit, Inquiry, exhibits
from dsx.exhibits.headline import conclusion, headline
from dsx.exhibits.studies import StudyFacts
from dsx.exhibits.summary import EXHIBIT as SUMMARY
from dsx.exhibits.verdicts import EXHIBIT, LOOKS
from dsx.report import render


def study(name: str, errors: np.ndarray, **columns: object) -> StudyFacts:
    rng = np.random.default_rng([len(errors), ord(name[-1])])
    sizes = {size: rng.uniform(400, 440, len(errors)) for size in ("flops", "params", "acts")}
    return StudyFacts(name, pd.DataFrame({"error": errors, **sizes}).assign(**columns))


def equal(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study(name, LAWS["gamma"](rng, 40)) for name in ("SpaceA", "SpaceB", "SpaceC")]


def different(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study(f"Space{name}", shift + LAWS["gamma"](rng, 60)) for name, shift in zip("ABCD", range(4), strict=True)]


def nearly_different(rng: np.random.Generator) -> Sequence[StudyFacts]:
    """Told apart at one look, and not at any."""
    return [study("SpaceA", rng.normal(10, 1, 64)), study("SpaceB", rng.normal(9.35, 1, 64))]


def means_against_verdict(rng: np.random.Generator) -> Sequence[StudyFacts]:
    """The better one by most models has a few diverged ones, and so the higher mean."""
    errors = np.where(np.arange(120) % 10 == 3, 90.0, rng.normal(5, 0.3, 120))
    return [study("SpaceA", errors), study("SpaceB", rng.normal(7, 0.3, 120))]


def means_apart_and_nothing_shown(rng: np.random.Generator) -> Sequence[StudyFacts]:
    """A bootstrap of the means tells them apart, by diverged models alone."""
    errors = np.where(np.arange(80) % 9 == 3, 90.0, rng.normal(5, 0.3, 80))
    return [study("SpaceA", errors), study("SpaceB", rng.normal(5, 0.3, 80))]


def crossing(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study("SpaceA", rng.normal(40, 1, 800)), study("SpaceB", rng.normal(40, 9, 800))]


def alike(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study(name, LAWS["gamma"](rng, 900)) for name in ("SpaceA", "SpaceB")]


def few(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study("SpaceA", np.array([1.0, 2.0])), study("SpaceB", np.array([7.0, 8.0]))]


def all_equal(rng: np.random.Generator) -> Sequence[StudyFacts]:
    return [study("SpaceA", np.full(30, 5.0)), study("SpaceB", np.full(30, 5.0))]


def larger_and_better(rng: np.random.Generator) -> Sequence[StudyFacts]:
    """One has the larger models and so the lower errors; of equal size none is better."""
    studies = []
    for name, shape in (("SpaceA", (3, 1)), ("SpaceB", (1, 3))):
        size = 400 + 100 * rng.beta(*shape, 150)
        studies.append(study(name, 60 - 0.1 * size + rng.gamma(2, 1, 150), flops=size))
    return studies


def half_trained(rng: np.random.Generator) -> Sequence[StudyFacts]:
    first, second = study("SpaceA", rng.normal(5, 1, 60)), study("SpaceB", rng.normal(8, 1, 60))
    state = np.where(np.arange(60) % 12 == 11, "pending", "done")
    table = first.table.assign(state=state, error=first.table["error"].where(state == "done"))
    return [StudyFacts("SpaceA", table), second]


KINDS = {
    kind.__name__: kind
    for kind in (
        equal, different, nearly_different, means_against_verdict, means_apart_and_nothing_shown, crossing, alike, few,
        all_equal, larger_and_better, half_trained,
    )
}  # fmt: skip


def sentences(inquiry: Inquiry) -> Iterator[str]:
    """All that is said of an inquiry: on the terminal, in the tables' words, in the report's sections, in legends."""
    yield from headline(next(iter(SUMMARY.compute(inquiry))).main, inquiry.decided, inquiry.level)
    yield from conclusion(inquiry.decided)
    for exhibit in exhibits():
        if exhibit.name in ("pictures", "networks", "pairs", "sample_size", "marginals", "scatter", "linear"):
            continue  # of one study each
        computed = list(exhibit.compute(inquiry))
        for each in computed:
            yield from exhibit.told(each) if exhibit.told else ()
            for table in each.tables.values():
                yield from table["words"] if "words" in table.columns else ()
        if exhibit.section and computed:
            section = exhibit.section(computed, inquiry)
            yield from (section.intro, *section.folded, *section.notes, *section.sentences)
    for each in EDF_DIFFERENCE.compute(inquiry):
        axes = EDF_DIFFERENCE.draw(each, None)
        others = [name for name in each.values["errors"]]
        legend = axes.get_legend()
        for text in legend.get_texts() if legend is not None else ():
            name = text.get_text().removesuffix(" is ahead")
            yield text.get_text() + (f" of {next(o for o in others if o != name)}" if name in others else "")


NAME = r"(Space[A-D])"
BETTER = re.compile(rf"{NAME} is better than ((?:{NAME}(?:, | and )?)+)( at equal \w+)?")
AHEAD = re.compile(rf"{NAME} is ahead of {NAME}")
NEITHER = re.compile(rf"{NAME} and {NAME} are each ahead|Neither {NAME} nor {NAME} is better at every error")
SAME = re.compile(rf"{NAME} and {NAME} are equivalent( at equal \w+)?")
OPEN = re.compile(rf"(?:Undecided|cannot decide) between {NAME} and {NAME}( at equal \w+)?")
# words that claim something of two studies; what they stand in must be one of the sentences above
CLAIM = re.compile(r"\b(better|lower|higher|worse|ahead|beats?|equivalent|superior|wins?|more of its)\b")
NEUTRAL = re.compile(
    r"no study could be shown to be better|studies could be shown to be better|could not? be shown to be ahead|could be"
    r" shown to be ahead at any error|is better at every error is undecided|a model of \w+ beats one of \w+ with"
    r" probability|are called equivalent|pairs? (?:is|are) equivalent within|Two are equivalent|which is better the"
    r" verdicts say|within it \w+ is ahead|Neither is better at every error|each is ahead somewhere"
)


def claims(text: str) -> Iterator[tuple[str, str, str, str]]:
    """(decision, better or first, other, measure) of every claim in a text."""
    for first, several, _, measure in BETTER.findall(text):
        for other in re.findall(NAME, several):
            yield "better", first, other, measure.strip() or "error"
    for first, other in AHEAD.findall(text):
        yield "ahead", first, other, "at every error"
    for names in NEITHER.findall(text):
        first, other = (name for name in names if name)
        yield "neither", first, other, "at every error"
    for first, other, measure in SAME.findall(text):
        yield "equivalent", first, other, measure.strip() or "error"
    for first, other, measure in OPEN.findall(text):
        yield "undecided", first, other, measure.strip() or "error"


def allowed(claim: tuple[str, str, str, str], decided: Decisions) -> bool:
    """Whether a verdict says just that."""
    kind, first, other, measure = claim
    a, b = sorted((first, other))
    verdict = decided.of(a, b, measure)
    if kind == "ahead":
        return first in decided.ahead_somewhere(a, b)
    if kind == "better":
        return verdict is not None and verdict.decision == ("a better" if first == a else "b better")
    return verdict is not None and verdict.decision == kind


@pytest.mark.slow
@pytest.mark.parametrize("looks", ["any", "one"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_says_what_no_verdict_says(kind: str, looks: str) -> None:
    studies = KINDS[kind](np.random.default_rng(11))
    inquiry = Inquiry(studies, margin=Margin(0.1) if kind in ("alike", "all_equal") else None, looks=looks)
    said = [text for text in sentences(inquiry) if text != LOOKS]
    made = [claim for text in said for claim in claims(text)]
    assert made
    assert [claim for claim in made if not allowed(claim, inquiry.decided)] == []
    rest = [re.sub("|".join(p.pattern for p in (BETTER, AHEAD, NEITHER, SAME, NEUTRAL)), "", text) for text in said]
    assert [text for text in rest if CLAIM.search(text)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_simulated_studies_are_what_they_are_called(kind: str) -> None:
    inquiry = Inquiry(KINDS[kind](np.random.default_rng(11)), margin=Margin(0.1) if kind == "alike" else None)
    one, any_, decided = inquiry.decided.one[0], inquiry.decided.any[0], inquiry.decided
    decisions = {
        "equal": ("undecided", "undecided"), "different": ("a better", "a better"),
        "nearly_different": ("b better", "undecided"), "means_against_verdict": ("a better", "a better"),
        "means_apart_and_nothing_shown": ("undecided", "undecided"), "crossing": ("undecided", "undecided"),
        "alike": ("equivalent", "equivalent"), "few": ("undecided", "undecided"),
        "all_equal": ("undecided", "undecided"), "larger_and_better": ("a better", "a better"),
        "half_trained": ("a better", "undecided"),
    }  # fmt: skip
    assert (one.decision, any_.decision) == decisions[kind]
    if kind == "crossing":
        assert decided.of("SpaceA", "SpaceB", "at every error").decision == "neither"
    if kind == "larger_and_better":
        assert decided.of("SpaceA", "SpaceB", "at equal flops").decision == "undecided"
    if kind.startswith("means"):
        row = analysis.compare(*(each.table["error"] for each in inquiry.studies))
        assert row["mean_difference_low"] > 0  # A has the higher mean


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["different", "nearly_different", "few"])
def test_no_sentence_of_the_page_says_what_no_verdict_says(kind: str) -> None:
    inquiry = Inquiry(KINDS[kind](np.random.default_rng(11)))
    page = re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", render(inquiry), flags=re.DOTALL)
    made = list(claims(" ".join(re.sub(r"<[^>]+>", " ", page).split())))
    assert made
    assert [claim for claim in made if not allowed(claim, inquiry.decided)] == []


@pytest.mark.slow
def test_analyses_of_equal_studies_seldom_say_anything_and_a_planted_difference_is_found() -> None:
    told = {"any": 0, "one": 0}
    found = {"any": 0, "one": 0}
    spoken: list[Exhibit] = [each for each in exhibits() if each.name in ("verdicts", "dominance", "matched")]
    repeats = 80
    for repeat in range(repeats):
        rng = np.random.default_rng([12, repeat])
        for shift, hits in ((0.0, told), (1.5, found)):
            errors = (LAWS["diverged"](rng, 48) + add for add in (0.0, 0.0, shift))
            studies = [study(name, e) for name, e in zip(("SpaceA", "SpaceB", "SpaceC"), errors, strict=True)]
            for looks in hits:
                inquiry = Inquiry(studies, looks=looks)
                computed = [(exhibit, each) for exhibit in spoken for each in exhibit.compute(inquiry)]
                said = [*conclusion(inquiry.decided), *(words for _, each in computed for words in each.main["words"])]
                made = [claim for text in said for claim in claims(text) if claim[0] != "undecided"]
                hits[looks] += any(claim[2] == "SpaceC" for claim in made) if shift else bool(made)
    assert max(told.values()) / repeats <= 0.05 + 2.5 * (0.05 * 0.95 / repeats) ** 0.5, told
    assert found["one"] >= 0.9 * repeats, found
    assert found["any"] >= 0.58 * repeats, found


def test_the_table_has_both_looks_and_what_they_rest_on(inquiry: Inquiry) -> None:
    (each,) = EXHIBIT.compute(inquiry)
    row = each.main.iloc[0]
    one, any_ = inquiry.decided.one[0], inquiry.decided.any[0]
    assert (row["verdict_any"], row["verdict_one"], row["verdict"]) == (any_.decision, one.decision, any_.decision)
    assert (row["pvalue_any"], row["pvalue_one"]) == (any_.adjusted, one.adjusted)
    assert (row["n_a"], row["n_b"], row["decided_at"]) == (24, 23, any_.decided_at)
    assert EXHIBIT.told(each) == [analysis.verdict_sentence(pair) for pair in inquiry.decided.pairs]


def test_the_section_explains_the_looks_and_lists_every_measure_of_few_pairs(inquiry: Inquiry) -> None:
    section = EXHIBIT.section(list(EXHIBIT.compute(inquiry)), inquiry)
    assert section.intro == LOOKS
    assert LOOKS.count(". ") == 1
    assert [row[0] for row in section.grid.rows] == [
        "A – E", "A – E, at equal flops", "A – E, at equal params", "A – E, at equal acts", "A – E, at every error",
    ]  # fmt: skip
    assert section.grid.rows[0][2] == "E better"
    assert section.notes[1] == "No two are called equivalent, as no margin was given (--margin)."


def test_of_many_pairs_only_decided_ones_are_listed_beside_the_errors_as_they_are() -> None:
    inquiry = Inquiry(different(np.random.default_rng(0)), margin=Margin(0.5, "points"), looks="one")
    section = EXHIBIT.section(list(EXHIBIT.compute(inquiry)), inquiry)
    shown = [row for row in section.grid.rows if "," in row[0]]
    assert 0 < len(section.grid.rows) - len(shown) == 6
    assert all({row[1], row[2]} != {"undecided"} for row in shown)
    hidden = 30 - len(section.grid.rows)
    assert section.notes[0].startswith("Sentences state the verdicts at one look. The chance that any of the 30 ")
    assert section.notes[0].endswith(f" The other {hidden} comparisons, all undecided, are in verdicts.csv.")
    shown = "Two are equivalent if they are shown to differ by less than 0.5 points"
    assert section.notes[1] == f"{shown}: their p is then that of equivalence."


def test_beside_equivalent_stands_the_p_of_equivalence() -> None:
    inquiry = Inquiry(alike(np.random.default_rng(11)), margin=Margin(0.1))
    (row, *_) = EXHIBIT.section(list(EXHIBIT.compute(inquiry)), inquiry).grid.rows
    at_one = inquiry.decided.one[0]
    assert row[2] == "equivalent"
    assert at_one.equivalence_adjusted < 0.001 < 0.05 < at_one.adjusted
    assert row[5] == "< 0.001"


@pytest.mark.parametrize("looks", ["any", "one"])
def test_at_one_look_it_is_said_that_the_models_that_finished_first_decide(looks: str) -> None:
    inquiry = Inquiry(half_trained(np.random.default_rng(11)), looks=looks)
    (each,) = EXHIBIT.compute(inquiry)
    said = (
        "SpaceA: 5 models are still to be trained: at one look those decided that finished first, which may be unlike"
        " the others."
    )
    assert (said in EXHIBIT.told(each)) == (looks == "one")
    assert (said in EXHIBIT.section([each], inquiry).notes) == (looks == "one")


def test_a_single_study_has_no_verdicts(inquiry: Inquiry) -> None:
    single = Inquiry(inquiry.studies[:1])
    each = list(EXHIBIT.compute(single))
    assert EXHIBIT.told(each[0]) == []
    assert not EXHIBIT.section(each, single)
