"""`dsx design`: the folder is the walk, whatever kills it; any launcher trains it, and a person may steer."""

from __future__ import annotations

import multiprocessing
import os
import random
from pathlib import Path

import pytest

import dsx as package
from dsx.base.errors import DsxError
from dsx.commands.design import Designed, DesignRequest, design, preview, standing, studies_in
from dsx.commands.status import status
from dsx.designing.folder import DesignFolder
from dsx.launch.options import LaunchOptions
from dsx.spaces.files import lineage

from command_line import Command
from standins import trainings

OPTIONS = {"device": "cpu", "progress": False, "trainer": "standins:shallow_train"}


def asked(out: Path, space: str | None = "AnyNetXA-digits", models: int | None = 100, **given: object) -> DesignRequest:
    options = LaunchOptions(**OPTIONS)  # type: ignore[arg-type]
    return DesignRequest(out, space, "digits" if space else None, models, options=options, on="debug", **given)  # type: ignore[arg-type]


def walked(out: Path, **given: object) -> tuple[Designed, list[str]]:
    said: list[str] = []
    return design(asked(out, **given), said.append), said  # type: ignore[arg-type]


def decisions(out: Path) -> list[str]:
    return [path.read_text() for path in sorted((out / "decisions").iterdir())]


def files_of(out: Path) -> dict[str, bytes]:
    """What a walk ends with: its decisions, spaces and tables."""
    named = [*sorted((out / "decisions").iterdir()), *sorted((out / "spaces").iterdir()), out / "best.csv"]
    return {str(path.relative_to(out)): path.read_bytes() for path in named}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Designed, list[str]]:
    out = tmp_path_factory.mktemp("walks") / "whole"
    designed, said = walked(out)
    return out, designed, said


def test_a_walk_narrows_step_by_step_and_tells_why(undisturbed: tuple[Path, Designed, list[str]]) -> None:
    out, designed, said = undisturbed
    assert designed.code == 0
    assert "AnyNetXA-digits → AnyNetXA-digits-1" in designed.lines[0]
    assert any(line.startswith("1. [taken] ") for line in said)
    statement = next(line for line in designed.lines if line.startswith("The chance that any step"))
    assert "false is at most 5 %" in statement
    assert designed.lines[-1] == f"wrote {out}/report.html"
    for name in ("report.html", "chain.png", "chain.pdf", "steps.csv", "best.csv"):
        assert (out / name).stat().st_size > 0
    trained = [study.counts()["done"] for study in studies_in(out)]
    assert 48 <= sum(trained) <= 100


def test_the_spaces_are_files_that_extend_each_other(undisturbed: tuple[Path, Designed, list[str]]) -> None:
    out = undisturbed[0]
    last = max((out / "spaces").glob("*.yaml"), key=lambda path: path.stem)
    names = [name for name, _ in lineage(last)]
    assert names == ["AnyNetXA-digits", *(f"AnyNetXA-digits-{k}" for k in range(1, len(names)))]
    assert package.load_space(last).definition_hash != package.load_space("AnyNetXA-digits").definition_hash
    assert len(package.sample(package.load_space(last), 5)) == 5


@pytest.mark.slow
def test_the_same_command_again_changes_and_trains_nothing(undisturbed: tuple[Path, Designed, list[str]]) -> None:
    out, designed, _ = undisturbed
    before = files_of(out)
    again, said = walked(out, space=None, models=None)
    assert files_of(out) == before
    assert again.lines[:-1] == designed.lines[:-1]
    assert not any("models; recipe" in line for line in said)


@pytest.mark.slow
def test_what_would_be_trained_is_told_and_nothing_written(tmp_path: Path) -> None:
    told = preview(asked(tmp_path / "walk"))
    assert not (tmp_path / "walk").exists()
    assert "round 1: trains 24 models of AnyNetXA-digits to propose by" in told
    assert "next: 24 models of AnyNetXA-digits in 01-AnyNetXA-digits" in told
    assert "device-hours for these 24 models" in told


def test_status_says_round_candidate_and_what_is_left(undisturbed: tuple[Path, Designed, list[str]]) -> None:
    out = undisturbed[0]
    lines = standing(out)
    assert lines[0].startswith(f"{out}: round ")
    assert lines[2].endswith(" left")
    assert [line for look in status([str(out)]) for line in look.lines()] == lines


