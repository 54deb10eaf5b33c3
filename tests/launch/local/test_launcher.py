"""The launcher of this machine, beyond what every launcher does: what it tells its worker processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsx.base.errors import DsxError
from dsx.launch import devices
from dsx.launch.devices import Slot
from dsx.launch.launcher import Launched
from dsx.launch.local import dispatch as dispatching
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.launch.registry import read_launcher
from dsx.study.study import Study
from dsx.training.preflight import Estimate

from standins import make_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=4)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the dispatcher was given; no process is started."""
    caught: dict[str, Any] = {}

    def dispatch(studies: object, groups: object, settings: object, options: object, most: object) -> Launched:
        caught.update(studies=studies, groups=groups, settings=settings, most=most)
        return Launched({"done": 4})

    monkeypatch.setattr(dispatching, "dispatch", dispatch)
    return caught


def gpus(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: list(names))


def test_the_file_is_what_the_workers_are_told(study: Study, given: dict[str, Any]) -> None:
    launcher = LocalLauncher(workers=3, threads=2, nice=5, memory_limit_gb=1.5, time_limit_min=0.5)
    launched = launcher.launch([study], LaunchOptions(device="cpu", retry=("error",), trainer="standins:train"))
    settings = given["settings"]
    assert launched.counts == {"done": 4}
    assert given["groups"] == [Slot("cpu", 3)]
    assert (settings.nice, settings.memory_limit_gb, settings.timeout_s) == (5, 1.5, 30.0)
    work = settings.work
    assert (work.device, work.threads, work.retry, work.trainer) == ("cpu", 2, ("error",), "standins:train")


def test_without_limits_there_are_none(study: Study, given: dict[str, Any]) -> None:
    LocalLauncher().launch([study], LaunchOptions(device="cpu", workers=1))
    assert (given["settings"].timeout_s, given["settings"].memory_limit_gb, given["most"]) == (None, None, None)


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("cuda", None)])
def test_processes_have_one_thread_each_on_a_cpu_and_torchs_choice_on_a_gpu(
    study: Study, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, device: str, threads: int | None
) -> None:
    gpus(monkeypatch, "0", "1")
    LocalLauncher().launch([study], LaunchOptions(device=device))
    assert given["settings"].work.threads == threads
    LocalLauncher(threads=4).launch([study], LaunchOptions(device=device))
    assert given["settings"].work.threads == 4


def test_what_is_asked_for_outweighs_the_file(study: Study, given: dict[str, Any]) -> None:
    launcher = LocalLauncher(workers=3, max_failures=7)
    launcher.launch([study], LaunchOptions(device="cpu"))
    assert (given["groups"], given["most"]) == ([Slot("cpu", 3)], 7)
    launcher.launch([study], LaunchOptions(device="cpu", workers=2, max_failures=0))
    assert (given["groups"], given["most"]) == ([Slot("cpu", 2)], 0)


def test_models_share_each_gpu(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, "3", "5")
    launcher = LocalLauncher(models_per_gpu=2)
    assert launcher.slots(LaunchOptions()) == [Slot("cuda", 2, "3"), Slot("cuda", 2, "5")]
    preview = launcher.preview([study], LaunchOptions())
    assert (preview.at_once, preview.place) == (4, "on 4 workers here")


def test_auto_fills_every_gpu_by_what_is_measured_on_the_first(
    study: Study, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, "3", "5")
    row = Estimate("median", "abc", 10**6, 100.0, 0.0, 10**6, 1.0, busy=0.25)
    asked: list[Any] = []
    measured = lambda *arguments: asked.append(arguments[2:]) or (4, [row])  # noqa: E731
    monkeypatch.setattr("dsx.training.packing.measured_together", measured)
    monkeypatch.setattr("dsx.launch.local.launcher.cpu_count", lambda: 9)
    told: list[str] = []
    LocalLauncher(models_per_gpu="auto").launch([study], LaunchOptions(say=told.append))
    assert given["groups"] == [Slot("cuda", 4, "3"), Slot("cuda", 4, "5")]
    assert asked == [("3", 4)]
    assert told == ["models_per_gpu: 4 (share of the time in which one keeps the GPU busy: median 25%)"]
    for options, groups in (
        (LaunchOptions(workers=2), [Slot("cuda", 1, "3"), Slot("cuda", 1, "5")]),
        (LaunchOptions(device="cpu"), [Slot("cpu", 9)]),
    ):
        monkeypatch.setattr("dsx.launch.devices.cpu_count", lambda: 9)
        LocalLauncher(models_per_gpu="auto").launch([study], options)
        assert given["groups"] == groups
    assert len(asked) == 1


def test_a_device_that_is_not_there_is_refused_before_anything_starts(
    study: Study, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch)
    for action in (LocalLauncher().check, LocalLauncher().preview, LocalLauncher().launch):
        with pytest.raises(DsxError, match=r"^device cuda: this machine shows no CUDA GPU; "):
            action([study], LaunchOptions(device="cuda"))
    assert given == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [("workers", 0), ("time_limit_min", 0), ("memory_limit_gb", -1), ("nice", 20), ("max_failures", -1)],
)
def test_values_that_make_no_sense_are_refused_where_they_stand(key: str, value: int) -> None:
    with pytest.raises(DsxError) as caught:
        read_launcher({key: value}, "box.yaml: launcher")
    assert str(caught.value).startswith(f"box.yaml: launcher: {key} = {value}: expected ")
