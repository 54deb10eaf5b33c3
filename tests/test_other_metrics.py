"""Studies whose metric is another one than an error, of which more is better: all that is said of them."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

from dsx.analysis.confirmation import confirm, confirmation_in_words
from dsx.commands.analyze import AnalysisSettings, analyze
from dsx.commands.sample import SampleRequest, sample
from dsx.commands.show import models_table
from dsx.commands.status import status
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.narrowing.account import narrow
from dsx.recipes.metric import Metric
from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study, open_study

TRAINING = """def run(training):
    stages = training.architecture.stages
    value = 30 + training.seed % 97 / 10 + min(20, sum(stage.depth for stage in stages))
    for epoch in (1, 2, 3):
        training.report(map=value * epoch / 3)
    return {"map": value}
"""
RECIPE = {"name": "mine", "function": "mine:run", "metrics": {"map": {"unit": "%", "better": "higher", "chance": 0}}}
# names of columns and files, and what is of no metric
ALLOWED = re.compile(r"error_by_\w+|--retry error")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[Study]:
    """Two, with two seeds of each model."""
    place = tmp_path_factory.mktemp("runs")
    (place / "mine.py").write_text(TRAINING)
    made = []
    for space in ("AnyNetXA-digits", "RegNetX-digits"):
        sample(SampleRequest(space=space, n=24, out=place / space))
        study = open_study(place / space)
        study.set_recipe(read_recipe({**RECIPE, "code": str(place)}), 2)
        DebugLauncher().launch([open_study(study.path)], LaunchOptions(device="cpu", progress=False))
        made.append(open_study(study.path))
    assert [study.counts()["done"] for study in made] == [48, 48]
    return made


def words_of(page: Path) -> str:
    """What a reader of the page sees."""
    text = re.sub(r"<(style|script)\b.*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", text))


def mistaken(text: str) -> list[str]:
    """The lines that speak of an error."""
    return [line for line in text.splitlines() if re.search(r"\berrors?\b", ALLOWED.sub("", line), re.IGNORECASE)]


@pytest.mark.slow
def test_no_word_of_an_analysis_speaks_of_an_error(studies: list[Study], tmp_path: Path) -> None:
    analysed = analyze([str(study.path) for study in studies], tmp_path, AnalysisSettings(figures="none"))
    assert mistaken(str(analysed)) == []
    assert mistaken(words_of(tmp_path / "report.html")) == []
    tables = [path for path in tmp_path.rglob("*.csv") if "words" in pd.read_csv(path).columns]
    assert len(tables) >= 3
    for path in tables:
        assert mistaken("\n".join(map(str, pd.read_csv(path)["words"]))) == [], path.name


@pytest.mark.slow
def test_the_luck_of_the_best_is_told_in_the_metric(studies: list[Study], tmp_path: Path) -> None:
    analysed = analyze([str(studies[0].path)], tmp_path, AnalysisSettings(figures="none"))
    shown, expected = map(
        float, re.search(r"showed ([\d.]+) %; trained anew it is expected at ([\d.]+) %", str(analysed)).groups()
    )
    best = studies[0].results().groupby("model_id")["map"].mean().max()
    assert shown == pytest.approx(best, abs=0.005)
    assert expected < shown


@pytest.mark.slow
def test_no_word_of_narrow_status_and_show_speaks_of_an_error(studies: list[Study]) -> None:
    said = "\n".join(narrow(studies[:1]).lines)
    medians = re.findall(r"median map ([\d.]+) against ([\d.]+) %, the higher map in \d+ % of pairs", said)
    assert medians
    assert all(30 <= float(value) <= 60 for pair in medians for value in pair)
    looked_at = [line for found in status([str(study.path) for study in studies]) for line in found.lines()]
    assert mistaken("\n".join([said, models_table(studies[0]), *looked_at])) == []


def test_confirmed_models_are_told_in_the_metric() -> None:
    before = pd.DataFrame({"model_id": ["a", "b"], "state": "done", "error": [40.0, 50.0]})
    anew = pd.DataFrame(
        {
            "model_id": ["a", "a", "b", "b"],
            "state": "done",
            "error": [44.0, 46.0, 50.0, 52.0],
            "replicate": [0, 1, 0, 1],
        }
    )
    metric = Metric(name="map", unit="%", better="higher")
    lines = confirmation_in_words(confirm(before, anew), metric)
    assert lines[0].startswith("The best model showed 60.00 %; trained anew with 2 fresh seeds 55.00 % (")
    assert lines[1].startswith(
        "Of 2 models the median is 55.00 % before and 52.00 % anew, that of the changes −3.00 points"
    )
    assert mistaken("\n".join(lines)) == []
