"""The findings in a few sentences: the report's first lines, and the last line of the terminal. Verdicts speak."""

from __future__ import annotations

from dsx.analysis.decisions import Decisions
from dsx.analysis.number_words import number, with_interval
from dsx.analysis.verdict import Verdict
from dsx.analysis.verdict_words import verdict_sentence
from dsx.base.text import listed, plural
from dsx.exhibits.cells import with_ends
from dsx.recipes.metric import ERROR, ERROR_NAME, Metric
from dsx.results.arrays import Table


def headline(summary: Table, decided: Decisions, level: float, metric: Metric = ERROR) -> list[str]:
    """Most important first: all pairs if there are at most three, else the study that is better than most others.

    Another that is better than as many has a sentence, without its intervals, and the equivalent pairs have one.
    """
    known = summary[summary["n"] > 0]
    if known.empty:
        return ["No model has finished yet: there is nothing to compare."]
    if len(known) == 1:
        row = known.iloc[0]
        mean, median = (
            with_interval(*metric.interval(*with_ends(row, f"{name}_error"))) for name in ("mean", "median")
        )
        unit, best = metric.unit_after, number(metric.from_error(row["min_error"]))
        return [
            f"{row['study']}: mean {metric.words} {mean}{unit}, median {median}{unit}, {metric.extreme} {best}{unit}"
            f" among {plural(int(row['n']), 'model')} (brackets: {100 * level:g} % intervals)."
        ]
    shown = decided.pairs
    if len(shown) > 3:
        leaders, alike = _leaders(shown), [f"{sentence}." for sentence in _equivalent(shown)]
        if not leaders:
            none = f"None of the {len(known)} studies could be shown to be better than another."
            return alike if _ahead(shown) else [none, *alike]
        first, *others = leaders
        told = [verdict_sentence(pair) for pair in shown if first in (pair.a, pair.b)]
        return told + [f"{name} is better than {listed(leaders[name])} too." for name in others] + alike
    return [verdict_sentence(pair) for pair in shown]


def conclusion(decided: Decisions) -> list[str]:
    """What several studies show, in one sentence; nothing for fewer than two with finished models."""
    pairs = decided.pairs
    if not pairs:
        return []
    told = [f"{name} is better than {listed(beaten)}" for name, beaten in _leaders(pairs).items()]
    told += [] if _ahead(pairs) else ["no study could be shown to be better"]
    told += _equivalent(pairs)
    at_any, at_one = (sum(v.measure == ERROR_NAME and v.decision != "undecided" for v in kind)
                      for kind in (decided.any, decided.one))  # fmt: skip
    return [
        f"found: {'; '.join(told)}; decided: {at_any} of {plural(len(pairs), 'pair')} at any look, {at_one} if this is"
        " the only look"
    ]


def _leaders(pairs: list[Verdict]) -> dict[str, list[str]]:
    """The studies that are better than most others, each with those; none if none is better than any."""
    beaten = _ahead([pair for pair in pairs if pair.decision != "equivalent"])
    most = max(map(len, beaten.values()), default=0)
    return {name: others for name, others in beaten.items() if len(others) == most}


def _equivalent(pairs: list[Verdict]) -> list[str]:
    """How many pairs are equivalent within which margin, and which studies are ahead within it; nothing for none."""
    same = [pair for pair in pairs if pair.decision == "equivalent"]
    if not same:
        return []
    told = f"{plural(len(same), 'pair')} {'is' if len(same) == 1 else 'are'} equivalent within {same[0].margin}"
    ahead = [f"{name} is ahead of {other}" for name, others in _ahead(same).items() for other in others]
    return [f"{told}; within it {listed(ahead)}" if ahead else told]


def _ahead(pairs: list[Verdict]) -> dict[str, list[str]]:
    """The studies that are shown to be ahead of others, be it within a margin, each with those."""
    ahead: dict[str, list[str]] = {name: [] for pair in pairs for name in (pair.a, pair.b)}
    for pair in pairs:
        if pair.direction is not None:
            first, second = (pair.a, pair.b) if pair.direction == "a" else (pair.b, pair.a)
            ahead[first].append(second)
    return {name: others for name, others in ahead.items() if others}
