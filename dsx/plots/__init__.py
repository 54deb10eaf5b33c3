"""Figures of what `dsx.analysis` returns. Each takes `ax=`, returns it, and keeps its style to itself.

Importing it loads no matplotlib; the functions do.
"""

from dsx.plots.compare import edf_difference, random_search, sample_size
from dsx.plots.edf import edf
from dsx.plots.fits import line_fit, marginals, trend
from dsx.plots.networks import network, top_networks, training_curves
from dsx.plots.population import population
from dsx.plots.scatter import e_fit, pair_scatter, scatter
from dsx.plots.style import save

__all__ = [
    "e_fit", "edf", "edf_difference", "line_fit", "marginals", "network", "pair_scatter", "population", "random_search",
    "sample_size", "save", "scatter", "top_networks", "training_curves", "trend",
]  # fmt: skip
