"""The launcher of a cluster, beyond what every launcher does: profiles, multiples, and what it says before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dsx.base.errors import DefinitionError, DsxError
from dsx.launch.launcher import Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.registry import read_launcher
from dsx.launch.slurm import client
from dsx.launch.slurm import launcher as slurm
from dsx.launch.slurm.client import SlurmError
from dsx.launch.slurm.launcher import SlurmLauncher
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions
from dsx.launch.slurm.submit import Submitted
from dsx.recipes.recipe import read_recipe
from dsx.study.study import Study

from standins import make_study


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "installed", lambda: False)


def submitted_before(study: Study, name: str, age_s: float, **profile: object) -> None:
    told = Profile(**profile).to_dict()
    Submissions(study.paths).write(Submission(name, name, time.time() - age_s, [], told, "/code", [], "a:b"))


def test_a_file_is_a_profile_with_multiples() -> None:
    launcher = read_launcher({"kind": "slurm", "partition": "gpu", "gpus_per_model": 1, "mem_gb": "2x"})
    assert isinstance(launcher, SlurmLauncher)
    assert launcher.profile == Profile(partition="gpu", gpus_per_model=1)
    assert launcher.multiples == {"mem_gb": 2.0}
    with pytest.raises(DefinitionError, match=r"^site\.yaml: max_jobs = 0: expected a value ≥ 1"):
        SlurmLauncher.from_dict({"max_jobs": 0}, "site.yaml")


def test_multiples_are_of_the_latest_submission_of_any_of_the_studies(tmp_path: Path) -> None:
    studies = [make_study(tmp_path / name, n=1) for name in "abc"]
    submitted_before(studies[0], "old", 100, mem_gb=3)
    submitted_before(studies[1], "new", 10, mem_gb=8)
    launcher = SlurmLauncher(multiples={"mem_gb": 1.5})
    assert launcher.resolved(studies).mem_gb == 12
    assert launcher.resolved(studies[:1]).mem_gb == 4.5
    with pytest.raises(DefinitionError, match=r"^mem_gb = 1\.5x: there is nothing to multiply"):
        launcher.resolved(studies[2:])
    assert SlurmLauncher(profile=Profile(cpus=3)).resolved(studies[2:]) == Profile(cpus=3)


def test_a_path_that_slurm_would_misread_is_refused_before_anything_is_submitted(tmp_path: Path) -> None:
    study = make_study(tmp_path / "50%j", n=1)
    with pytest.raises(DsxError) as refusal:
        SlurmLauncher().launch([study], LaunchOptions())
    assert str(refusal.value) == (
        f"{tmp_path}/50%j: the path has a %, which SLURM takes for a pattern in names of log files: rename that folder,"
        " or sample into another one"
    )


@pytest.mark.parametrize(
    ("profile", "runs", "at_once", "jobs"),
    [
        ({}, 6, 6, "6 jobs"),
        ({"max_jobs": 4}, 6, 4, "4 jobs"),
        ({"models_per_job": 4}, 6, 2, "2 jobs"),
        ({"models_per_job": 6}, 6, 1, "1 job"),
        ({"gpus_per_model": 1, "models_per_gpu": 2}, 6, 6, "3 jobs"),
        ({"max_jobs": 4}, 0, 1, "1 job"),
    ],
)
def test_the_preview_counts_the_models_that_train_at_once(
    tmp_path: Path, profile: dict[str, int], runs: int, at_once: int, jobs: str
) -> None:
    studies = [make_study(tmp_path / name, n=3, seed=seed) for seed, name in enumerate("ab")]
    options = LaunchOptions() if runs else LaunchOptions(run_ids=frozenset())
    preview = SlurmLauncher(profile=Profile(**profile)).preview(studies, options)
    assert isinstance(preview, Preview)
    assert preview.at_once == at_once
    assert preview.place == f"in {jobs} at a time, if nodes are as fast as this machine"
    scripts = [study.path / "jobs" / "preview.sh" for study in studies]
    assert [line.endswith(f"(script: {path})") for line, path in zip(preview.lines, scripts, strict=True)] == [True] * 2


def test_a_check_asks_the_cluster_and_lets_the_data_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path / "a", n=1, **{"data.dataset": "mnist", "data.root": "/only/there"})

    def away() -> None:
        raise SlurmError("scontrol: away")

    monkeypatch.setattr(client, "limits", lambda: None)
    SlurmLauncher().check([study], LaunchOptions())
    monkeypatch.setattr(client, "limits", away)
    with pytest.raises(SlurmError, match=r"^scontrol: away"):
        SlurmLauncher().check([study], LaunchOptions())
    assert not SlurmLauncher.trains_here


def test_a_launch_tells_what_was_submitted_and_has_trained_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path / "a", n=2)
    told = Submitted(study.path, runs=2, jobs=2, job_ids=["7"], at_once=2)
    monkeypatch.setattr(slurm, "submit", lambda studies, profile, options: [told])
    launched = SlurmLauncher().launch([study], LaunchOptions())
    assert (launched.counts, launched.lines) == ({}, (told.sentence(),))


def test_a_program_of_the_users_own_is_one_process_per_model(tmp_path: Path) -> None:
    study = make_study(tmp_path / "a", n=1, recipe=False)
    study.set_recipe(read_recipe({"name": "r", "command": ["sh"]}))
    launcher = SlurmLauncher(profile=Profile(gpus_per_model=4))
    with pytest.raises(DsxError) as raised:
        launcher.check([study], LaunchOptions())
    assert str(raised.value) == (
        "recipe r runs as one process per model, and the profile has gpus_per_model 4 in 4 processes: let the program"
        " start them (torchrun)"
    )
