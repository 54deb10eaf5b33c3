"""Figures of what `dsx.analysis` returns. Each takes `ax=`, returns it, and keeps its style to itself.

Figures of several panels divide the place of the axes they are given, whose own frame goes; their title stands above
all panels. Importing it loads no matplotlib; the functions do.
"""

from dsx.plots.attainment import attainment
from dsx.plots.by_complexity import error_by_complexity
from dsx.plots.compare import edf_difference, random_search, sample_size
from dsx.plots.edf import edf
from dsx.plots.fits import line_fit, trend
from dsx.plots.importance import importance
from dsx.plots.networks import network, top_networks, training_curves
from dsx.plots.overview import complexity, pair_scatters, scatters, trends
from dsx.plots.population import marginals, population
from dsx.plots.power import power
from dsx.plots.saving import save
from dsx.plots.scatter import e_fit, pair_scatter, scatter

__all__ = [
    "attainment", "complexity", "e_fit", "edf", "edf_difference", "error_by_complexity", "importance", "line_fit",
    "marginals", "network", "pair_scatter", "pair_scatters", "population", "power", "random_search", "sample_size",
    "save", "scatter", "scatters", "top_networks", "training_curves", "trend", "trends",
]  # fmt: skip
