"""The job that analyses when all others have ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fake_slurm
import pytest

from dsx.launch.slurm.last import LastJob, submit_last
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submissions

from standins import make_study, submit_there


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    environment = fake_slurm.install(tmp_path / "slurm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.mark.slow
def test_it_waits_for_the_arrays_of_all_studies_and_asks_for_no_gpu(tmp_path: Path, scheduler: dict[str, str]) -> None:
    studies = [make_study(tmp_path / name, n=2) for name in "ab"]
    profile = Profile(gpus_per_model=1, models_per_job=2, partition="main")
    for study in studies:
        submit_there(study, profile)
    job_id = submit_last(studies, profile, ["run", "mine", "--finish"])
    arrays = fake_slurm.queue(scheduler)
    assert job_id == str(arrays[-1]["id"])
    script = str(arrays[-1]["script"])
    assert f"#SBATCH --dependency=afterany:{arrays[0]['id']}:{arrays[1]['id']}\n" in script
    assert "#SBATCH --partition=main\n" in script
    assert "gpus" not in script
    assert any("-last-" in name for name in Submissions(studies[0].paths).names())
    assert Submissions(studies[0].paths).queued()[1] == {run.run_id for run in studies[0].runs()}


def test_its_command_runs_where_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsx.py").write_text("import os, sys; open('said', 'w').write(os.getcwd() + ' '.join(sys.argv[1:]))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", os.path.realpath(sys.executable))
    assert LastJob(["run", "mine", "--finish"], str(tmp_path))() == 0
    assert (tmp_path / "said").read_text() == f"{tmp_path}run mine --finish"
