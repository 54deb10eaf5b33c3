"""The folder of a walk: what was asked for is kept, another walk is refused, and the chain is written as files."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsx
from dsx.analysis.step_test import Look
from dsx.analysis.verdict import Margin
from dsx.base.errors import DsxError
from dsx.designing.folder import DesignFolder, evidence_of
from dsx.designing.plan import Step, WalkPlan
from dsx.designing.refinement import Refinement
from dsx.recipes.recipe import load_recipe
from dsx.spaces.files import lineage

SPACE = dsx.load_space("AnyNetXA-digits")
LOOK = Look(32, 40, 0.71, 0.58, 0.81, 0.002, 1.0, 0.0075, "better")


def step(number: int, change: dict, kind: str = "derived", looks: tuple[Look, ...] = (LOOK,), known: int = 0) -> Step:
    refinement = Refinement(f"rule {number}", kind, change, "seen.", True, True)  # type: ignore[arg-type]
    before = "AnyNetXA-digits" + (f"-{number - 1}" if number > 1 else "")
    return Step(number, refinement, before, f"AnyNetXA-digits-{number}", 0.025, looks, known=known)


def test_what_was_asked_for_is_what_is_opened(tmp_path: Path) -> None:
    folder = DesignFolder(tmp_path / "walk")
    plan = WalkPlan(120, 2.5, 3, 0.9, Margin(0.5, "points"))
    folder.keep(SPACE, plan, {"name": "digits"})
    space, opened, recipe = folder.open()
    assert (space.definition_hash, opened, recipe) == (SPACE.definition_hash, plan, {"name": "digits"})


def test_a_command_with_a_path_is_one_for_a_shell(tmp_path: Path) -> None:
    folder = DesignFolder(tmp_path / "a walk")
    folder.keep(SPACE, WalkPlan(120))
    with pytest.raises(DsxError) as told:
        folder.keep(SPACE, WalkPlan(120, seed=1))
    assert f"(dsx design --out '{folder.root}')" in str(told.value)


def test_a_recipe_of_an_earlier_version_is_the_same_where_it_says_the_same(tmp_path: Path) -> None:
    folder, recipe = DesignFolder(tmp_path), load_recipe("digits")
    earlier = {key: value for key, value in recipe.to_dict().items() if key not in ("capture", "clip_gradient")}
    folder.keep(SPACE, WalkPlan(120), earlier)
    folder.keep(SPACE, WalkPlan(120), recipe.to_dict())
    with pytest.raises(DsxError) as told:
        folder.keep(SPACE, WalkPlan(120), load_recipe("digits", {"epochs": 4}).to_dict())
    assert "begun otherwise (recipe: epochs: 8 → 4)" in str(told.value)


def test_more_may_be_asked_of_a_walk_and_nothing_else(tmp_path: Path) -> None:
    folder = DesignFolder(tmp_path)
    folder.keep(SPACE, WalkPlan(120))
    folder.keep(SPACE, WalkPlan(300, hours=1.0))
    assert folder.open()[1] == WalkPlan(300, hours=1.0)
    for space, plan, what in (
        (dsx.load_space("AnyNetXE-digits"), WalkPlan(300), "space AnyNetXA-digits → AnyNetXE-digits"),
        (SPACE, WalkPlan(300, margin=Margin(0.2)), "margin 0.1 → 0.2"),
    ):
        with pytest.raises(DsxError) as told:
            folder.keep(space, plan)
        assert str(told.value) == (
            f"{tmp_path}: holds a walk that was begun otherwise ({what}); go on with it as it is (dsx design --out"
            f" {tmp_path}), or choose another folder with --out"
        )


def test_a_folder_without_a_walk_or_with_a_torn_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(DsxError, match=r"no walk here \(no design\.yaml\); name a space with --space to begin one$"):
        DesignFolder(tmp_path).read()
    (tmp_path / "design.yaml").write_text("plan: 3\n")
    with pytest.raises(DsxError, match=r"not the request of a walk; restore it from a copy, or choose another folder$"):
        DesignFolder(tmp_path).read()


def test_a_study_is_no_folder_for_a_walk(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("name: A\n")
    with pytest.raises(DsxError) as told:
        DesignFolder(tmp_path).keep(SPACE, WalkPlan(120))
    assert str(told.value) == f"{tmp_path}: is a study: a walk needs a folder of its own; name another with --out"
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_the_chain_is_files_that_extend_each_other(tmp_path: Path) -> None:
    steps = [
        step(1, {"rules": {"few": "total_depth <= 9"}}),
        step(2, {"parameters": {"group_width": {"per": "network"}}}, "sharing"),
        step(3, {"parameters": {"depth": {"distribution": "fixed", "value": 2, "per": "network"}}}),
    ]
    chain = [SPACE]
    for each in steps:
        chain.append(each.refinement.applied(chain[-1], each.after))
    folder = DesignFolder(tmp_path)
    paths = folder.write_chain(chain, steps)
    assert [path.name for path in paths] == [f"AnyNetXA-digits{end}.yaml" for end in ("", "-1", "-2", "-3")]
    assert [name for name, _ in lineage(paths[-1])] == [space.name for space in chain]
    assert [dsx.load_space(path).definition_hash for path in paths] == [space.definition_hash for space in chain]
    before = paths[1].stat().st_mtime_ns
    folder.write_chain(chain, steps)
    assert paths[1].stat().st_mtime_ns == before
    assert paths[2].read_text() == (
        "# rule 2\n"
        "# better: 32 fresh models of it and 40 of what it leaves out; a model of it beats one of those with chance"
        " 0.71 (0.58–0.81); p = 0.002, where 0.0075 decides at look 1\n"
        "name: AnyNetXA-digits-2\n"
        "description: 'AnyNetXA-digits-1 narrowed: rule 2'\n"
        "source: dsx design\n"
        "extends: AnyNetXA-digits-1\n"
        "parameters:\n"
        "  group_width:\n"
        "    per: network\n"
    )


def test_evidence_says_what_was_known_and_what_was_by_hand() -> None:
    assert "40 of what it leaves out (30 of them known before); a model" in evidence_of(step(1, {}, known=30))[0]
    one_value = Refinement(
        "one value", "sharing", {}, "seen.", True, exact=False
    )  # no draws of the wider space keep it
    assert "40 of the wider space; a model of it" in evidence_of(Step(1, one_value, "A", "A-1", looks=(LOOK,)))[0]
    assert evidence_of(step(1, {}, looks=())) == ["taken by hand: no test, and outside what is said of errors"]


def test_ones_own_candidates_are_yaml_files(tmp_path: Path) -> None:
    folder = DesignFolder(tmp_path)
    assert folder.wanted() == {}
    folder.candidates.mkdir()
    (folder.candidates / "few.yaml").write_text("rules: {few: total_depth <= 6}\n")
    assert folder.wanted() == {"few": {"rules": {"few": "total_depth <= 6"}}}


def test_the_folder_of_a_study_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").touch()
    for refused in (DesignFolder(tmp_path).check_no_study, lambda: DesignFolder(tmp_path).keep(SPACE, WalkPlan(120))):
        with pytest.raises(DsxError) as told:
            refused()
        assert str(told.value) == (f"{tmp_path}: is a study: a walk needs a folder of its own; name another with --out")
