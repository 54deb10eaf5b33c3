"""The launcher that trains in this process, beyond what every launcher does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.launch.debug import DebugLauncher
from dsx.launch.options import LaunchOptions
from dsx.study.study import Study

import standins
from standins import behave, launch_here, make_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=4)


def test_models_train_in_this_very_process(study: Study) -> None:
    launched = launch_here(study, DebugLauncher(), limit=2)
    assert launched.counts == {"done": 2}
    assert {int(path.name.split(".")[1]) for path in (study.path / "trained").iterdir()} == {os.getpid()}


def test_the_preview_is_of_one_model_at_a_time(study: Study) -> None:
    preview = DebugLauncher().preview([study], LaunchOptions(device="cpu"))
    assert (preview.at_once, preview.place, preview.lines) == (1, "in this process", ())
    with pytest.raises(DsxError, match=r"^device 'gpu': expected auto, cpu, "):
        DebugLauncher().preview([study], LaunchOptions(device="gpu"))


@pytest.mark.parametrize(("own", "asked", "most"), [(1, None, 1), (3, 0, 0), (None, 2, 2)])
def test_too_many_failures_end_it_and_what_is_asked_for_outweighs_the_file(
    study: Study, own: int | None, asked: int | None, most: int
) -> None:
    behave(study, r0="raise", r1="raise", r2="raise", r3="raise")
    launched = launch_here(study, DebugLauncher(max_failures=own), max_failures=asked)
    assert launched.stopped == f"more than {most} models failed"
    assert launched.counts == {"failed": most + 1}
    assert [failure.message for _, failure in launched.failed] == ["ValueError: the loss went for a walk"] * (most + 1)


def test_as_many_failures_as_are_allowed_do_not_end_it(study: Study) -> None:
    behave(study, r0="raise")
    launched = launch_here(study, DebugLauncher(max_failures=1))
    assert (launched.counts, launched.stopped) == ({"failed": 1, "done": 3}, "")


def test_a_stop_that_is_asked_for_saves_the_model_and_ends_it(study: Study) -> None:
    behave(study, r1="endless")
    second = study.paths.run(study.runs()[1].run_id).folder / "checkpoint.pt"
    launched = launch_here(study, DebugLauncher(), should_stop=second.exists)
    assert (launched.counts, launched.stopped) == ({"done": 1, "interrupted": 1}, "stopped")
    assert study.counts() == {"pending": 3, "running": 0, "done": 1, "diverged": 0, "failed": 0}


def test_the_keyboard_ends_it_with_the_claim_released(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(standins, "train", interrupt)
    with pytest.raises(KeyboardInterrupt):
        launch_here(study, DebugLauncher())
    assert study.counts()["pending"] == 4
