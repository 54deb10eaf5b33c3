"""How many models a decision will take, by the test that will decide, from pilots that themselves are uncertain.

Pilots are resampled: each resample is a pair of populations that the pilots might have come from, with a
difference and spreads of its own. The power at n is the mean over them, so that it is what studies planned in this way
reach on average. With the pilots' estimate taken as the truth, it would be 0.6–0.77 where 0.8 is promised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsx.analysis.betting import log_wealth, rank_bets
from dsx.analysis.number_words import in_points
from dsx.analysis.rank_test import smallest_n
from dsx.analysis.superiority import midcounts
from dsx.analysis.verdict import Looks
from dsx.base.errors import DsxError
from dsx.base.record import Record
from dsx.results.arrays import Floats, check_count, check_level
from dsx.results.samples import Errors, as_sample

# populations resampled from the pilots for one look, and for any look, where each is sampled and watched
_POPULATIONS = 500
_WATCHED = 300
# beyond so many models of each no number is promised
MOST = 2_000
# what is aimed at above the power promised, as a share of what is missing to 1: the normal approximation and the
# resampled pilots are that much too hopeful where n is under 20 (0.77 for 0.8 in simulation)
_CAUTION = 0.2
# models of a pilot that are resampled at most, so that all pairs of two can be listed
_KEPT = 200
# quantiles that stand for the distribution of a pilot that is shifted, and for the kernel that smooths it
_SMOOTH, _KERNEL = 100, 20


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """Chance that a difference is decided, in its right direction, with n models of each. n: (m,). power: (m,).

    low, high: (m,) central `level` share of that chance over the populations that the pilots may have come from
    (one look only, else NaN). superiority: (B,) probability of superiority of a in each of these.
    """

    n: npt.NDArray[np.int64]
    power: Floats
    low: Floats
    high: Floats
    superiority: Floats
    level: float
    looks: Looks


@dataclass(frozen=True, eq=False)
class Plan(Record):
    """Models of each population for a decision with chance `power`; None if more than `MOST`. A mapping too.

    n_low, n_high: numbers for the populations, among those the pilots may have come from, that are
    easiest and hardest to tell apart, central `level` share; n_high is None beyond `MOST`, and both with any look.
    difference: points between the populations if it was given; None: the pilots' own. comparisons: decided together.
    """

    n: int | None
    n_low: int | None
    n_high: int | None
    power: float
    difference: float | None
    comparisons: int
    level: float
    looks: Looks
    words: str


def power_curve(
    pilots: Sequence[Errors],
    n: Sequence[int],
    difference: float | None = None,
    level: float = 0.95,
    comparisons: int = 1,
    looks: Looks = "any",
    seed: int = 0,
) -> PowerCurve:
    """Power of a verdict with n models of each, n a sequence of numbers.

    pilots: one or two, (n,) errors each, at least 4 models. difference: points by which a model of one
    is typically better than one of the other; None: the pilots'. One pilot stands for both populations and
    needs a difference. comparisons: pairs × measures decided together; each is taken to need the strictest
    level of them, so the power is at least what is told. Raises DsxError for what cannot be.
    """
    sizes = np.atleast_1d(np.asarray(n, dtype=np.int64))
    check_count(comparisons, "comparisons", "the verdicts decided together")
    alpha = (1 - check_level(level)) / comparisons
    populations = _populations(pilots, difference, _POPULATIONS if looks == "one" else _WATCHED, seed)
    chances = np.array([_effect(a, b)[0] for a, b in populations])
    if looks == "one":
        each = _powers(populations, sizes, alpha)
        low, high = np.quantile(each, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return PowerCurve(sizes, each.mean(axis=0), low, high, chances, level, looks)
    decided = _decided(populations, chances, int(sizes.max()), alpha, seed)
    unknown = np.full(sizes.size, math.nan)
    power = (decided[:, None] <= sizes).mean(axis=0)
    return PowerCurve(sizes, power, unknown, unknown, chances, level, looks)


def plan(
    pilot_a: Errors,
    pilot_b: Errors | None = None,
    difference: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    comparisons: int = 1,
    looks: Looks = "any",
) -> Plan:
    """The models of each population that decide with chance `power`, at least; other arguments as of `power_curve`.

    pilot_a, pilot_b: results tables or (n,) errors of pilot studies; one alone stands for both populations. Without a
    difference the pilots' is used, and its uncertainty carried through: unsure pilots ask for many models, or for a
    difference to be given.
    """
    if not 0 < power < 1:
        raise DsxError(f"power = {power}: expected a chance between 0 and 1, such as 0.8")
    sizes = np.unique(np.geomspace(2, MOST, 120).round().astype(np.int64))
    pilots = [pilot_a] if pilot_b is None else [pilot_a, pilot_b]
    curve = power_curve(pilots, sizes.tolist(), difference, level, comparisons, looks)
    aim = power + _CAUTION * (1 - power)
    n, n_low, n_high = (_first(sizes, reached, aim) for reached in (curve.power, curve.high, curve.low))
    words = _words(n, n_high, (power, difference, comparisons, level, looks))
    return Plan(n, n_low, n_high, power, difference, comparisons, level, looks, words)


def _words(n: int | None, n_high: int | None, asked: tuple[float, float | None, int, float, Looks]) -> str:
    power, difference, comparisons, _, looks = asked
    what = "the pilots' difference" if difference is None else f"a difference of {in_points(difference)}"
    among = "" if comparisons == 1 else f", as one of {comparisons} comparisons"
    when = "with a look at any time" if looks == "any" else "with one look at the end"
    if n is None:
        remedy = "" if difference is not None else ": give the difference in points that matters"
        return f"Deciding {what} with probability {power:g} takes more than {MOST} models of each{among}{remedy}."
    beyond = ""
    if looks == "one":
        beyond = f" (up to {n_high})" if n_high is not None else f" (the pilots do not rule out more than {MOST})"
    return f"Deciding {what} with probability {power:g}, {when}{among}: {n} models of each{beyond}."


def _first(sizes: npt.NDArray[np.int64], power: Floats, wanted: float) -> int | None:
    reached = np.flatnonzero(power >= wanted)
    return int(sizes[reached[0]]) if reached.size else None


def _populations(
    pilots: Sequence[Errors], difference: float | None, count: int, seed: int
) -> list[tuple[Floats, Floats]]:
    """Pairs of populations that the pilots may have come from: resamples of n − 1, so that they vary as samples do."""
    errors = [as_sample(pilot, f"pilot {i}") for i, pilot in enumerate(pilots, 1)]
    if len(errors) not in (1, 2):
        raise DsxError(f"plan: {len(errors)} pilots: expected one or two")
    for i, pilot in enumerate(errors, 1):
        if pilot.size < 4:
            raise DsxError(
                f"pilot {i}: {pilot.size} finished models: a plan needs at least 4 to show the spread of errors"
            )
        if np.ptp(pilot) == 0:
            raise DsxError(
                f"pilot {i}: all {pilot.size} errors are {pilot[0]:g} %: they show no spread, from which the number of"
                " models follows; take a pilot of more models"
            )
    if difference is None and len(errors) == 1:
        raise DsxError("plan: one pilot shows no difference: give the difference in points that matters, such as 0.5")
    if difference is not None and not difference > 0:
        raise DsxError(f"difference = {difference}: expected points above 0, such as 0.5")
    rng = np.random.default_rng([seed, 10])
    made = []
    for _ in range(count):
        resampled = [rng.choice(e, min(e.size - 1, _KEPT)) for e in errors]
        a, b = resampled[0], resampled[-1]
        if difference is not None:
            a, b = _smoothed(a), _smoothed(b)
            b = b - float(np.median(b[:, None] - a)) + difference
        made.append((np.sort(a), np.sort(b)))
    return made


def _smoothed(errors: Floats) -> Floats:
    """Quantiles of a smooth distribution like that of the errors: by a normal kernel, its width by Silverman's rule.

    Of a few values, or of errors of few images, any shift at all would order the many pairs that tie. Few bad models
    widen the upper half alone, so the spread is the narrowest of three estimates.
    """
    from scipy.special import ndtri

    quarter, half, three = np.quantile(errors, [0.25, 0.5, 0.75])
    widths = (errors.std(), (three - quarter) / 1.349, (half - quarter) / 0.6745)
    spread = min((float(width) for width in widths if width > 0), default=0.0)
    kernel = 0.9 * spread * errors.size**-0.2 * ndtri((np.arange(_KERNEL) + 0.5) / _KERNEL)
    dense = np.sort((errors[:, None] + kernel).ravel())
    smoothed: Floats = dense[((np.arange(_SMOOTH) + 0.5) / _SMOOTH * dense.size).astype(np.int64)]
    return smoothed


def _effect(a: Floats, b: Floats) -> tuple[float, float]:
    """Superiority of a population over another, and the variance that a pair of models adds to its estimate."""
    place_a, place_b = 1 - midcounts(b, a) / b.size, midcounts(a, b) / a.size
    return float(place_a.mean()), float(place_a.var() + place_b.var())


def _powers(populations: list[tuple[Floats, Floats]], n: npt.NDArray[np.int64], alpha: float) -> Floats:
    """(populations, m) power of the rank test, its statistic normal about the population's own on the arcsine scale."""
    from scipy.special import ndtr, stdtrit

    effects = np.array([_effect(a, b) for a, b in populations])
    chance, variance = effects[:, :1], effects[:, 1:]
    scale = np.sqrt(chance * (1 - chance))
    distance = np.abs(2 * np.arcsin(np.sqrt(chance)) - math.pi / 2) * scale
    critical = stdtrit(np.maximum(2 * n - 2, 1), 1 - alpha / 2)
    power = ndtr(distance * np.sqrt(n) / np.sqrt(np.maximum(variance, 1e-12)) - critical)
    apart = (variance == 0) & (chance != 0.5)
    power = np.where(apart, 1.0, power)
    power[:, n < smallest_n(alpha)] = 0.0
    return power


def _decided(
    populations: list[tuple[Floats, Floats]], chances: Floats, most: int, alpha: float, seed: int
) -> npt.NDArray[np.float64]:
    """(populations,) the pairs after which the right direction is decided at any look; infinite if not by `most`."""
    bar = math.log(2 / alpha)
    decided = np.full(len(populations), np.inf)
    for i, (a, b) in enumerate(populations):
        rng = np.random.default_rng([seed, 11, i])
        drawn_a, drawn_b = rng.choice(a, most), rng.choice(b, most)
        ahead = (drawn_a, drawn_b) if chances[i] >= 0.5 else (drawn_b, drawn_a)
        for part in (min(most, 128), most):  # most are decided early
            rich = np.flatnonzero(log_wealth(rank_bets(ahead[0][:part], ahead[1][:part])) >= bar)
            if rich.size:
                decided[i] = rich[0] + 1
                break
    return decided
