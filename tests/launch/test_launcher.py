"""What every launcher must do: those of dsx, and one that a package added by the entry point."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dsx.base.errors import DsxError
from dsx.launch.debug import DebugLauncher
from dsx.launch.launcher import Launcher
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.launch.registry import read_launcher
from dsx.launch.slurm.launcher import SlurmLauncher
from dsx.study.study import open_study

from command_line import Command
from shelf import add_shelf
from standins import behave, check_complete, make_study, slurm_profile, starts

sys.path.append(str(Path(__file__).parent / "slurm"))
import fake_slurm


@dataclass(frozen=True)
class Case:
    """A launcher, and how to wait until what it launched has ended."""

    launcher: Launcher
    wait: Callable[[], None] = lambda: None


@pytest.fixture(params=["local", "debug", pytest.param("slurm", marks=pytest.mark.slow), "shelf"])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    if request.param == "local":
        return Case(LocalLauncher(workers=2))
    if request.param == "debug":
        return Case(DebugLauncher(threads=1))
    if request.param == "shelf":
        package = tmp_path / "package"
        package.mkdir()
        monkeypatch.syspath_prepend(str(add_shelf(package)))
        return Case(read_launcher({"kind": "shelf", "boards": 3}))
    environment = fake_slurm.install(tmp_path / "slurm", FAKE_RUN="1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Case(
        SlurmLauncher(profile=slurm_profile(models_per_job=2)), lambda: fake_slurm.wait_until_ended(environment)
    )


def options(**asked: object) -> LaunchOptions:
    return LaunchOptions(**{"device": "cpu", "progress": False, "trainer": "standins:train"} | asked)  # type: ignore


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_launch_trains_what_is_pending_once_and_again_nothing(case: Case, tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=3, seed=seed) for seed, name in enumerate("ab")]
    case.launcher.check(studies, options())
    launched = case.launcher.launch(studies, options())
    case.wait()
    assert (launched.stopped, launched.failed) == ("", ())
    check_complete(*studies)
    again = case.launcher.launch([open_study(study.path) for study in studies], options())
    case.wait()
    assert sum(again.counts.values()) == 0
    check_complete(*studies)


def test_a_limit_counts_over_all_studies(case: Case, tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=3, seed=seed) for seed, name in enumerate("ab")]
    case.launcher.launch(studies, options(limit=2))
    case.wait()
    assert sum(study.counts()["done"] for study in studies) == 2


def test_failures_are_recorded_and_tried_again_only_when_asked(case: Case, tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=2)
    behave(study, r1="raise")
    case.launcher.launch([study], options())
    case.wait()
    assert [failure.message for failure in study.failures()] == ["ValueError: the loss went for a walk"]
    behave(study)
    for retry, done in (((), 1), (("timeout",), 1), (("error",), 2)):
        case.launcher.launch([study], options(retry=retry))
        case.wait()
        assert study.counts()["done"] == done
    assert len(starts(study)) == 3


def test_what_cannot_be_launched_is_one_line_and_changes_nothing(case: Case, tmp_path: Path) -> None:
    study, bare = make_study(tmp_path / "a", n=2), make_study(tmp_path / "bare", n=2, recipe=False)
    before = files(tmp_path / "a"), files(tmp_path / "bare")
    for studies, asked, message in (
        ([], options(), "no study given: `dsx sample` makes one"),
        ([study, bare], options(), f"{bare.path}: has no recipe yet; name one: dsx launch {bare.path} --recipe digits"),
        (
            [study],
            options(retry=("tiemout",)),
            "--retry tiemout: expected failed, all, out_of_memory, timeout, killed, error or a model's id."
            " Did you mean timeout?",
        ),
    ):
        for action in (case.launcher.check, case.launcher.preview, case.launcher.launch):
            with pytest.raises(DsxError) as caught:
                action(studies, asked)
            assert str(caught.value) == message
    assert (files(tmp_path / "a"), files(tmp_path / "bare")) == before


def test_a_preview_says_what_would_happen_and_trains_nothing(case: Case, tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=4)
    before = files(study.path)
    preview = case.launcher.preview([study], options())
    assert preview.at_once >= 1
    assert preview.place
    after = files(study.path)
    after.pop("jobs/preview.sh", None)
    assert after == before


def test_jobs_are_told_and_cancelled_by_those_who_know_only_the_study(case: Case, tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=2)
    of = type(case.launcher)
    assert (of.status(study), of.cancel(study)) == ([], None)
    case.launcher.launch([study], options())
    case.wait()
    assert all(isinstance(line, str) for line in of.status(study))
    assert of.cancel(study) in (None, 0)
    check_complete(study)


def test_configuration_is_typed_when_it_is_read(case: Case) -> None:
    kind = case.launcher.kind
    assert type(read_launcher({"kind": kind})) is type(case.launcher)
    with pytest.raises(DsxError) as caught:
        read_launcher({"kind": kind, "nonsense": 1}, "mine.yaml: launcher")
    assert str(caught.value).startswith("mine.yaml: launcher: unknown key 'nonsense'")


@pytest.mark.slow
def test_an_added_launcher_is_used_by_every_command(
    tmp_path: Path, dsx: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launched by its kind without a file, previewed with overrides, and asked for status and cancelling."""
    package = tmp_path / "package"
    package.mkdir()
    add_shelf(package)
    study = make_study(tmp_path / "a", n=2, recipe=True, epochs=1, **{"schedule.warmup_epochs": 0})
    monkeypatch.syspath_prepend(str(package))
    sys.modules.pop("shelf_launcher", None)

    def printed(*arguments: str) -> str:
        done = dsx(*arguments)
        assert done.code == 0, done.err
        return done.out

    assert "on 3 boards" in printed("launch", "a", "--on", "shelf", "launcher.boards=3", "--dry-run")
    assert printed("launch", "a", "--on", "shelf").splitlines()[-1] == "put on the shelf"
    assert study.counts()["done"] == 2
    assert printed("status", "a").splitlines()[1] == "  shelf: {'done': 2}"
    assert printed("cancel", "a") == "a: 0 jobs cancelled\n"
    sys.modules.pop("shelf_launcher", None)


