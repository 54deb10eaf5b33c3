"""How far from a decision studies are, as `dsx status` tells it."""

from __future__ import annotations

import shutil
from pathlib import Path

from dsx.commands.standings import look, standings
from dsx.study.aim import keep_aim
from dsx.study.study import open_study

from standins import launch_here, make_study


def test_a_comparison_is_told_once_and_studies_without_one_say_nothing(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=2, seed=seed) for seed, name in enumerate("abc")]
    assert standings(studies) == [(), (), ()]
    keep_aim(studies[:2], 300, None, 0.95)
    launch_here(studies[0], workers=1)
    line = "    No model of b is trained yet."
    told = ("  until decided, at most 300 models of each:", line)
    assert standings([open_study(study.path) for study in studies]) == [told, (), ()]
    assert standings(studies[1:2]) == [told]


def test_studies_of_one_name_are_told_by_their_folders(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / parent / "x", n=2) for parent in "ab"]
    assert look(studies, None, 0.95).untrained == (f"{tmp_path}/a/x", f"{tmp_path}/b/x")


def test_a_study_that_is_gone_is_named(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=2) for name in "ab"]
    keep_aim(studies, 300, None, 0.95)
    shutil.rmtree(tmp_path / "b")
    (told,) = standings(studies[:1])
    assert told[0].startswith(f"  until decided: not known: {tmp_path}/b: no such folder")
