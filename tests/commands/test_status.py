"""`dsx status`: where studies stand, and what every launcher says of their jobs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsx.base.errors import DsxError
from dsx.base.text import json_text
from dsx.commands import status as command
from dsx.commands.sample import SampleRequest, sample
from dsx.commands.status import jobs, status, watch
from dsx.launch import registry
from dsx.study.study import Study


class Launchers:
    """Two launchers that talk, and one that cannot be loaded."""

    def __init__(self) -> None:
        self.asked = 0

    def launcher_class(self, kind: str) -> Launchers:
        if kind == "broken":
            raise DsxError("launcher 'broken' (x:Y): cannot be loaded")
        return self

    def status(self, study: Study) -> list[str]:
        self.asked += 1
        return [f"  jobs of {study.name}"]


@pytest.fixture
def launchers(monkeypatch: pytest.MonkeyPatch) -> Launchers:
    made = Launchers()
    monkeypatch.setattr(registry, "kinds", lambda: ["plain", "broken", "other"])
    monkeypatch.setattr(registry, "launcher_class", made.launcher_class)
    return made


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return sample(SampleRequest("AnyNetXA-digits", n=2, out=Path("S"))).study


def test_a_launcher_that_cannot_be_loaded_hides_no_other_ones_jobs(study: Study, launchers: Launchers) -> None:
    assert jobs(study) == (
        "  jobs of S",
        "  jobs: launcher 'broken' (x:Y): cannot be loaded",
        "  jobs of S",
    )


def test_a_look_tells_the_states_and_then_the_jobs(study: Study, launchers: Launchers) -> None:
    (look,) = status(["S"])
    assert look.status.counts["pending"] == 2
    first, *rest = look.lines()
    assert first.startswith("S ")
    assert "2 pending" in first
    assert rest[-3:] == list(look.jobs)


def test_watching_asks_for_jobs_at_most_once_a_minute(
    study: Study, launchers: Launchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    slept = []
    clock = SimpleNamespace(monotonic=lambda: now, sleep=slept.append)
    monkeypatch.setattr(command, "time", clock)
    looks = watch(["S"], every_s=7.0)
    asked = []
    for now in (1000.0, 1030.0, 1059.9, 1060.0, 1119.0, 1121.0):  # noqa: B007 (read by the clock above)
        (look,) = next(looks)
        assert look.jobs[0] == "  jobs of S"
        asked.append(launchers.asked // 2)
    assert asked == [1, 1, 1, 2, 2, 3]
    assert slept == [7.0] * 5


def test_watching_sees_what_has_changed(study: Study, launchers: Launchers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda s: None))
    looks = watch(["S"])
    assert next(looks)[0].status.counts["failed"] == 0
    record = study.paths.run(study.runs()[0].run_id).failure
    record.parent.mkdir(parents=True)
    record.write_text('{"class": "error", "message": "x", "traceback": "", "time": 1.0}')
    assert next(looks)[0].status.counts["failed"] == 1


def test_scripts_get_what_people_get(tmp_path: Path) -> None:
    study = sample(SampleRequest("AnyNetXE-digits", 2, out=tmp_path / "a")).study
    (told,) = status([str(study.path)])
    record = json.loads(json_text(told.to_dict()))
    assert record["counts"] == {"pending": 2, "running": 0, "done": 0, "diverged": 0, "failed": 0}
    assert (record["name"], record["recipe"], record["groups"], record["jobs"]) == ("a", None, [], [])
