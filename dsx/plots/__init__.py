"""Figures of what `dsx.analysis` returns. Each takes `ax=`, returns it, and keeps its style to itself.

Importing it loads no matplotlib; the functions do.
"""

from dsx.plots.edf import edf
from dsx.plots.style import save

__all__ = ["edf", "save"]
