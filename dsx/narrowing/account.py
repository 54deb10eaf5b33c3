"""What was looked at and taken, in words: what `dsx narrow` prints."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.base.units import format_percent
from dsx.narrowing.candidates import Candidate
from dsx.narrowing.proposal import NarrowingStep, narrow_forwards
from dsx.narrowing.writing import as_path, write_space
from dsx.recipes.metric import ERROR
from dsx.results.arrays import Table
from dsx.results.states import count_states, mixed_conditions
from dsx.spaces.definition import Space
from dsx.study.study import Study


@dataclass(frozen=True)
class Narrowing:
    """What was looked at, a line each, and why no space was written although one was asked for ("" if it was)."""

    lines: tuple[str, ...]
    problem: str = ""
    out: Path | None = None  # file of the narrower space, None if none was written


def narrow(
    studies: Sequence[Study],
    parameters: Sequence[str] = (),
    out: Path | None = None,
    take: Sequence[int] = (),
    level: float = 0.95,
) -> Narrowing:
    """Rules for a narrower space with their evidence, in words; those taken are written to `out`.

    parameters: those to look at; none: all. take: numbers of the rules to take as they are listed; none: the
    supported ones. Raises DsxError if the studies are not of one space and one recipe.
    """
    space, table = one_space(studies)
    steps = narrow_forwards(space, table, parameters, level)
    supported = [step.taken for step in steps if step.taken is not None]
    listed = [*supported, *_rest(steps, supported)]
    for n in take:
        if not 1 <= n <= len(listed):
            raise DsxError(f"--take {n}: expected a number from 1 to {len(listed)}, of the rules listed")
    taken = [listed[n - 1] for n in take] if take else supported
    recipe = studies[0].recipe
    metric = ERROR if recipe is None else recipe.measures[0]
    lines = [f"{space.name}: {count_states(table).words()}; {plural(len(listed), 'way')} to narrow it looked at"]
    for n, candidate in enumerate(listed, 1):
        mark = "supported" if candidate in supported else "not shown"
        lines.append(f"  {n}. [{mark}] {candidate.words}\n       {candidate.evidence.words_by(metric)}")
    lines.append(_judged(steps, supported))
    if out is None:
        hint = "nothing written: name a file with --out, and others than the supported with --take"
        return Narrowing((*lines, hint))
    if not taken:
        problem = "narrow: none of these is supported by the models, so no space was written; --take 1 takes one"
        return Narrowing(tuple(lines), problem)
    narrower, acceptance = write_space(out, space, taken)
    lines.append(f"took {', '.join(str(listed.index(c) + 1) for c in taken)}; wrote {out}: {narrower.name}")
    lines.append(f"  {format_percent(acceptance)} % of its candidates are accepted")
    n = max(len(study.population) for study in studies)
    following = f"next: dsx sample --space {shlex.quote(as_path(out))} --n {n} --seed {studies[0].seed + 1}"
    return Narrowing((*lines, following), out=out)


def one_space(studies: Sequence[Study]) -> tuple[Space, Table]:
    """The space that all studies are of, and their results together.

    Raises DsxError if they are of different spaces, or were not trained alike.
    """
    import pandas as pd

    first = studies[0]
    for study in studies[1:]:
        if study.space_hash != first.space_hash:
            raise DsxError(
                f"narrow: {first.path} and {study.path} are of different spaces: narrow one at a time, and compare them"
                " with `dsx analyze`"
            )
    tables = {str(study.path): study.results() for study in studies}
    warnings = mixed_conditions(tables)
    if warnings:
        raise DsxError(f"narrow: {warnings[0]}")
    whole = pd.concat(list(tables.values()), ignore_index=True)
    return Space.from_dict(first.definition, str(first.path)), whole.drop_duplicates("run_id", ignore_index=True)


def _rest(steps: Sequence[NarrowingStep], supported: Sequence[Candidate]) -> list[Candidate]:
    """What was not taken, with the last judgement that there is of it."""
    taken = {(c.kind, c.quantity, c.end, c.words) for c in supported}
    last = next((step.candidates for step in reversed(steps) if step.candidates), ())
    return [c for c in last if (c.kind, c.quantity, c.end, c.words) not in taken]


def _judged(steps: Sequence[NarrowingStep], supported: Sequence[Candidate]) -> str:
    """How the rules build on each other."""
    if not supported:
        return f"judged by all {plural(steps[0].models, 'finished model')}"
    counts = " → ".join(str(step.models) for step in steps)
    return f"each rule judged among the models that keep those before it: {counts} models"
