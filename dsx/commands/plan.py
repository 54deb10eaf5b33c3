"""`dsx plan`: how many models the verdict on two spaces will take, and what they cost, from pilot studies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsx import analysis
from dsx.analysis.decisions import SHARE_OF_ERRORS
from dsx.analysis.number_words import in_points
from dsx.analysis.power import MOST, PowerCurve, power_curve
from dsx.analysis.verdict import Looks, check_looks
from dsx.base import files
from dsx.base.errors import check_at_least_one
from dsx.base.text import align
from dsx.base.units import short
from dsx.results.arrays import Floats, Table, check_level
from dsx.results.states import finished, finished_errors
from dsx.study.study import Study

# of which the power is listed
_SIZES = (8, 16, 32, 64, 128, 256, 512)
# of which it is drawn
_FINE = tuple(round(2 ** (k / 2)) for k in range(4, 19))
_LOOKS: tuple[Looks, ...] = ("any", "one")
_IN_WORDS = {"any": "at any look", "one": "at one look"}


@dataclass(frozen=True)
class PlanRequest:
    """What `dsx plan` is asked for. Raises DsxError."""

    # points by which a model of one space is typically better than one of the other; None: the pilots' own, with its
    # uncertainty
    difference: float | None = None
    power: float = 0.8
    level: float = 0.95
    looks: str = "any"  # `any` if one looks while models are trained, `one` if only at the end
    comparisons: int | None = None  # verdicts decided together; None: one for each pair of the pilots

    def __post_init__(self) -> None:
        check_looks(self.looks)
        check_level(self.level)
        check_at_least_one("--comparisons", self.comparisons, "verdicts decided together")


def plan(studies: Sequence[Study], request: PlanRequest | None = None, out: Path | None = None) -> str:
    """How many models of each space the verdict on them takes, and their cost, in words; for every pair of studies.

    By the test that `dsx analyze` decides with, from the errors of the pilots, resampled, so that what the pilots
    leave open counts. One study stands for two spaces whose errors are spread alike. out: a folder for the chance of a
    verdict against the number of models, a figure and a table for each pair. Raises DsxError as `dsx.analysis.plan`
    does.
    """
    request = request or PlanRequest()
    if out is not None:
        files.check_writable(out, "name another with --out")
    tables = {str(study.path): study.results() for study in studies}
    pairs: list[tuple[str, ...]] = list(itertools.combinations(tables, 2)) or [tuple(tables)]
    comparisons = request.comparisons or len(pairs)
    planned = [_Planned(pair, [tables[name] for name in pair], request, comparisons) for pair in pairs]
    lines = [line for each in planned for line in each.lines()]
    if out is not None:
        lines += [f"wrote {each.write(out, several=len(planned) > 1)}: .csv, .png and .pdf" for each in planned]
    return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Planned:
    """One pair of pilots, or one pilot for both."""

    names: tuple[str, ...]
    tables: Sequence[Table]
    request: PlanRequest
    comparisons: int

    def lines(self) -> list[str]:
        """A sentence, what the pilots leave open, the cost by difference, the power by number of models, the orders."""
        request = self.request
        looks = check_looks(request.looks)
        verdict = analysis.plan(*self._pilots, request.difference, request.power, self._level, self.comparisons, looks)
        lines = [f"{' and '.join(self.names)}{' as pilot' if len(self.names) == 1 else ''}: {verdict.words}"]
        if request.difference is None:
            lines.append(self._what_pilots_say())
        lines += [self._costs(looks), self._powers(looks)]
        if len(self.tables) == 2:
            lines.append("chance that so few models of each space order the two as all of theirs do:")
            lines.append(_orders(self.tables[0], self.tables[1], request.level))
        return lines

    @property
    def _errors(self) -> list[Floats]:
        return [finished_errors(table, name) for name, table in zip(self.names, self.tables, strict=True)]

    @property
    def _level(self) -> float:
        """Of the verdict by the errors, which has this share of the error that is allowed to all that is decided."""
        return 1 - (1 - self.request.level) * SHARE_OF_ERRORS

    @property
    def _pilots(self) -> tuple[Floats, Floats | None]:
        first, *second = self._errors
        return first, (second[0] if second else None)

    @property
    def _differences(self) -> list[float | None]:
        """Twice, once and half the difference that is asked for; or the pilots' own."""
        asked = self.request.difference
        return [None] if asked is None else [factor * asked for factor in (2.0, 1.0, 0.5)]

    def write(self, folder: Path, several: bool) -> Path:
        """The power curves as table and figure: `power`, of several pairs `power_A_B`; their path without suffix."""
        import pandas as pd

        from dsx.exhibits.paths import slugs
        from dsx.plots.inputs import counts_in_words
        from dsx.plots.power import power
        from dsx.plots.saving import close, save

        curves = {_named(difference): [self._curve(difference, looks, _FINE) for looks in _LOOKS]
                  for difference in self._differences}  # fmt: skip
        columns = ("n", "power", "low", "high")
        rows = [pd.DataFrame({"difference": name, "looks": curve.looks, **{c: getattr(curve, c) for c in columns}})
                for name, several_looks in curves.items() for curve in several_looks]  # fmt: skip
        path = folder / "_".join(["power", *(slugs([Path(n).name for n in self.names]) if several else ())])
        files.write_bytes(path.with_suffix(".csv"), pd.concat(rows).to_csv(index=False).encode())
        pilots = counts_in_words(dict(zip(self.names, self.tables, strict=True)))
        axes = power(curves, aim=self.request.power, notes=["by resampling the pilots", *pilots])
        save(axes, folder, path.name)
        close(axes)
        return path

    def _curve(self, difference: float | None, looks: Looks, sizes: Sequence[int]) -> PowerCurve:
        return power_curve(self._errors, sizes, difference, self._level, self.comparisons, looks)

    def _what_pilots_say(self) -> str:
        curve = power_curve(self._errors, [2], None, self.request.level, looks="one")
        tail = (1 - self.request.level) / 2
        low, middle, high = np.quantile(curve.superiority, [tail, 0.5, 1 - tail])
        return (
            f"By the pilots a model of {self.names[0]} beats one of {self.names[1]} with probability {middle:.2f}"
            f" ({low:.2f}–{high:.2f}), and all of that range counts; --difference plans for what matters instead."
        )

    def _costs(self, looks: Looks) -> str:
        """Models of each space at any look and at one, and device-hours, by the difference."""
        rows = [["difference", *(f"models of each, {_IN_WORDS[look]}" for look in _LOOKS), "device-hours in all"]]
        for difference in self._differences:
            plans = {
                look: analysis.plan(*self._pilots, difference, self.request.power, self._level, self.comparisons, look)
                for look in _LOOKS
            }
            at_one = plans["one"]
            between = "" if at_one.n is None or at_one.n_low is None else f" ({at_one.n_low}–{_models(at_one.n_high)})"
            hours = "–" if (n := plans[looks].n) is None else _hours(2 * n * _seconds(self.tables))
            rows.append([_named(difference), _models(plans["any"].n), f"{_models(at_one.n)}{between}", hours])
        return align(rows)

    def _powers(self, looks: Looks) -> str:
        """The chance of a verdict by numbers of models and differences."""
        curves = [self._curve(difference, looks, _SIZES) for difference in self._differences]
        rows = [[f"chance of a verdict {_IN_WORDS[looks]}, models of each", *map(_named, self._differences)]]
        for at, n in enumerate(_SIZES):
            cells = []
            for curve in curves:
                between = "" if math.isnan(curve.low[at]) else f" ({curve.low[at]:.2f}–{curve.high[at]:.2f})"
                cells.append(f"{curve.power[at]:.2f}{between}")
            rows.append([str(n), *cells])
        return align(rows)


