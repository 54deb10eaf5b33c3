"""One self-contained HTML page about studies: `write_report(path, Inquiry([gather(study)]))`.

Importing it loads no matplotlib, pandas or plotly; the functions do.
"""

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts, gather
from dsx.report.page import render, write_report

__all__ = ["Inquiry", "StudyFacts", "gather", "render", "write_report"]
