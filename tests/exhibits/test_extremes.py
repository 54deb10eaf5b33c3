"""The best and the worst models with their parameters."""

from __future__ import annotations

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.extremes import EXHIBIT
from dsx.exhibits.studies import StudyFacts


def test_models_are_listed_from_the_best_to_the_worst_with_what_they_are(inquiry: Inquiry) -> None:
    a, e = EXHIBIT.compute(inquiry)
    models = inquiry.models["A"].sort_values(["error", "model_id"])
    assert a.path == "figures/A/extremes"
    # 24 models: 11 best, the median, 11 worst
    assert a.main["role"].tolist() == ["best"] * 11 + ["median"] + ["worst"] * 11
    assert a.main["rank"].tolist() == [*range(1, 13), *range(14, 25)]
    assert a.main["model_id"].tolist() == models["model_id"].drop(models.index[12]).tolist()
    known = models.set_index("model_id").loc[a.main["model_id"]]
    for name in ("error", "flops", "depth_1", "width_4", "total_depth"):
        assert a.main[name].tolist() == known[name].tolist()
    assert e.main["state"].iloc[-1] == "diverged"


def test_the_report_has_five_of_each_and_a_parameters_stages_in_one_cell(inquiry: Inquiry) -> None:
    assert EXHIBIT.sections is not None
    a, e = EXHIBIT.sections(tuple(EXHIBIT.compute(inquiry)), inquiry)
    assert a.grid is not None
    assert e.grid is not None
    assert [row[0] for row in a.grid.rows] == ["1", "2", "3", "4", "5", "12", "20", "21", "22", "23", "24"]
    assert a.grid.headers == ["rank", "model", "error %", "flops", "params", "acts", "depth", "width",
                              "bottleneck ratio", "group width"]  # fmt: skip
    best = inquiry.models["A"].sort_values(["error", "model_id"]).iloc[0]
    assert a.grid.rows[0][6] == ", ".join(f"{best[f'depth_{i}']:g}" for i in range(1, 5))
    assert e.grid.rows[-1][2] == "90 (diverged)"
    assert a.notes == ("Of 24 models, with parameters as sampled; up to 20 best and 20 worst are in extremes.csv.",)


def test_results_without_parameters_are_listed_too(inquiry: Inquiry) -> None:
    bare = inquiry.tables["A"][["state", "error"]]
    (each,) = EXHIBIT.compute(Inquiry([StudyFacts("theirs", bare)]))
    assert each.main.columns.tolist() == ["role", "rank", "state", "error"]


def test_columns_called_rank_and_role_are_no_obstacle_and_studies_without_models_have_none(inquiry: Inquiry) -> None:
    board = inquiry.tables["A"].assign(rank=range(24), role="student")
    pending = inquiry.tables["A"].assign(state="pending", error=float("nan"))
    (each,) = EXHIBIT.compute(Inquiry([StudyFacts("board", board), StudyFacts("pending", pending)]))
    assert each.main["rank"].iloc[0] == 1
    assert each.main["role"].iloc[0] == "best"