def _named(difference: float | None) -> str:
    return "the pilots' own" if difference is None else in_points(difference)


def _models(n: int | None) -> str:
    return f"over {MOST:,}" if n is None else f"{n:,}"


def _hours(seconds: float) -> str:
    return "unknown" if math.isnan(seconds) else short(seconds / 3600)


def _seconds(tables: Sequence[Table]) -> float:
    """Mean training time of the finished models that have one; NaN if none has."""
    known = [table["seconds"].to_numpy(np.float64) for table in map(finished, tables) if "seconds" in table.columns]
    times = np.concatenate([*known, [math.nan]])
    times = times[np.isfinite(times)]
    return float(times.mean()) if times.size else math.nan


def _orders(pilot_a: Table, pilot_b: Table, level: float) -> str:
    """A table of the chance of the right order by numbers of models, with intervals where the pilots allow them."""
    smaller = min(len(analysis.finished(pilot)) for pilot in (pilot_a, pilot_b))
    sizes = [4**i for i in range(5) if 4**i <= smaller]
    rows = [["models of each space", "by mean", "by median", "by lowest"]]
    for row in analysis.right_order(pilot_a, pilot_b, sizes, level=level).to_dict("records"):
        chances = []
        for name in ("by_mean", "by_median", "by_min"):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            chance = "tied" if math.isnan(row[name]) else f"{row[name]:.2f}"
            chances.append(chance + ("" if math.isnan(low) else f" ({low:.2f}–{high:.2f})"))
        rows.append([f"{row['n']:.0f}", *chances])
    return align(rows)
