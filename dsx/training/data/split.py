"""Holding images out of the training set, by class."""

from __future__ import annotations

import numpy as np


def held_out_split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, held-out rows), each ascending: `share` of every class, at least one image each way.

    labels: (n,) integers. A class with one image keeps it for training. A function of (labels, share, seed) alone.
    """
    held: list[np.ndarray] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(max(1, round(share * len(rows))), len(rows) - 1)
        held.append(np.random.default_rng([seed, int(label)]).permutation(rows)[:count])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), out), out
