"""Narrowing finds what was built in, and little of what was not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx import analysis
from dsx.analysis.narrow import Suggestion, chosen, suggestions
from dsx.base.errors import DsxError
from dsx.commands.narrow import difference, narrow, write_space
from dsx.commands.plan import plan
from dsx.spaces.files import merge
from dsx.study.study import Study

from command_line import Command

SPACE = dsx.load_space("AnyNetXA-digits")


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return dsx.sample(SPACE, n=240, seed=1).table


def with_errors(population: pd.DataFrame, effect: np.ndarray, seed: int = 0, noise: float = 0.3) -> pd.DataFrame:
    error = 3 + effect + np.random.default_rng(seed).normal(0, noise, len(population))
    return population.assign(state="done", error=error, run_id=population["model_id"])


def widths(population: pd.DataFrame) -> np.ndarray:
    return population[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)


def test_an_order_that_helps_is_found_and_its_opposite_is_not(population: pd.DataFrame) -> None:
    steps_down = (np.diff(widths(population), axis=1) < 0).sum(axis=1)
    found = suggestions(SPACE, with_errors(population, 0.5 * steps_down), ["width"])
    orders = [s for s in found if s.kind == "order" and s.supported]
    assert [s.change for s in orders] == [{"rules": {"width": "non_decreasing"}}]
    assert orders[0].words == "width: values never decrease from stage to stage"
    assert "with the error −0." in orders[0].evidence
    assert "after correction for" in orders[0].evidence


def test_a_range_that_helps_is_found_close_to_where_it_is(population: pd.DataFrame) -> None:
    narrowest = widths(population).min(axis=1)
    found = suggestions(SPACE, with_errors(population, np.where(narrowest >= 24, 0, 3.0)), ["width"])
    (width,) = [s for s in found if s.kind == "range"]
    assert width.supported
    assert 16 <= width.change["parameters"]["width"]["low"] <= 32


def test_sharing_that_costs_nothing_is_found_and_sharing_that_costs_is_not() -> None:
    many = dsx.sample(SPACE, n=900, seed=1).table
    nothing = suggestions(SPACE, with_errors(many, np.zeros(900)), ["bottleneck_ratio"])
    (sharing,) = [s for s in nothing if s.kind == "sharing"]
    assert sharing.supported
    assert sharing.change == {"parameters": {"bottleneck_ratio": {"per": "network"}}}
    distinct = many[[f"bottleneck_ratio_{i}" for i in range(1, 5)]].nunique(axis=1).to_numpy()
    costly = suggestions(SPACE, with_errors(many, -0.5 * distinct), ["bottleneck_ratio"])
    assert not any(s.supported for s in costly if s.kind == "sharing")


def test_noise_alone_is_seldom_taken_for_an_order_or_a_range(population: pd.DataFrame) -> None:
    fooled = 0
    for seed in range(60):
        found = suggestions(SPACE, with_errors(population[:60], np.zeros(60), seed))
        fooled += any(s.supported for s in found if s.kind != "sharing")
    assert fooled <= 7  # 5 % of 60 is 3; P(more than 7) < 1 %


def test_ordered_spaces_are_not_told_to_order_again(population: pd.DataFrame) -> None:
    space = dsx.load_space("AnyNetXE-digits")
    table = with_errors(dsx.sample(space, n=40, seed=0).table, np.zeros(40))
    assert {s.kind for s in suggestions(space, table)} <= {"range"}


def test_few_models_and_unknown_parameters_are_refused(population: pd.DataFrame) -> None:
    with pytest.raises(DsxError, match="11 finished models: at least 12 are needed"):
        suggestions(SPACE, with_errors(population[:11], np.zeros(11)))
    with pytest.raises(DsxError, match=r"'widht' is no sampled parameter of AnyNetXA-digits\. Did you mean width\?"):
        suggestions(SPACE, with_errors(population, np.zeros(240)), ["widht"])


def suggestion(parameter: str, kind: str, change: dict, pvalue: float = 0.01, supported: bool = True) -> Suggestion:
    return Suggestion(parameter, kind, change, f"{kind} of {parameter}", "seen", pvalue, supported)


def test_suggestions_that_cannot_hold_together_are_not_taken_together() -> None:
    order = suggestion("width", "order", {"rules": {"width": "non_decreasing"}})
    sharing = suggestion("width", "sharing", {"parameters": {"width": {"per": "network"}}}, np.nan)
    fixed = suggestion("depth", "range", {"parameters": {"depth": {"distribution": "fixed", "value": 2}}})
    depths = suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})
    weak = suggestion("group_width", "range", {"parameters": {"group_width": {"low": 8}}}, supported=False)
    assert chosen([sharing, order, depths, fixed, weak]) == [order, fixed]


def test_the_difference_merged_over_the_old_makes_the_new() -> None:
    names = ("AnyNetXA", "AnyNetXE", "RegNetX", "AnyNetXA-digits")
    for before in names:
        for after in names:
            old, new = dsx.load_space(before).to_dict(), dsx.load_space(after).to_dict()
            changed = {k: v for k, v in difference(old, new).items() if v is not None or k in old}
            merged = merge(old, changed)
            expected = {k: v for k, v in new.items() if k not in ("name", "description", "source")}
            assert {k: v for k, v in merged.items() if k in expected and v is not None} == {
                k: v for k, v in merge({}, expected).items() if v is not None
            }


def test_the_written_space_extends_the_old_loads_and_samples(tmp_path) -> None:
    taken = [
        suggestion("width", "order", {"rules": {"width": "non_decreasing"}}),
        suggestion("width", "range", {"parameters": {"width": {"low": 16, "high": 96}}}),
        suggestion("group_width", "sharing", {"parameters": {"group_width": {"per": "network"}}}),
    ]
    space, acceptance = write_space(tmp_path / "mine.yaml", SPACE, taken)
    text = (tmp_path / "mine.yaml").read_text()
    assert "extends: AnyNetXA-digits" in text
    assert "# order of width: seen" in text
    assert "stem" not in text
    assert acceptance > 0
    table = dsx.sample(dsx.load_space(str(tmp_path / "mine.yaml")), n=20, seed=0).table
    assert (np.diff(widths(table), axis=1) >= 0).all()
    assert widths(table).min() >= 16
    assert widths(table).max() <= 96
    assert "group_width" in table
    assert space.name == "mine"


def test_a_space_without_a_file_is_written_whole(tmp_path) -> None:
    own = SPACE.model_copy(update={"name": "unheard-of"})
    write_space(tmp_path / "mine.yaml", own, [suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})])
    assert "extends" not in (tmp_path / "mine.yaml").read_text()
    assert dsx.load_space(str(tmp_path / "mine.yaml")).rules["depth"].order == "non_decreasing"


def test_a_file_that_is_there_is_not_overwritten(tmp_path) -> None:
    out = tmp_path / "mine.yaml"
    out.write_text("name: precious\n")
    with pytest.raises(DsxError, match="is there already"):
        write_space(out, SPACE, [suggestion("depth", "order", {"rules": {"depth": "non_decreasing"}})])
    assert out.read_text() == "name: precious\n"
    with pytest.raises(DsxError, match="cannot extend one of its own name"):
        write_space(tmp_path / "AnyNetXA-digits.yaml", SPACE, [])


class Pretended(Study):
    """A study whose results are given, not trained."""

    def results(self) -> pd.DataFrame:
        table = self.population.table
        steps_down = (np.diff(widths(table), axis=1) < 0).sum(axis=1)
        return with_errors(table, 0.5 * steps_down)


class Flat(Pretended):
    """A study in which nothing matters."""

    def results(self) -> pd.DataFrame:
        return with_errors(self.population.table, np.zeros(len(self.population)), seed=1)


def pretended(folder, n: int = 60, space: dsx.Space = SPACE) -> Study:
    population = dsx.sample(space, n=n, seed=0)
    request = {"n": n, "constraints": space.constraint_texts, "resolution": 8, "num_classes": 10}
    study = Study.create(folder, population, space.to_dict(), request, 0)
    study.__class__ = Pretended
    return study


def test_narrow_tells_writes_and_names_the_next_command(tmp_path) -> None:
    told = narrow([pretended(tmp_path / "a")], ["width"], tmp_path / "mine.yaml")
    assert "AnyNetXA-digits: 60 models: 60 done" in told
    assert "[supported] width: values never decrease from stage to stage" in told
    assert f"next: dsx sample --space {tmp_path}/mine.yaml --n 60 --seed 1" in told
    assert dsx.load_space(str(tmp_path / "mine.yaml")).rules["width"].order == "non_decreasing"


def test_narrow_writes_nothing_where_nothing_is_shown(tmp_path, capsys) -> None:
    study = pretended(tmp_path / "a")
    study.__class__ = Flat
    with pytest.raises(DsxError, match="none of these is supported by the models, so no space was written"):
        narrow([study], ["group_width"], tmp_path / "mine.yaml")
    assert "[not shown]" in capsys.readouterr().out
    assert not (tmp_path / "mine.yaml").exists()
    narrow([study], ["group_width"], tmp_path / "mine.yaml", take=[1])
    assert (tmp_path / "mine.yaml").exists()


def test_plan_tells_models_and_cost_for_each_pair(tmp_path) -> None:
    studies = [pretended(tmp_path / "a"), pretended(tmp_path / "b", n=40)]
    told = plan(studies, difference_pct=0.5)
    n = analysis.plan(studies[0].results(), studies[1].results(), 0.5)["n"]
    assert f"{n} models of each space" in told
    assert "1.00 points" in told
    assert "0.25 points" in told
    order = analysis.right_order(*(s.results() for s in studies), [4]).iloc[0]
    assert f" {order['by_mean']:.2f} ({order['by_mean_low']:.2f}–{order['by_mean_high']:.2f})" in told
    assert "chance that so few" not in plan(studies[:1], 0.5)
    assert plan(studies[:1], 0.5).startswith(f"{tmp_path}/a as pilot: To tell a difference of 0.50 points")
    with pytest.raises(DsxError, match="one pilot shows no difference"):
        plan(studies[:1])


def test_studies_of_different_spaces_are_not_narrowed_together(tmp_path) -> None:
    other = pretended(tmp_path / "b", space=dsx.load_space("AnyNetXE-digits"))
    with pytest.raises(DsxError, match="are of different spaces"):
        narrow([pretended(tmp_path / "a"), other])


def test_the_commands_say_what_is_missing(dsx: Command) -> None:
    assert "no study named" in dsx("narrow").err
    assert "no study named" in dsx("plan").err
