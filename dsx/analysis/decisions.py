"""All verdicts of one analysis of results tables, at one look and at any, each kind corrected for all it says.

Of each pair of studies these are decided: which is better by the errors as they are; which is better among models of
equal flops, params and acts; and whether neither is better at every error. The first is given four fifths of
the error that an analysis is allowed, the others share the rest; and what one has decided, Holm's procedure passes on.
Sentences of dsx about which space is better are made from these verdicts and from nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dsx.analysis.crossing import MEASURE as EVERY_ERROR
from dsx.analysis.crossing import crossing, crossing_track
from dsx.analysis.matching import matched_pairs
from dsx.analysis.sequential import Track, decide_tracks, track
from dsx.analysis.verdict import (
    Comparison,
    Looks,
    Margin,
    Verdict,
    check_looks,
    check_margin,
    decide,
    ranked,
    relabellings,
)
from dsx.base.text import plural
from dsx.recipes.metric import ERROR_NAME
from dsx.results.arrays import Floats, Table, check_level, column
from dsx.results.columns import COMPLEXITIES
from dsx.results.states import finished, in_order

# what all that is decided of a pair besides the errors as they are weighs together
_BESIDE = 0.25
# of the error that is allowed to all that is decided of a pair, the share of the verdict by the errors as they are
SHARE_OF_ERRORS = 1 / (1 + _BESIDE)
# relabellings of each test, at most
_MOST_DRAWS = 50_000
# standard errors beyond which an order is no order of drawing: of the correlation of neighbours' ranks, and of the
# ranks with their places
_ALIKE, _TREND = 5.0, 4.0
# models below which nothing can be decided at any look, so that their order does not matter
_FEWEST = 8


@dataclass(frozen=True)
class Decisions:
    """The verdicts of one analysis. one, any: at one look and at any, the same pairs and measures in the same order.

    looks: which of them sentences state. notes: sentences on what the verdicts at any look suppose.
    """

    one: tuple[Verdict, ...]
    any: tuple[Verdict, ...]
    looks: Looks = "any"
    notes: tuple[str, ...] = ()

    @property
    def stated(self) -> tuple[Verdict, ...]:
        return self.any if self.looks == "any" else self.one

    def of(self, a: str, b: str, measure: str = ERROR_NAME) -> Verdict | None:
        """The stated verdict on a pair, a and b in the order of the analysis; None if it was not compared by that."""
        return self._by_key.get((a, b, measure))

    @cached_property
    def pairs(self) -> list[Verdict]:
        """The stated verdicts by the errors as they are: one of each pair."""
        return [verdict for verdict in self.stated if verdict.measure == ERROR_NAME]

    def ahead_somewhere(self, a: str, b: str) -> set[str]:
        """Which of a pair is shown to have more models below some error: a better one, or both where curves cross."""
        crossed, verdict = self.of(a, b, EVERY_ERROR), self.of(a, b)
        if crossed is not None and crossed.decision == "neither":
            return {a, b}
        return {a if verdict.direction == "a" else b} if verdict is not None and verdict.direction else set()

    @cached_property
    def _by_key(self) -> dict[tuple[str, str, str], Verdict]:
        return {(verdict.a, verdict.b, verdict.measure): verdict for verdict in self.stated}


def decisions(
    tables: Mapping[str, Table], level: float = 0.95, margin: Margin | None = None, looks: str = "any"
) -> Decisions:
    """Every verdict on some studies. tables: name → results table, whatever its models' states.

    At one look all models that count are compared. At any look models are paired in the order of the tables,
    which is that of drawing, up to the first that is still to be trained. Of a table in another order (sorted, or with
    neighbours alike) nothing is decided at any look, and a note says so. Studies without a finished model are left out.
    level: of all verdicts of one kind together. margin: for equivalence. Raises DsxError for a malformed table.
    """
    check_level(level)
    check_margin(margin)
    stated = check_looks(looks)
    subjects, notes = _subjects(tables)
    total = sum(weight for _, weight in subjects)
    at_one, at_any = [], []
    for subject, weight in subjects:
        draws = relabellings((1 - level) * weight / total, _MOST_DRAWS)
        at_one.append(replace(subject.at_one_look(margin, draws), weight=weight))
        at_any.append(subject.at_any_look(margin, weight))
    return Decisions(decide(at_one, level, margin), decide_tracks(at_any, level, margin), stated, tuple(notes))


def decisions_at_any_look(
    tables: Mapping[str, Table], level: float = 0.95, margin: Margin | None = None
) -> tuple[Verdict, ...]:
    """Those of `decisions` that hold at any look, without the others: quick enough to look again and again."""
    check_level(level)
    check_margin(margin)
    subjects, _ = _subjects(tables)
    return decide_tracks([subject.at_any_look(margin, weight) for subject, weight in subjects], level, margin)


def _subjects(tables: Mapping[str, Table]) -> tuple[list[tuple[_Subject, float]], list[str]]:
    """All that is decided of some studies, each with its weight, and sentences on the order of their models."""
    counted = {name: models for name, table in tables.items() if len(models := finished(table))}
    ordered: dict[str, Table] = {}
    notes: list[str] = []
    for name in counted:
        ordered[name], note = drawn_so_far(tables[name], name)
        notes += note
        if len(ordered[name]) < len(counted[name]) and not note:
            notes.append(
                f"{name}: at any look {plural(len(ordered[name]), 'model')} of {len(counted[name])} count so far, up to"
                " the first that is still to be trained."
            )
    families = [list(_family(a, b, counted, ordered)) for a, b in itertools.combinations(counted, 2)]
    weighed = [
        (subject, 1.0 if subject.measure == ERROR_NAME else _BESIDE / max(1, len(family) - 1))
        for family in families
        for subject in family
    ]
    return weighed, notes if families else []


@dataclass(frozen=True, eq=False)
class _Subject:
    """One pair by one measure. counted: (n,) errors of both that count. ordered: those in order, with their partners.

    looks: (m,) after how many models of each a pair in order was there; None if the i-th is paired with the i-th.
    """

    a: str
    b: str
    measure: str
    counted: tuple[Floats, Floats]
    ordered: tuple[Floats, Floats]
    looks: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None

    def at_one_look(self, margin: Margin | None, draws: int) -> Comparison:
        if self.measure == EVERY_ERROR:
            return crossing((self.a, self.b), *self.counted)
        a, b = self.counted
        return ranked((self.a, self.b, self.measure), np.sort(a), np.sort(b), margin, draws=draws)

    def at_any_look(self, margin: Margin | None, weight: float) -> Track:
        if self.measure == EVERY_ERROR:
            sequence = crossing_track((self.a, self.b), *self.ordered)
        else:
            sequence = track((self.a, self.b, self.measure), *self.ordered, margin, self.looks)
        return replace(sequence, comparison=replace(sequence.comparison, weight=weight))


def _family(a: str, b: str, counted: Mapping[str, Table], ordered: Mapping[str, Table]) -> Iterator[_Subject]:
    """All that is decided of one pair; which measures there are hangs on the complexities, never on an error.

    In order, models of the larger study beyond the number of the smaller are not paired by size yet: they might have
    another partner once the smaller has grown.
    """
    fewer = min(len(ordered[a]), len(ordered[b]))
    so_many = {name: ordered[name].iloc[:fewer] for name in (a, b)}
    whole, growing = _errors(counted, a, b), _errors(ordered, a, b)
    yield _Subject(a, b, ERROR_NAME, whole, growing)
    for by in COMPLEXITIES:
        if by in counted[a].columns and by in counted[b].columns:
            pairs = matched_pairs(column(counted[a], by), column(counted[b], by))
            so_far = matched_pairs(column(so_many[a], by), column(so_many[b], by))
            if pairs.a.size:
                matched = (whole[0][pairs.a], whole[1][pairs.b])
                in_pairs = (growing[0][so_far.a], growing[1][so_far.b])
                yield _Subject(a, b, f"at equal {by}", matched, in_pairs, so_far.look)
    yield _Subject(a, b, EVERY_ERROR, whole, growing)


def _errors(tables: Mapping[str, Table], a: str, b: str) -> tuple[Floats, Floats]:
    return column(tables[a], "error"), column(tables[b], "error")


def drawn_so_far(table: Table, name: str) -> tuple[Table, Sequence[str]]:
    """What counts at any look: the models in the order of drawing, up to the first that is still to be trained.

    table: a results table, whatever its models' states. Where it stands in another order there are none, as a sentence
    says that comes with them: a table that was sorted is not the beginning of the one that it grows into. Raises
    DsxError for a malformed table.
    """
    rows = in_order(table)
    missing = np.flatnonzero(rows["error"].isna().to_numpy())
    drawn = rows.iloc[: missing[0]] if missing.size else rows
    if _may_be_drawn(drawn):
        return drawn, ()
    return drawn.iloc[:0], (
        f"{name}: the models stand in no order of drawing (they are sorted, or neighbours are alike), so at any look"
        " nothing can be said of them; `--looks one` compares them if this is the only look.",
    )


def _may_be_drawn(rows: Table) -> bool:
    """Whether models may come in the order of drawing, as far as the ranks of their errors tell."""
    ranks = rows["error"].rank().to_numpy(np.float64)
    steps = np.diff(ranks)
    if steps.size < _FEWEST - 1 or not steps.any():
        return True
    ranks, places = ranks - ranks.mean(), np.arange(ranks.size) - (ranks.size - 1) / 2
    spread, scale = float(ranks @ ranks), math.sqrt(ranks.size)
    alike = abs(ranks[1:] @ ranks[:-1]) / spread * scale
    trend = abs(ranks @ places) / math.sqrt(spread * float(places @ places)) * scale
    return not ((steps >= 0).all() or (steps <= 0).all() or alike > _ALIKE or trend > _TREND)
