"""What the papers found, tested on the reference results: the page is what the script writes; its rules are sound."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import findings
import numpy as np
import pandas as pd
import pytest

from command_line import Command

ROOT = Path(__file__).parent.parent


def errors(values: np.ndarray, **columns: object) -> pd.DataFrame:
    """A results table of finished models."""
    names = [f"m{i}" for i in range(len(values))]
    table = pd.DataFrame({"model_id": names, "run_id": names, "state": "done", "error": values})
    return table.assign(**columns)


def evidence(**tables: pd.DataFrame):
    return findings.Evidence("made up", tables, findings._verdicts(tables), width_scale=4, depth_scale=2)


@pytest.fixture(scope="module")
def two() -> object:
    """A clearly better and a clearly worse population, 40 models each."""
    rng = np.random.default_rng(0)
    good = errors(rng.normal(10, 1, 40), total_depth=rng.permutation([8, 30] * 20))
    good["error"] = np.where(good["total_depth"] == 8, 8, 12) + rng.normal(0, 0.1, 40)
    return evidence(AnyNetXD=good, AnyNetXC=errors(rng.normal(20, 1, 40)))


def test_a_finding_agrees_contradicts_or_cannot_be_tested(two) -> None:
    assert findings.better("AnyNetXD", "AnyNetXC")(two).verdict == "agrees"
    assert findings.better("AnyNetXC", "AnyNetXD")(two).verdict == "contradicts"
    assert findings.better("AnyNetXD", "RegNetX")(two) == findings.Outcome("–", "not tested")
    assert findings.costs_nothing("AnyNetXD", "AnyNetXC")(two).verdict == "agrees"
    assert findings.costs_nothing("AnyNetXC", "AnyNetXD")(two).verdict == "contradicts"


def test_the_chance_is_told_of_the_first_space_whichever_way_the_study_has_them(two) -> None:
    told, turned = (findings.better(*pair)(two).told for pair in (("AnyNetXD", "AnyNetXC"), ("AnyNetXC", "AnyNetXD")))
    assert told.startswith("P = 1.00 (")
    assert turned.startswith("P = 0.00 (")


def test_equal_populations_are_undecided() -> None:
    rng = np.random.default_rng(1)
    same = evidence(AnyNetXD=errors(rng.normal(10, 1, 40)), AnyNetXC=errors(rng.normal(10, 1, 40)))
    assert findings.better("AnyNetXD", "AnyNetXC")(same).verdict == "undecided"
    assert findings.few_models_decide(same) == findings.Outcome("none of 1 pairs yet", "undecided")


def test_a_best_range_is_held_against_the_papers_at_the_scale_of_the_study(two) -> None:
    def within(low: float, high: float):
        return findings.best_within("AnyNetXD", "total_depth", low, high, lambda e: e.depth_scale)(two)

    assert within(10, 24) == findings.Outcome("best 8 (8–8, of 5–12)", "agrees")
    assert within(20, 24).verdict == "contradicts"
    few = findings.Evidence("few", {"AnyNetXD": two.tables["AnyNetXD"].iloc[:5]}, {}, 4, 2)
    assert findings.best_within("AnyNetXD", "total_depth", 1, 9)(few).verdict == "not tested"


@pytest.fixture(scope="module")
def studies() -> list[object]:
    return [findings.digits(), findings.fashion()]


@pytest.mark.slow
def test_the_page_is_what_the_script_writes_and_writes_again(studies) -> None:
    written = findings.page(studies)
    assert findings.PAGE.read_text(encoding="utf-8") == written, "python analysis/findings.py writes it anew"
    assert findings.page(studies) == written


@pytest.mark.slow
def test_the_page_counts_the_models_that_are_committed(studies) -> None:
    for study, folder in zip(studies, ("reference", "reference_28"), strict=True):
        facts = json.loads((ROOT / "experiments" / folder / "manifest.json").read_text())["models"]
        assert (
            f"- **{study.title}**: {sum(facts.values())} models, 64 of each of {len(facts)} spaces."
            in findings.page(studies)
        )


@pytest.mark.slow
def test_at_least_twelve_findings_are_tested_on_each(studies) -> None:
    text = findings.page(studies)
    assert len(findings.FINDINGS) >= 16
    for told in re.findall(r"^- .*agrees.*$", text, flags=re.MULTILINE):
        assert sum(int(n) for n in re.findall(r"(\d+) (?:agrees|contradicts|undecided)", told)) >= 12


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_the_commands_of_the_page_show_its_numbers(studies, dsx: Command, tmp_path: Path) -> None:
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", findings.PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        program, *words = shlex.split(line)
        assert program == "dsx"
        done = dsx(*words)
        assert done.code == 0, (line, done.err)
    table = pd.read_csv(tmp_path / "findings_digits" / "verdicts.csv").set_index(["a", "b", "measure"])
    row = table.loc[("AnyNetXE-digits", "RegNetX-digits", "error")]
    told = findings.better("RegNetX", "AnyNetXE")(studies[0]).told
    assert told == f"P = {1 - row['superiority']:.2f} ({1 - row['high']:.2f}–{1 - row['low']:.2f})"
    assert (tmp_path / "findings_28" / "best_ranges.csv").is_file()
