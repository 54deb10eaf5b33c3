"""The statistics of populations: arrays and results tables in, arrays and tables out.

Importing it loads numpy alone; pandas and scipy are loaded by the functions that use them.
"""

from dsx.analysis.bootstrap import mean_difference_interval, mean_interval
from dsx.analysis.comparison import compare, compare_all, comparison_in_words, holm, ks_test
from dsx.analysis.counts import Counts, count_states, finished, finished_errors, mixed_conditions
from dsx.analysis.edf import Edf, edf
from dsx.analysis.quantiles import min_interval, quantile, quantile_difference, quantile_interval
from dsx.analysis.summary import summarize, summarize_errors
from dsx.analysis.superiority import superiority
from dsx.analysis.tables import analyze

__all__ = [
    "Counts",
    "Edf",
    "analyze",
    "compare",
    "compare_all",
    "comparison_in_words",
    "count_states",
    "edf",
    "finished",
    "finished_errors",
    "holm",
    "ks_test",
    "mean_difference_interval",
    "mean_interval",
    "min_interval",
    "mixed_conditions",
    "quantile",
    "quantile_difference",
    "quantile_interval",
    "summarize",
    "summarize_errors",
    "superiority",
]
