"""`dsx plan` tells models and cost of a verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dsx
from dsx import analysis
from dsx.analysis.power import power_curve
from dsx.base.errors import DsxError
from dsx.base.units import short
from dsx.commands.plan import PlanRequest, plan
from dsx.study.study import Study

from command_line import Command

SPACE = dsx.load_space("AnyNetXA-digits")
# of the error that is allowed, four fifths are the verdict's by the errors as they are
VERDICT = {"level": 1 - 0.05 * 0.8}


class Pretended(Study):
    """A study whose results are given, not trained: errors that rise with the times that the width falls."""

    shift = 0.0

    def results(self) -> pd.DataFrame:
        table = self.population.table
        widths = table[[f"width_{i}" for i in range(1, 5)]].to_numpy(float)
        steps_down = (np.diff(widths, axis=1) < 0).sum(axis=1)
        noise = np.random.default_rng(len(table)).normal(0, 0.3, len(table))
        error = 3 + self.shift + 0.5 * steps_down + noise
        return table.assign(state="done", error=error, run_id=table["model_id"], seconds=36.0)


def pretended(folder, n: int = 60, shift: float = 0.0) -> Study:
    population = dsx.sample(SPACE, n=n, seed=n)
    request = {"n": n, "constraints": SPACE.constraint_texts, "resolution": 8, "num_classes": 10}
    study = Study.create(folder, population, SPACE.to_dict(), request, n)
    study.__class__ = Pretended
    study.shift = shift  # type: ignore[attr-defined]
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[Study]:
    folder = tmp_path_factory.mktemp("studies")
    return [pretended(folder / "a"), pretended(folder / "b", n=40, shift=0.6)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan")


@pytest.fixture(scope="module")
def told(studies: list[Study], written: Path) -> str:
    """What is planned for half a point between both, whose power curves are written."""
    return plan(studies, PlanRequest(difference=0.5), written)


@pytest.fixture(scope="module")
def told_of_one(studies: list[Study]) -> str:
    """The same with the first as pilot of both."""
    return plan(studies[:1], PlanRequest(difference=0.5))


def row(told: str, name: str) -> list[str]:
    (line,) = [line for line in told.splitlines() if line.strip().startswith(f"{name}  ")]
    return line.split()


@pytest.mark.slow
def test_a_difference_is_planned_for_at_any_look_and_at_one(studies: list[Study], told: str) -> None:
    errors = [study.results()["error"] for study in studies]
    any_look, one_look = (analysis.plan(*errors, 0.5, looks=looks, **VERDICT) for looks in ("any", "one"))
    assert told.splitlines()[0] == f"{studies[0].path} and {studies[1].path}: {any_look.words}"
    between = f"({one_look.n_low}–{one_look.n_high})"
    hours = short(2 * any_look.n * 36 / 3600)
    assert row(told, "0.5 points") == ["0.5", "points", f"{any_look.n:,}", f"{one_look.n:,}", between, hours]
    sizes = [8, 16, 32, 64, 128, 256, 512]
    curves = [power_curve(errors, sizes, d, **VERDICT) for d in (1.0, 0.5, 0.25)]
    assert row(told, "64")[1:] == [f"{curve.power[3]:.2f}" for curve in curves]
    once = plan(studies, PlanRequest(difference=0.5, looks="one"))
    assert once.splitlines()[0].endswith(one_look.words)
    curve = power_curve(errors, [64], 0.5, looks="one", **VERDICT)
    assert f"{curve.power[0]:.2f} ({curve.low[0]:.2f}–{curve.high[0]:.2f})" in once
    assert row(once, "0.5 points")[-1] == short(2 * one_look.n * 36 / 3600)


@pytest.mark.slow
def test_without_a_difference_what_the_pilots_leave_open_is_carried_through(studies: list[Study]) -> None:
    errors = [study.results()["error"] for study in studies]
    told = plan(studies)
    one_look = analysis.plan(*errors, looks="one", **VERDICT)
    assert one_look.n_low < one_look.n < (one_look.n_high or 9999)
    high = f"{one_look.n_high:,}" if one_look.n_high else "over 2,000"
    assert f"{one_look.n} ({one_look.n_low}–{high})" in told
    low, middle, high = np.quantile(power_curve(errors, [2], looks="one").superiority, [0.025, 0.5, 0.975])
    assert f"with probability {middle:.2f} ({low:.2f}–{high:.2f}), and all of that range counts" in told
    assert low < middle < high


@pytest.mark.slow
def test_the_chance_of_the_right_order_is_told_of_two(studies: list[Study], told: str, told_of_one: str) -> None:
    order = analysis.right_order(*(study.results() for study in studies), [4]).iloc[0]
    expected = f" {order['by_mean']:.2f} ({order['by_mean_low']:.2f}–{order['by_mean_high']:.2f})"
    assert expected in told
    assert "chance that so few" not in told_of_one


@pytest.mark.slow
def test_verdicts_that_are_decided_together_take_more_models(studies: list[Study], tmp_path) -> None:
    third = pretended(tmp_path / "c", n=30)
    together = plan([*studies, third], PlanRequest(0.5))
    assert together.count("as one of 3 comparisons") == 3
    errors = [study.results()["error"] for study in studies]
    assert analysis.plan(*errors, 0.5, comparisons=3, **VERDICT).words in together
    assert analysis.plan(*errors, 0.5, comparisons=15, **VERDICT).words in plan(
        studies, PlanRequest(0.5, comparisons=15)
    )


@pytest.mark.slow
def test_one_pilot_stands_for_both_spaces(studies: list[Study], told_of_one: str) -> None:
    verdict = analysis.plan(studies[0].results()["error"], None, 0.5, **VERDICT)
    assert told_of_one.startswith(f"{studies[0].path} as pilot: {verdict.words}")
    with pytest.raises(DsxError, match="one pilot shows no difference: give the difference in points that matters"):
        plan(studies[:1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nowhere: no such folder"),
        (("--looks", "once"), "looks = once: expected any (verdicts that hold however often one looks), or one ("),
        (("--level", 95), "level = 95.0: expected a share between 0 and 1, such as 0.95"),
        (("--comparisons", 0), "--comparisons 0: expected an integer ≥ 1, verdicts decided together"),
    ],
)
def test_the_command_says_what_is_wrong(dsx: Command, arguments: tuple[object, ...], message: str) -> None:
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", "a")
    done = dsx("plan", *(["a"] if arguments else ["nowhere"]), *arguments)
    assert done.code == 2
    assert message in done.err


def test_pilots_that_say_nothing_are_named(dsx: Command) -> None:
    assert "no study named" in dsx("plan").err
    dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", "a")
    done = dsx("plan", "a", "--difference", 1)
    assert done.code == 2
    assert done.err.startswith("dsx: a: no finished model (2 models: 0 done, ")


@pytest.mark.slow
def test_power_curves_are_written_for_each_pair(studies: list[Study], told: str, written: Path, tmp_path: Path) -> None:
    assert told.splitlines()[-1] == f"wrote {written / 'power'}: .csv, .png and .pdf"
    assert {path.name for path in written.iterdir()} == {"power.csv", "power.png", "power.pdf"}
    table = pd.read_csv(written / "power.csv")
    assert set(table["difference"]) == {"1 point", "0.5 points", "0.25 points"}
    assert set(table["looks"]) == {"any", "one"}
    known = power_curve([study.results()["error"] for study in studies], [16], 0.5, looks="one", **VERDICT)
    row = table[(table["difference"] == "0.5 points") & (table["looks"] == "one") & (table["n"] == 16)]
    assert row["power"].tolist() == pytest.approx(known.power.tolist())
    plan([*studies, pretended(tmp_path / "c", n=30)], PlanRequest(looks="one"), tmp_path / "three")
    assert len(list((tmp_path / "three").glob("power_a_b.*"))) == 3
    assert len(list((tmp_path / "three").iterdir())) == 9
