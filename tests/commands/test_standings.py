"""How far from a decision studies are, as `dsx status` tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dsx.analysis.verdict import Margin
from dsx.base.errors import DsxError
from dsx.commands.standings import look, parse_margin, standings
from dsx.study.aim import keep_aim
from dsx.study.study import open_study

from standins import launch_here, make_study


def test_a_margin_is_read_as_it_is_typed() -> None:
    assert parse_margin("0.1") == Margin(0.1)
    assert parse_margin(" 1pt") == parse_margin("1 point") == Margin(1.0, "points")
    with pytest.raises(DsxError, match=r"expected a distance from even odds such as 0.05, or points of error"):
        parse_margin("a bit")
    with pytest.raises(DsxError, match=r"as a probability it lies between 0 and 0.5"):
        parse_margin("5")


def test_a_comparison_is_told_once_and_studies_without_one_say_nothing(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=2, seed=seed) for seed, name in enumerate("abc")]
    assert standings(studies) == [(), (), ()]
    keep_aim(studies[:2], 300, None, 0.95)
    launch_here(studies[0], workers=1)
    line = "    2 and 0 models cannot decide between a and b: it takes at least 9 of each."
    told = ("  until decided, at most 300 models of each:", line)
    assert standings([open_study(study.path) for study in studies]) == [told, (), ()]
    assert standings(studies[1:2]) == [told]


def test_studies_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / parent / "x", n=2) for parent in "ab"]
    (verdict,) = look(studies, None, 0.95).verdicts
    assert (verdict.a, verdict.b) == (f"{tmp_path}/a/x", f"{tmp_path}/b/x")


def test_a_study_that_is_gone_is_named(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=2) for name in "ab"]
    keep_aim(studies, 300, None, 0.95)
    shutil.rmtree(tmp_path / "b")
    (told,) = standings(studies[:1])
    assert told[0].startswith(f"  until decided: not known: {tmp_path}/b: no such folder")
