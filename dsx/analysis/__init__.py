"""The statistics of populations: arrays and results tables in, arrays and tables out.

Importing it loads numpy alone; pandas and scipy are loaded by the functions that use them.
"""

from dsx.analysis.attainment import (
    Attained,
    JointDifference,
    JointEdf,
    attained,
    chance_within,
    joint_difference,
    joint_edf,
)
from dsx.analysis.best import JointRange, best_range, best_ranges, best_weights, joint_best_range
from dsx.analysis.best_of_k import BestOfK, best_of_k
from dsx.analysis.bootstrap import mean_difference_interval, mean_interval
from dsx.analysis.comparison import PopulationDifference, compare, compare_all, comparison_in_words, holm
from dsx.analysis.confidence_sequences import (
    ConfidenceSequence,
    asymptotic_mean_sequence,
    edf_sequence_half_width,
    mean_sequence,
    quantile_sequence,
)
from dsx.analysis.curves import representative_curves
from dsx.analysis.decisions import Decisions, decisions
from dsx.analysis.distribution import area, pointwise_band, share_below
from dsx.analysis.dominance import Dominance, EdfDifference, dominance, dominance_in_words, edf_difference
from dsx.analysis.edf import Edf, edf
from dsx.analysis.importance import importance_table
from dsx.analysis.kolmogorov import ks_test
from dsx.analysis.linear import LinearFit, block_widths, linear_fit, linear_fit_table, linear_fits, table_widths
from dsx.analysis.power import Plan, plan, power_curve
from dsx.analysis.quantiles import min_interval, quantile, quantile_difference, quantile_interval
from dsx.analysis.regression import LineFit, fit_columns, fit_line
from dsx.analysis.replay import models_to_decide
from dsx.analysis.sample_size import ks_by_sample_size, right_order
from dsx.analysis.search import SearchCurve, expected_minimum, random_search
from dsx.analysis.sequential import sequential_verdicts
from dsx.analysis.summary import ErrorSummary, summarize, summarize_errors
from dsx.analysis.superiority import superiority
from dsx.analysis.tables import analyze, edf_difference_table, linear_table, verdicts_table
from dsx.analysis.trends import RankCorrelation, rank_agreement, rank_correlation, trend, trend_fits
from dsx.analysis.trimmed import trimmed_mean, trimmed_mean_difference
from dsx.analysis.verdict import Margin, Verdict, parse_margin, verdicts
from dsx.analysis.verdict_words import verdict_sentence
from dsx.analysis.weights import (
    MatchedBins,
    MatchedDifference,
    compare_matched,
    matched_bins,
    matched_in_words,
    matched_weights,
)
from dsx.results.columns import parameter_columns
from dsx.results.readers import read_nds, read_pycls, read_results
from dsx.results.states import Counts, count_states, finished, finished_errors, mixed_conditions
from dsx.results.table_files import read_csv, read_parquet

__all__ = [
    "Attained",
    "BestOfK",
    "ConfidenceSequence",
    "Counts",
    "Decisions",
    "Dominance",
    "Edf",
    "EdfDifference",
    "ErrorSummary",
    "JointDifference",
    "JointEdf",
    "JointRange",
    "LineFit",
    "LinearFit",
    "Margin",
    "MatchedBins",
    "MatchedDifference",
    "Plan",
    "PopulationDifference",
    "RankCorrelation",
    "SearchCurve",
    "Verdict",
    "analyze",
    "area",
    "asymptotic_mean_sequence",
    "attained",
    "best_of_k",
    "best_range",
    "best_ranges",
    "best_weights",
    "block_widths",
    "chance_within",
    "compare",
    "compare_all",
    "compare_matched",
    "comparison_in_words",
    "count_states",
    "decisions",
    "dominance",
    "dominance_in_words",
    "edf",
    "edf_difference",
    "edf_difference_table",
    "edf_sequence_half_width",
    "expected_minimum",
    "finished",
    "finished_errors",
    "fit_columns",
    "fit_line",
    "holm",
    "importance_table",
    "joint_best_range",
    "joint_difference",
    "joint_edf",
    "ks_by_sample_size",
    "ks_test",
    "linear_fit",
    "linear_fit_table",
    "linear_fits",
    "linear_table",
    "matched_bins",
    "matched_in_words",
    "matched_weights",
    "mean_difference_interval",
    "mean_interval",
    "mean_sequence",
    "min_interval",
    "mixed_conditions",
    "models_to_decide",
    "parameter_columns",
    "parse_margin",
    "plan",
    "pointwise_band",
    "power_curve",
    "quantile",
    "quantile_difference",
    "quantile_interval",
    "quantile_sequence",
    "random_search",
    "rank_agreement",
    "rank_correlation",
    "read_csv",
    "read_nds",
    "read_parquet",
    "read_pycls",
    "read_results",
    "representative_curves",
    "right_order",
    "sequential_verdicts",
    "share_below",
    "summarize",
    "summarize_errors",
    "superiority",
    "table_widths",
    "trend",
    "trend_fits",
    "trimmed_mean",
    "trimmed_mean_difference",
    "verdict_sentence",
    "verdicts",
    "verdicts_table",
]  # fmt: skip
