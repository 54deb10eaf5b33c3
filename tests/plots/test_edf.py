from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dsx import plots
from dsx.analysis import edf
from dsx.base.errors import DsxError


def results(errors, state="done") -> pd.DataFrame:
    n = len(errors)
    return pd.DataFrame({"model_id": [str(i) for i in range(n)], "state": state, "error": errors})


def texts(ax) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def test_legend_has_n_min_and_mean_and_the_counts_stand_below():
    table = results([1.8, 3.2, 90.0, np.nan])
    table.loc[2, "state"], table.loc[3, "state"] = "diverged", "failed"
    ax = plots.edf({"AnyNetXA": table, "B": [2.0, 3.0]})
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "AnyNetXA (n 3, min 1.8, mean 31.7)",
        "B (n 2, min 2.0, mean 2.5)",
    ]
    assert "AnyNetXA: 4 models: 2 done, 1 diverged (counted at chance error 90 %), 1 failed, 0 pending" in texts(
        ax
    ).replace("\n", " ")
    assert "(%)" in ax.get_xlabel()


def test_steps_rise_from_zero_to_one_at_the_errors():
    ax = plots.edf({"A": [1.0, 2.0, 2.0, 4.0]})
    line = next(line for line in ax.lines if line.get_label().startswith("A"))
    x, y = line.get_data()
    assert y[0] == 0
    assert y[-1] == 1
    drawn = {1.5: 0.25, 2.5: 0.75, 3.9: 0.75, 4.05: 1.0}
    for e, share in drawn.items():
        assert y[np.searchsorted(x, e, side="right") - 1] == share == edf([1.0, 2.0, 2.0, 4.0])(e)


def test_far_models_beyond_the_right_end_are_said_to_be_there():
    ax = plots.edf({"A": np.append(np.linspace(2, 4, 30), 90.0)})
    assert ax.get_xlim()[1] < 10
    assert "Beyond the right end: 1 of 31 models, at 90 % error." in texts(ax)


def test_given_axes_are_used_and_returned():
    ax = Figure().add_subplot()
    assert plots.edf(edf([1.0, 2.0]), ax=ax) is ax


@pytest.mark.slow
@pytest.mark.parametrize("errors", [[4.0], [4.0] * 10, [90.0] * 10, [0.0] * 3])
def test_degenerate_populations_are_drawn(errors, tmp_path):
    plots.save(plots.edf({"A": results(errors)}), tmp_path, "edf")
    assert (tmp_path / "edf.png").stat().st_size > 1000


def test_a_study_without_finished_models_is_named_below():
    ax = plots.edf({"A": [1.0, 2.0], "B": results([np.nan], "pending")})
    assert "B: not drawn, no finished model" in texts(ax)
    assert "B: 1 model: 0 done, 0 diverged, 0 failed, 1 pending" in texts(ax)


def test_no_finished_model_at_all_is_an_error_with_the_counts():
    with pytest.raises(DsxError) as caught:
        plots.edf({"B": results([np.nan], "pending")})
    assert str(caught.value) == (
        "nothing to draw: no study has a finished model (B: 1 model: 0 done, 0 diverged, 0 failed, 1 pending)"
    )
    with pytest.raises(DsxError, match="nothing to draw: give at least one study"):
        plots.edf({})


@pytest.mark.slow
def test_saving_writes_the_same_png_and_pdf_again(tmp_path):
    first = [p.read_bytes() for p in plots.save(plots.edf([1.0, 2.0]), tmp_path / "new", "edf")]
    paths = plots.save(plots.edf([1.0, 2.0]), tmp_path / "new", "edf")
    assert [p.name for p in paths] == ["edf.png", "edf.pdf"]
    assert [p.read_bytes() for p in paths] == first
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["edf.pdf", "edf.png"]


@pytest.mark.slow
def test_matplotlibs_settings_are_left_as_they_were(tmp_path):
    before = dict(matplotlib.rcParams)
    plots.save(plots.edf([1.0, 2.0]), tmp_path, "edf")
    assert dict(matplotlib.rcParams) == before


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DsxError, match=r"edf\.png: cannot be written \("):
        plots.save(plots.edf([1.0, 2.0]), tmp_path / "file", "edf")


def test_a_weighted_curve_says_so_in_the_legend():
    ax = plots.edf({"A": edf([1.0, 2.0, 3.0, 4.0], weights=[1, 0, 0, 3])})
    assert "n 4 (weighted, effective 2)" in ax.get_legend().get_texts()[0].get_text()


def test_a_study_whose_name_begins_with_an_underscore_stands_in_every_legend():
    errors = {"_a": [1.0, 2.0, 3.0, 4.0] * 5, "b": [2.0, 3.0, 4.0, 5.0] * 5}
    drawn = [plots.edf(errors), plots.random_search(errors)]
    for ax in drawn:
        names = [text.get_text().split(" ")[0] for text in ax.get_legend().get_texts()]
        assert names == ["_a", "b"]
    far = {"_a": [1.0, 1.1] * 20, "b": [9.0, 9.1] * 20}
    (text,) = plots.edf_difference(far).get_legend().get_texts()
    assert text.get_text() == "_a is ahead"


@pytest.mark.slow
def test_the_hosts_settings_do_not_show(tmp_path):
    plain = plots.save(plots.edf([1.0, 2.0, 4.0]), tmp_path / "plain", "edf")
    with matplotlib.rc_context({"font.size": 30, "axes.linewidth": 5, "figure.dpi": 300, "lines.marker": "o"}):
        strange = plots.save(plots.edf([1.0, 2.0, 4.0]), tmp_path / "strange", "edf")
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in strange]


def test_bands_run_to_the_ends_of_the_axis_and_are_drawn_of_few_studies_unless_asked_for():
    few, many = ({name: np.arange(9.0) + i for i, name in enumerate("ABCD"[:k])} for k in (2, 4))
    ax = plots.edf(few)
    ends = [band.get_paths()[0].vertices[:, 0] for band in ax.collections]
    assert all((x.min() <= ax.get_xlim()[0], x.max() >= ax.get_xlim()[1]) == (True, True) for x in ends)
    assert "95 % simultaneous band" in ax.get_legend().get_title().get_text()
    assert not plots.edf(many).collections
    assert plots.edf(many).get_legend().get_title().get_text() == ""
    assert len(plots.edf(many, bands=True).collections) == 4
    assert not plots.edf(few, bands=False).collections
