"""One self-contained HTML page from studies: `write_report(path, [gather(study)])`.

Importing it loads no matplotlib, pandas or plotly; the functions do.
"""

from dsx.report.facts import StudyFacts, gather
from dsx.report.page import render, write_report

__all__ = ["StudyFacts", "gather", "render", "write_report"]
