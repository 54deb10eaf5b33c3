"""What may be said of which study is better: one verdict on each pair by each measure, at any look and at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsx.analysis.decisions import Decisions
from dsx.analysis.matching import TOLERANCE
from dsx.analysis.number_words import with_interval
from dsx.analysis.tables import verdicts_table
from dsx.analysis.verdict import Margin, Verdict
from dsx.analysis.verdict_words import verdict_sentence
from dsx.base.text import plural
from dsx.exhibits.cells import of_metric, pvalue_cell
from dsx.exhibits.exhibit import Computed, Exhibit, Grid, Inquiry, Section
from dsx.recipes.metric import ERROR_NAME, Metric
from dsx.results.states import in_order

# pairs up to which the report lists every measure; of more, those that are decided
_FEW = 3

LOOKS = (
    "A verdict at any look holds however often growing studies are looked at and whenever one stops: their models are"
    " compared in the order in which they were drawn, and what was decided once stays decided."
    " A verdict at one look takes fewer models, but holds only if their number was fixed beforehand and this is the"
    " only look at them."
)
_HEADERS = ["A – B", "at any look", "at one look", "P(A has the {} {})", "p, any look", "p, one look", "models"]


def compute(inquiry: Inquiry) -> Iterator[Computed]:
    decided = inquiry.decided
    table = verdicts_table(decided)
    table["words"] = [of_metric(words, inquiry.metric) for words in table["words"]]
    yield Computed("verdicts", {"": table}, values={"decided": decided, "notes": _on_models(inquiry)})


def told(computed: Computed) -> list[str]:
    """A sentence for each pair, by the errors as they are, and what the verdicts suppose."""
    decided: Decisions = computed.values["decided"]
    return [*(verdict_sentence(pair) for pair in decided.pairs), *computed.values["notes"]]


def section(shown: Sequence[Computed], inquiry: Inquiry) -> Section:
    decided = inquiry.decided
    rows = [
        _row(stated, at_any, at_one, inquiry.metric)
        for stated, at_any, at_one in zip(decided.stated, decided.any, decided.one, strict=True)
        if stated.measure == ERROR_NAME
        or len(decided.pairs) <= _FEW
        or {at_any.decision, at_one.decision} != {"undecided"}
    ]
    if not rows:
        return Section()
    sentences = tuple(verdict_sentence(pair) for pair in decided.pairs)
    metric = inquiry.metric
    headers = [header.format(metric.better, metric.words) for header in _HEADERS]
    grid = Grid("verdicts on each pair of studies", headers, rows)
    return Section(intro=LOOKS, folded=sentences, grid=grid, notes=_notes(inquiry, len(rows)))


def _row(stated: Verdict, at_any: Verdict, at_one: Verdict, metric: Metric) -> list[str]:
    beside = "" if stated.measure == ERROR_NAME else f", {of_metric(stated.measure, metric)}"
    after = "" if at_any.decided_at is None else f" (after {at_any.decided_at} of each)"
    return [
        f"{stated.a} – {stated.b}{beside}",
        f"{_decision(at_any)}{after}",
        _decision(at_one),
        with_interval(stated.superiority, stated.low, stated.high, places=2),
        *(pvalue_cell(_pvalue(verdict)).removeprefix("p ").removeprefix("= ") for verdict in (at_any, at_one)),
        f"{stated.n_a}, {stated.n_b}",
    ]


def _pvalue(verdict: Verdict) -> float:
    """Of what is decided: that the two are equivalent, or else that they differ."""
    return verdict.equivalence_adjusted if verdict.decision == "equivalent" else verdict.adjusted


def _decision(verdict: Verdict) -> str:
    named = {"a better": f"{verdict.a} better", "b better": f"{verdict.b} better"}
    few = verdict.decision == "undecided" and not verdict.enough
    return named.get(verdict.decision, verdict.decision) + (f": needs {verdict.models_needed} of each" if few else "")


def _notes(inquiry: Inquiry, rows: int) -> tuple[str, ...]:
    decided, margin, wrong = inquiry.decided, inquiry.margin, f"{100 * (1 - inquiry.level):g} %"
    number = "any number of looks" if decided.looks == "any" else "one look"
    stated = (
        f"Sentences state the verdicts at {decided.looks} look. The chance that any of the {len(decided.stated)}"
        f" comparisons at {number} is claimed wrongly is at most {wrong}: p is corrected for all of them (Holm, four"
        f" fifths of that for the {inquiry.metric.plural} as they are). The intervals hold for all at once, which is"
        " more than a decision takes, so one may reach past 0.5 beside a decision. At equal complexity, models of both"
        f" are paired that differ by at most {100 * TOLERANCE:g} %."
    )
    hidden = len(decided.stated) - rows
    more = f" The other {hidden} comparisons, all undecided, are in verdicts.csv." if hidden else ""
    return (stated + more, _equivalence(margin), *_on_models(inquiry))


def _on_models(inquiry: Inquiry) -> tuple[str, ...]:
    """Which models the verdicts rest on, where it is not all of them in their order."""
    if inquiry.decided.looks == "any" or not inquiry.decided.pairs:
        return inquiry.decided.notes
    waiting = {name: int(in_order(table)["error"].isna().sum()) for name, table in inquiry.tables.items()}
    told = [
        f"{name}: {plural(n, 'model')} {'is' if n == 1 else 'are'} still to be trained: at one look those decided that"
        " finished first, which may be unlike the others."
        for name, n in waiting.items()
        if n
    ]
    return (*told, *inquiry.decided.notes)


def _equivalence(margin: Margin | None) -> str:
    if margin is None:
        return "No two are called equivalent, as no margin was given (--margin)."
    return f"Two are equivalent if they are shown to differ by less than {margin}: their p is then that of equivalence."


EXHIBIT = Exhibit("verdicts", compute, told=told, section=section, chapter="verdicts", place=14)
