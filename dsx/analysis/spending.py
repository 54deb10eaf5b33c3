"""Levels of several looks at one growing sample, so that all of them together keep one error.

The error is spent look by look (Lan and DeMets 1983), in proportion to a power of the models seen so far (Kim and
DeMets 1987). Looks share their models, so what the earlier ones let pass mostly fails the later ones too: each may err
by more than what is spent at it. How much more follows from the joint normal law of the looks, whose statistics are
correlated by the root of the ratio of their models, integrated look by look (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsx.results.arrays import Floats

_NODES = 200
# standard deviations from the mean beyond which there is no mass
_FAR = 9.0


def spent_by(models: Sequence[int], error: float, power: float) -> Floats:
    """(looks,) of an error, what is spent up to each look: all at the last. models: at each, ascending."""
    fractions = np.asarray(models, dtype=float) / models[-1]
    return np.asarray(error * fractions**power)


def nominal_levels(models: Sequence[int], spent: Sequence[float] | Floats) -> Floats:
    """(looks,) one-sided levels of the looks, of which the first that decides is false as often as spent.

    models: at each look, ascending. spent: chance of a false decision up to each look, ascending, above 0. A level is
    at least what is spent at its look alone, at most what is spent up to it. Where one side of a comparison grows less
    than the other the looks agree more than is counted on here, so they err less (Slepian's inequality).
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    times = np.asarray(models, dtype=float) / models[-1]
    unit, unit_weights = np.polynomial.legendre.leggauss(_NODES)
    levels = [float(spent[0])]
    # nodes: of the sum of the scores so far, where nothing was decided; masses: of the density there
    nodes, masses, before = np.zeros(1), np.ones(1), 0.0
    for k in range(1, len(times)):
        low, high = -_FAR * times[k - 1] ** 0.5, -float(ndtri(levels[-1])) * times[k - 1] ** 0.5
        grid = (high - low) / 2 * unit + (high + low) / 2
        density = masses @ _normal(grid - nodes[:, None], times[k - 1] - before)
        nodes, masses, before = grid, (high - low) / 2 * unit_weights * density, times[k - 1]
        at_look = float(spent[k] - spent[k - 1])
        root, spread = times[k] ** 0.5, (times[k] - times[k - 1]) ** 0.5

        def excess(quantile: float) -> float:
            return float(masses @ ndtr((nodes + quantile * root) / spread)) - at_look  # noqa: B023

        between = float(ndtri(at_look)), float(ndtri(spent[k]))
        # where errors are too small for the integral, what is spent at the look alone is on the safe side
        solved = excess(between[0]) < 0 < excess(between[1])
        levels.append(float(ndtr(brentq(excess, *between))) if solved else at_look)
    return np.asarray(levels)


def _normal(x: Floats, variance: float) -> Floats:
    return np.asarray(np.exp(-(x**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance))