@pytest.mark.slow
def test_a_walk_is_looked_at_while_it_trains(tmp_path: Path) -> None:
    folder = DesignFolder(tmp_path / "walk")
    designed, _ = walked(tmp_path / "walk", propose_only=True)
    assert any("[supported]" in line or "[simpler]" in line for line in designed.lines)
    journal = folder.journal()
    journal.add("test", {"candidate": 1, "error": 0.025, "looks": [16, 32], "shares": [0.5, 0.5]})
    first = standing(tmp_path / "walk")[0]
    assert ": tests candidate 1, " in first
    assert first.endswith("(looks at 16, 32 models of each side)")


@pytest.mark.slow
def test_a_candidate_is_taken_by_hand(tmp_path: Path) -> None:
    walked(tmp_path, propose_only=True)
    designed, said = walked(tmp_path, space=None, models=None, propose_only=True, accept=2)
    assert said[-1].startswith("1. [by hand] ") or any(line.startswith("1. [by hand] ") for line in said)
    assert any(line.endswith("1 step taken by hand is not part of this.") for line in designed.lines)
    assert "taken by hand" in (tmp_path / "spaces" / "AnyNetXA-digits-1.yaml").read_text()


@pytest.mark.slow
def test_ones_own_candidates_are_read_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "candidates").mkdir()
    (tmp_path / "candidates" / "shallow.yaml").write_text("rules:\n  few: total_depth <= 6\n")
    designed, _ = walked(tmp_path, propose_only=True)
    assert any(line == "  1. [yours] shallow" for line in designed.lines)


def test_the_report_tells_the_command_as_a_shell_takes_it(tmp_path: Path) -> None:
    walked(out := tmp_path / "a walk", propose_only=True)
    assert f"dsx design --out &#x27;{out}&#x27;" in (out / "report.html").read_text().replace("&#39;", "&#x27;")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": None}, "{out}: no walk here (no design.yaml); name a space with --space to begin one"),
        ({"models": 10}, "models = 10: expected an integer ≥ 48, or there is nothing to test by"),
        ({"accept": 1}, "--accept 1: no candidates were proposed last; --propose-only proposes some"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, given: dict, message: str) -> None:
    with pytest.raises(DsxError) as told:
        walked(tmp_path / "walk", **given)
    assert str(told.value) == message.format(out=tmp_path / "walk")
    assert not (tmp_path / "walk" / "design.yaml").exists()


def test_another_walk_in_the_folder_is_refused(undisturbed: tuple[Path, Designed, list[str]]) -> None:
    out = undisturbed[0]
    with pytest.raises(DsxError) as told:
        walked(out, space="AnyNetXE-digits", seed=3)
    assert str(told.value) == (
        f"{out}: holds a walk that was begun otherwise (space AnyNetXA-digits → AnyNetXE-digits, seed 0 → 3); go on"
        f" with it as it is (dsx design --out {out}), or choose another folder with --out"
    )


@pytest.mark.slow
def test_killed_twenty_times_the_walk_ends_as_the_undisturbed_one(
    tmp_path: Path, undisturbed: tuple[Path, Designed, list[str]]
) -> None:
    out, seed = tmp_path / "walk", os.getpid()
    moments, wait_s = random.Random(seed), 0.5
    # a fork has imported everything: it is killed at work
    walks = multiprocessing.get_context("fork")
    for _ in range(20):
        process = walks.Process(target=walked, args=(out,))
        process.start()
        process.join(moments.uniform(0.1, wait_s))
        process.kill()
        process.join()
        wait_s += 0.1
    walked(out)
    assert files_of(out) == files_of(undisturbed[0]), f"seed {seed}"
    for study in studies_in(out):
        assert study.counts()["done"] == len(study.population)
        assert len(set(trainings(study))) == len(trainings(study))


@pytest.mark.slow
def test_the_command_line_says_what_the_function_does(dsx: Command, tmp_path: Path) -> None:
    done = dsx(
        "design", "--space", "AnyNetXA-digits", "--recipe", "digits", "--models", "60", "--out", "walk", "--dry-run"
    )
    assert done.code == 0
    assert "next: 24 models of AnyNetXA-digits" in done.out
    done = dsx("design", "--out", "walk")
    assert done.code == 2
    assert done.err == "dsx: walk: no walk here (no design.yaml); name a space with --space to begin one\n"
