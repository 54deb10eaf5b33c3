"""Whether two error distribution functions cross, so that neither population is better at every error.

That a is better is what a verdict says; if it is, a is ahead somewhere. Here is the other claim about the curves that
can be shown: each is ahead somewhere. The hypothesis is that one is nowhere ahead, and both sides have to be refuted.
"""

from __future__ import annotations

import math

import numpy as np

from dsx.analysis.confidence_sequences import edf_sequence_looks, edf_sequence_pvalue
from dsx.analysis.kolmogorov import ks_test
from dsx.analysis.sequential import Track
from dsx.analysis.verdict import Comparison
from dsx.results.arrays import Floats

MEASURE = "at every error"


def crossing(names: tuple[str, str], a: Floats, b: Floats) -> Comparison:
    """At one look: the larger p-value of the two one-sided Kolmogorov–Smirnov tests. a, b: (n,) errors, n ≥ 1."""
    pvalue = max(ks_test(a, b, "greater")[1], ks_test(a, b, "less")[1])
    return _comparison(names, a.size, b.size, pvalue, "Kolmogorov–Smirnov")


def crossing_track(names: tuple[str, str], a: Floats, b: Floats) -> Track:
    """At any look: the bands that hold both curves at all numbers of models at once are clear of each other twice.

    a, b: (n,) errors in order; those beyond the smaller number wait.
    """
    n = min(a.size, b.size)
    pvalue = np.ones(n)
    for look in edf_sequence_looks(n):
        first, second = np.sort(a[:look]), np.sort(b[:look])
        error = np.concatenate([first, second])
        difference = (np.searchsorted(first, error, "right") - np.searchsorted(second, error, "right")) / look
        distance = min(difference.max(), -difference.min()) / 2  # each curve may be off by as much
        pvalue[look - 1] = min(1.0, 2 * edf_sequence_pvalue(look, distance))
    pvalue = np.minimum.accumulate(pvalue)
    comparison = _comparison(names, a.size, b.size, float(pvalue[-1]) if n else 1.0, "bands at all looks")
    return Track(comparison, pvalue, np.ones(n))


def _comparison(names: tuple[str, str], n_a: int, n_b: int, pvalue: float, method: str) -> Comparison:
    """The furthest that two curves can cross is half way up, where p is near e^(−n/4)."""
    return Comparison(
        *names, MEASURE, n_a, n_b, math.nan, pvalue, 1.0, "a", math.exp(-min(n_a, n_b) / 4),
        lambda p: math.ceil(-4 * math.log(p)), lambda _: (math.nan, math.nan), method, claim="neither",
    )  # fmt: skip