@pytest.mark.parametrize(
    ("device", "gpu_files", "expected"), [("cuda", True, True), ("cuda", False, False), ("cpu", True, False)]
)
def test_workers_load_torch_while_the_launch_looks_for_gpus(
    device: str, gpu_files: bool, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr("dsx.launch.local.launcher.may_have_gpus", lambda: gpu_files)
    monkeypatch.setattr("dsx.launch.local.pool.begin_loading", seen.append)
    monkeypatch.setattr("dsx.launch.local.launcher.slots", lambda *_: seen.append("slots"))
    LocalLauncher().check([make_study(tmp_path)], LaunchOptions(device=device, trainer="standins:behave"))
    assert seen == [("standins",)] * expected + ["slots"]


LOADING = """
import multiprocessing, sys
from dsx.launch.local import pool

def ask(pipe):
    pipe.send("dsx.training.trainer" in sys.modules)

if __name__ == "__main__":
    pool.begin_loading(["dsx.training.preload"])
    from multiprocessing import forkserver
    server = forkserver._forkserver._forkserver_pid
    context = pool._context(["dsx.training.preload"])
    ours, theirs = context.Pipe()
    process = context.Process(target=ask, args=(theirs,))
    process.start()
    print(ours.recv(), server == forkserver._forkserver._forkserver_pid)
    process.join()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked from one that has loaded torch on Linux only")
def test_workers_are_forked_from_the_process_that_began_to_load(tmp_path: Path) -> None:
    script = tmp_path / "loading.py"
    script.write_text(LOADING)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "True"], done.stderr
