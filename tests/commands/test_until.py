"""`dsx launch --until decided`: rounds of models until studies are told apart, whatever interrupts it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from slurm import fake_slurm

from dsx.base.errors import DsxError
from dsx.commands import until
from dsx.commands.launch import LaunchRequest
from dsx.commands.sample import SampleRequest, sample
from dsx.commands.standings import look
from dsx.commands.until import Goal, launch_until, models_over
from dsx.launch.options import LaunchOptions
from dsx.study.study import Study, open_study

import standins
from command_line import Command
from standins import behave, expected_error, starts, trainings

STANDINS = str(Path(standins.__file__).parent)


def sampled(folder: Path, n: int = 3, space: str = "AnyNetXA-digits", seed: int = 0) -> Study:
    return sample(SampleRequest(space, n, seed=seed, out=folder)).study


def asked(
    *studies: Study, on: str = "debug", trainer: str = "train", recipe: str = "digits", **options: object
) -> LaunchRequest:
    given = {"device": "cpu", "progress": False, "trainer": f"standins:{trainer}"} | options
    return LaunchRequest([str(study.path) for study in studies], recipe, on, LaunchOptions(**given))  # type: ignore[arg-type]


@pytest.mark.slow
def test_studies_grow_evenly_until_they_are_told_apart(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / "good", 3), sampled(tmp_path / "other", 30, seed=1)]
    told: list[str] = []
    launched = launch_until(asked(*studies, trainer="apart_train"), Goal(at_most=40), told.append)
    good, other = (open_study(study.path) for study in studies)
    assert (len(good.population), len(other.population)) == (24, 30)
    assert launched.counts == {"done": 48}
    assert [models_over(study) for study in (good, other)] == [24, 24]
    assert [size.n for size in good.history] == [3, 8, 16]
    assert told[-1] == (
        "good is better than other: a model of good beats one of other with probability 1.00 (0.78–1.00); decided after"
        " 17 models of each."
    )
    assert "No model of good and other is trained yet." in told
    assert any(
        line.startswith("8 and 8 models cannot decide between good and other: it takes at least ") for line in told
    )
    again = launch_until(asked(*studies, trainer="apart_train"), Goal(at_most=40), told.append)
    assert again.counts == {}
    assert len(starts(good)) + len(starts(other)) == 48


@pytest.mark.slow
def test_a_spent_budget_ends_it_undecided_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, seed=seed) for seed, name in enumerate("abc")]
    told: list[str] = []
    launch_until(asked(*studies), Goal(at_most=10), told.append)
    assert told[-1] == "undecided after 10 models of each: a larger --at-most goes on"
    assert [len(open_study(study.path).population) for study in studies] == [10, 10, 10]
    launch_until(asked(*studies), Goal(at_most=12), told.append)
    assert [open_study(study.path).counts()["done"] for study in studies] == [12, 12, 12]


@pytest.mark.slow
def test_equivalence_within_the_margin_ends_it_too(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, n=140, seed=seed) for seed, name in enumerate("ab")]
    told: list[str] = []
    launch_until(asked(*studies), Goal(at_most=140, margin="0.35"), told.append)
    assert told[-1].startswith("a and b are equivalent within a margin of 0.35 of even odds")
    (verdict,) = look(studies, "0.35", 0.95).verdicts
    assert verdict.decided_at is not None
    assert models_over(open_study(studies[0].path)) == 8 * -(-verdict.decided_at // 8) < 140


@pytest.mark.slow
def test_with_several_seeds_a_model_counts_once_all_are_over(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    launched = launch_until(replace(asked(*studies), seeds=2), Goal(at_most=8))
    assert launched.counts == {"done": 32}
    study = open_study(studies[0].path)
    assert models_over(study) == 8
    study.paths.run(study.runs()[8 + 5].run_id).result.unlink()  # the second seed of the sixth model
    assert models_over(open_study(study.path)) == 5


@pytest.mark.slow
def test_models_that_wait_in_a_study_come_first_and_in_order(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, n=30, seed=seed) for seed, name in enumerate("ab")]
    launch_until(asked(*studies), Goal(at_most=8))
    for study in studies:
        assert trainings(study) == sorted(run.run_id for run in study.runs()[:8])
        assert len(open_study(study.path).population) == 30


@pytest.mark.slow
def test_failed_models_are_left_out_and_tried_again_once_if_asked(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, n=8, seed=seed) for seed, name in enumerate("ab")]
    behave(studies[0], r2="raise")
    launch_until(asked(*studies), Goal(at_most=16))
    assert open_study(studies[0].path).counts()["failed"] == 1
    assert models_over(open_study(studies[0].path)) == 16
    before = len(starts(studies[0]))
    launch_until(asked(*studies, retry=("failed",)), Goal(at_most=16))
    assert len(starts(studies[0])) == before  # the budget is spent
    launch_until(asked(*studies, retry=("failed",)), Goal(at_most=17))
    assert len(starts(studies[0])) == before + 2


@pytest.mark.slow
def test_where_every_model_of_a_study_fails_no_more_are_drawn(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, n=8, seed=seed) for seed, name in enumerate("ab")]
    behave(studies[1], **{f"r{i}": "raise" for i in range(8)})
    told: list[str] = []
    launched = launch_until(asked(*studies), Goal(at_most=16), told.append)
    assert len(launched.failed) == 8
    assert told[-1] == f"undecided: every model of {tmp_path}/b failed so far; `dsx status` says why"
    assert [len(open_study(study.path).population) for study in studies] == [8, 8]


@pytest.mark.slow
def test_too_many_failures_stop_it(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, n=8, seed=seed) for seed, name in enumerate("ab")]
    behave(studies[0], r0="raise", r1="raise")
    launched = launch_until(asked(*studies, max_failures=1), Goal(at_most=16))
    assert launched.stopped == "more than 1 models failed"
    assert open_study(studies[0].path).counts()["pending"] > 0


@pytest.mark.slow
def test_a_space_that_is_used_up_ends_it(tmp_path: Path) -> None:
    space = tmp_path / "Few.yaml"
    space.write_text(
        "name: Few\nextends: AnyNetXA-digits\nstem: {type: cifar, width: 8}\nstages: 1\nstrides: [2]\n"
        "parameters:\n  depth: {high: 3}\n  width: {high: 8}\n  bottleneck_ratio: {distribution: choice, values: [1]}\n"
        "  group_width: {distribution: choice, values: [8]}\nconstraints: null\n"
    )
    studies = [sampled(tmp_path / "few", 1, str(space)), sampled(tmp_path / "b")]
    told: list[str] = []
    launch_until(asked(*studies), Goal(at_most=16), told.append)
    assert told[-1] == f"undecided, and {tmp_path}/few cannot grow: its space has 3 models in all"


KILLED = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from dsx.commands import until\n"
    "from dsx.commands.launch import LaunchRequest\n"
    "from dsx.launch.options import LaunchOptions\n"
    "if __name__ == '__main__':\n"
    "    until.LOOK_EVERY_S = until.LAUNCH_EVERY_S = 0.1\n"
    "    options = LaunchOptions(device='cpu', progress=False, trainer='standins:slow_train', workers=2)\n"
    "    until.launch_until(LaunchRequest(sys.argv[2:], 'digits', 'local', options), until.Goal(at_most=24))\n"
)


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_goes_on(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    script = tmp_path / "launch.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), STANDINS, *(str(study.path) for study in studies)]
    moments = random.Random(os.getpid())
    for _ in range(4):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(1, 6))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for study in studies:
            open_study(study.path).results()
    subprocess.run(command, check=True, timeout=600)
    for seed, study in enumerate(studies):
        now = open_study(study.path)
        whole = sampled(tmp_path / f"whole_{seed}", 24, seed=seed)
        assert now.population.table.equals(whole.population.table), f"seed {os.getpid()}"
        assert list(now.results()["error"]) == [expected_error(run.model_id, run.seed) for run in now.runs()]


@pytest.mark.slow
def test_two_commands_at_once_share_the_work(tmp_path: Path) -> None:
    studies = [sampled(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    script = tmp_path / "launch.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), STANDINS, *(str(study.path) for study in studies)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=600) for process in both] == [0, 0]
    for study in studies:
        now = open_study(study.path)
        assert now.counts()["done"] == len(now.population) == 24
        assert trainings(now) == sorted(run.run_id for run in now.runs())


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """A cluster that runs what is submitted, or only keeps it; looked at several times a second."""
    monkeypatch.setattr(until, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(until, "LAUNCH_EVERY_S", 1.0)

    def install(**settings: str) -> dict[str, str]:
        environment = fake_slurm.install(tmp_path / "slurm", **settings)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", f"{STANDINS}:{os.environ.get('PYTHONPATH', '')}")
        return environment

    return install


@pytest.mark.slow
def test_on_a_cluster_rounds_are_submitted_and_waited_for(tmp_path: Path, queue: Callable[..., dict[str, str]]) -> None:
    environment = queue(FAKE_RUN="1")
    studies = [sampled(tmp_path / "good", 3), sampled(tmp_path / "other", 3, seed=1)]
    told: list[str] = []
    launched = launch_until(asked(*studies, on="slurm", trainer="apart_train"), Goal(at_most=24), told.append)
    assert launched.submitted == 48
    assert [open_study(study.path).counts()["done"] for study in studies] == [24, 24]
    assert "decided after 17 models of each" in told[-1]
    assert [line.partition(":")[0] for line in told if "24 models in 6 jobs" in line] == [str(s.path) for s in studies]
    fake_slurm.wait_until_ended(environment)


@pytest.mark.slow
def test_jobs_that_leave_no_result_are_not_submitted_for_ever(
    tmp_path: Path, queue: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = queue()
    studies = [sampled(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    monkeypatch.setattr(until, "LAUNCH_EVERY_S", 0.3)

    def lose(line: str) -> None:
        if "as job" in line:  # all that was submitted leaves the queue at once
            for record in fake_slurm.queue(environment):
                subprocess.run(["scancel", f"--name={record['name']}"], check=True)

    with pytest.raises(DsxError) as caught:
        launch_until(asked(*studies, on="slurm"), Goal(at_most=4), lose)
    assert str(caught.value) == (
        "8 models of this round came to nothing in 3 launches in a row; `dsx status` says more, and the same command"
        " goes on"
    )


WIDE = "name: {name}\nextends: AnyNetXA-digits\nstem: {{type: cifar, width: 8}}\nstages: 2\nstrides: [2, 2]\n"
WIDE += (
    "parameters:\n  depth: {{low: {depth}, high: {depth}}}\n  width: {{low: {low}, high: {high}}}\nconstraints: null\n"
)


@pytest.mark.slow
def test_real_digits_are_told_apart_although_the_command_was_killed(dsx: Command, tmp_path: Path) -> None:
    for name, depth, low, high in (("narrow", 1, 8, 16), ("wide", 2, 96, 160)):
        (tmp_path / f"{name}.yaml").write_text(WIDE.format(name=name, depth=depth, low=low, high=high))
        assert dsx("sample", "--space", f"./{name}.yaml", "--n", 2, "--out", name).code == 0
    arguments = (
        "launch",
        "narrow",
        "wide",
        "--recipe",
        "digits",
        "--until",
        "decided",
        "--at-most",
        40,
        "--device",
        "cpu",
    )
    command = [sys.executable, "-m", "dsx", *map(str, arguments), "recipe.epochs=1"]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("result.json")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.read_bytes() for path in tmp_path.rglob("result.json")}
    done = dsx(*arguments, "recipe.epochs=1")
    assert done.code == 0, done.err
    last = done.out.splitlines()[-1]
    assert last.startswith("wide is better than narrow: a model of wide beats one of narrow with probability ")
    assert last.endswith(" models of each.")
    assert {path: path.read_bytes() for path in kept} == kept
    sizes = [open_study(tmp_path / name).counts() for name in ("narrow", "wide")]
    assert sizes[0] == sizes[1]
    assert sizes[0]["pending"] == 0
    status = dsx("status", "narrow", "wide").out
    assert f"  until decided, at most 40 models of each:\n    {last}\n" in status
    assert status.count("until decided") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "--until", "decided"), "--until decided: compares studies: name two or more"),
        (("a", "b", "--until", "decidd"), "--until decidd: expected decided. Did you mean decided?"),
        (
            ("a", "b", "--until", "decided", "--limit", 3),
            "--until decided: trains in rounds of its own: instead of --limit, give --at-most",
        ),
        (
            ("a", "b", "--until", "decided", "--at-most", 0),
            "--at-most 0: expected an integer ≥ 1, models of each study",
        ),
        (("a", "b", "--at-most", 5), "--at-most: says when to stop, so it needs --until decided"),
        (("a", "b", "--margin", "0.1"), "--margin: says when to stop, so it needs --until decided"),
        (
            ("a", "b", "--until", "decided", "--margin", "wide"),
            "margin = wide: expected a distance from even odds such as 0.05, or points of error such as 1pt",
        ),
    ],
)
def test_mistakes_are_one_line(dsx: Command, tmp_path: Path, arguments: tuple[object, ...], message: str) -> None:
    for name in "ab":
        dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", name)
    done = dsx("launch", *arguments, "--recipe", "digits")
    assert (done.code, done.err) == (2, f"dsx: {message}\n")
    assert not list(tmp_path.rglob("until.json"))


@pytest.mark.slow
def test_a_preview_says_rounds_and_budget_and_changes_nothing(dsx: Command, tmp_path: Path) -> None:
    for name in "ab":
        dsx("sample", "--space", "AnyNetXA-digits", "--n", 2, "--out", name)
    asked_for = ("launch", "a", "b", "--recipe", "digits", "--until", "decided", "--workers", 2, "--dry-run")
    lines = dsx(*asked_for).out.splitlines()
    assert lines[-2:] == [
        "until decided: in rounds of 8 models of each study, at most 500 of each; now",
        "  No model of a and b is trained yet.",
    ]
    assert not list(tmp_path.rglob("until.json"))
    assert open_study(tmp_path / "a").recipe is None
