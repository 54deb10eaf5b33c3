"""Where the comparison of studies that grow until it is decided stands: for `dsx launch --until` and `dsx status`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsx.base.errors import DsxError
from dsx.study.aim import read_aim
from dsx.study.study import Study, open_study

if TYPE_CHECKING:
    from dsx.analysis.standing import Standing


def look(studies: Sequence[Study], margin: str | None, level: float) -> Standing:
    """Where the comparison of these studies stands. margin: as typed. Raises DsxError."""
    from dsx.analysis.standing import standing  # for studies that are compared: most are only looked at
    from dsx.analysis.verdict import parse_margin

    names = [study.path.resolve().name for study in studies]
    labels = [n if names.count(n) == 1 else str(s.path) for n, s in zip(names, studies, strict=True)]
    tables = {label: study.results() for label, study in zip(labels, studies, strict=True)}
    return standing(tables, level, None if margin is None else parse_margin(margin))


def standings(studies: Sequence[Study]) -> list[tuple[str, ...]]:
    """What is to be said of each study's comparison: how far from a decision it is; of one comparison once."""
    told: set[frozenset[str]] = set()
    return [_standing_of(study, told) for study in studies]


def _standing_of(study: Study, told: set[frozenset[str]]) -> tuple[str, ...]:
    aim = read_aim(study.paths)
    if aim is None or (among := frozenset(map(os.path.realpath, aim.folders))) in told:
        return ()
    told.add(among)
    try:
        now = look([open_study(folder) for folder in aim.folders], aim.margin, aim.level)
    except DsxError as error:
        return (f"  until decided: not known: {error}",)
    return (f"  until decided, at most {aim.at_most:,} models of each:", *(f"    {line}" for line in now.lines()))
