"""Draws populations: distinct models from a space's exact law, conditioned on rules and constraints.

Candidates are drawn in a fixed order (`dsx.spaces.draws`); those that keep every rule and
constraint are taken in that order, each distinct model once. That is successive sampling from
the conditional law without replacement, so n = 100 is the first 100 of n = 500, and neither the
number of cores nor n changes what is drawn. A small space that is nearly used up is finished by
enumeration (`dsx.spaces.enumeration`), under the same law.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsx.base.errors import DsxError, ShortfallError, check_seed, check_whole
from dsx.base.nested import canonical_json
from dsx.spaces.acceptance import AcceptedSetting, Taken, evaluate, take
from dsx.spaces.checks import check_limits
from dsx.spaces.definition import Space, as_space
from dsx.spaces.draws import CHUNK, Draws
from dsx.spaces.enumeration import enumerable, remaining
from dsx.spaces.population import Population
from dsx.spaces.shortfall import shortfall
from dsx.spaces.tally import Tally

# candidates that are always tried, and the most that a sample may be expected to need
PATIENCE = 1 << 22
LIMIT = 1 << 26
# the same where every candidate has to be built to be counted, and how many of them at a time
BUILT_PATIENCE = 1 << 12
BUILT_LIMIT = 1 << 18
BUILT_STEP = 1 << 6
# a small space is enumerated after so many chunks; fixed, so that n never decides which models come
STREAM_CHUNKS = 4


@dataclass(frozen=True)
class Sampling:
    """A population and how it came about. tally: candidates, passes of every rule and constraint, repeats."""

    population: Population
    tally: Tally
    asked: int

    @property
    def short(self) -> bool:
        return len(self.population) < self.asked


def sample(  # noqa: PLR0913 (a public function; its options go by name)
    space: Space | str | Path,
    n: int,
    *,
    flops: tuple[float, float] | None = None,
    params: tuple[float, float] | None = None,
    acts: tuple[float, float] | None = None,
    seed: int = 0,
    resolution: int | None = None,
    num_classes: int | None = None,
    allow_short: bool = False,
) -> Population:
    """n distinct models of a space under constraints. Ranges (low, high) include both ends; None keeps the space's own.

    space: also by name or file. Raises DsxError for n < 1 or a bad range, ShortfallError (with the acceptance rate and
    the constraint that binds) if fewer than n distinct models are found, unless allow_short.
    """
    ranges = {"flops": flops, "params": params, "acts": acts}
    asked = configured(as_space(space), resolution=resolution, num_classes=num_classes, **ranges)
    return draw_population(asked, n, seed=seed, allow_short=allow_short).population


def configured(
    space: Space, *, resolution: int | None = None, num_classes: int | None = None, **ranges: tuple[float, float] | None
) -> Space:
    """The space with another window, resolution or number of classes; None keeps its own. Raises DsxError."""
    for name, ends in ranges.items():
        if ends is not None and not _is_range(ends):
            raise DsxError(f"{name} = {ends!r}: expected 0 ≤ low ≤ high, as in (360e6, 400e6)")
    for name, value in (("resolution", resolution), ("num_classes", num_classes)):
        if value is not None:
            check_whole(name, value, 1, 2**31, "an integer from 1 to 2^31 − 1")
    if resolution is not None and space.input is not None:
        raise DsxError(f"resolution = {resolution}: {space.name} takes no images but inputs of {space.input_in_words}")
    update = {"resolution": resolution, "num_classes": num_classes}
    bounded = space.constrained(**ranges)
    try:
        check_limits(bounded.constraints, space.family, space.network is not None, space.device is not None)
    except ValueError as error:
        raise DsxError(f"{space.name}: {error}") from None
    return bounded.model_copy(update={k: v for k, v in update.items() if v is not None})


def _is_range(ends: object) -> bool:
    """Whether it is a pair of numbers, 0 ≤ low ≤ high."""
    try:
        low, high = ends  # type: ignore[misc]
        return bool(0 <= low <= high)  # type: ignore[has-type]
    except (TypeError, ValueError):
        return False


def draw_population(space: Space, n: int, seed: int = 0, allow_short: bool = False) -> Sampling:
    """What `sample` does, with the account of how many candidates passed what."""
    check_whole("n", n, 1, math.inf, "an integer ≥ 1")
    check_seed(seed)
    draws, tally = Draws(space, seed), Tally(space.family)
    pace, small = _Pace(space.counts_one_by_one), enumerable(space)
    batches: list[Taken] = []
    accepted_so_far = 0
    for start in range(0, pace.limit, pace.step):
        if small and start == STREAM_CHUNKS * CHUNK:
            batches.append(remaining(space, seed, tally, limit=n - accepted_so_far))
            break
        settings = draws.some(start, pace.step)
        tally.candidates += pace.step
        accepted = sorted(evaluate(space, settings, tally), key=lambda candidate: candidate.row)
        batches.append(take(space, settings, _new(accepted, tally, limit=n - accepted_so_far)))
        accepted_so_far += len(batches[-1])
        if accepted_so_far >= n or (not small and (tally.exhausted() or pace.hopeless(accepted_so_far, n))):
            break
    accepted_so_far = sum(map(len, batches))
    if accepted_so_far < n and (not allow_short or not accepted_so_far):
        raise ShortfallError(shortfall(space, tally, n))
    return Sampling(_population(space, batches), tally, n)


class _Pace:
    """How fast new models are found, over the later half of all candidates: repeats make it fall.

    built: whether candidates have to be built to be counted.
    """

    def __init__(self, built: bool) -> None:
        self.patience, self.limit, self.step = (
            (BUILT_PATIENCE, BUILT_LIMIT, BUILT_STEP) if built else (PATIENCE, LIMIT, CHUNK)
        )
        self.history: list[int] = [0]

    def hopeless(self, accepted: int, n: int) -> bool:
        """Whether, after `patience` candidates, the models still missing would take more than `limit`."""
        self.history.append(accepted)
        steps = len(self.history) - 1
        if steps * self.step < self.patience:
            return False
        recent = accepted - self.history[steps // 2]
        return not recent or (n - accepted) * (steps - steps // 2) / recent > self.limit / self.step


def _new(accepted: list[AcceptedSetting], tally: Tally, limit: int) -> list[AcceptedSetting]:
    """Models among the accepted candidates that were not drawn before; those after the `limit`-th are not looked at."""
    return list(itertools.islice((candidate for candidate in accepted if not tally.repeat(candidate.key)), limit))


def _population(space: Space, batches: list[Taken]) -> Population:
    batches = [batch for batch in batches if len(batch)]
    metrics = np.concatenate([batch.complexity for batch in batches])
    contents = [canonical_json(content) for batch in batches for content in batch.contents]
    return Population(
        space=space.name,
        settings={name: np.concatenate([batch.settings[name] for batch in batches]) for name in batches[0].settings},
        flops=metrics[:, 0],
        params=metrics[:, 1],
        acts=metrics[:, 2],
        contents=contents,
        resolution=space.resolution,
    )
