"""torch's own launcher, the real worker and the real trainer: two processes a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dsx.launch.worker import WorkSettings, work
from dsx.study.study import Study

from standins import make_study

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("torchrun_worker.py")
SHORT = {"epochs": 2, "batch_size": 64, "precise_bn": 256, "keep_checkpoint": True}


@pytest.fixture(scope="module")
def under_torchrun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, subprocess.CompletedProcess[str]]:
    """A study of three runs, to the last of which something happens; and how torchrun ended."""
    study = make_study(tmp_path_factory.mktemp("torchrun") / "two", n=3, **SHORT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    path = os.pathsep.join(filter(None, [str(WORKER.parent), os.environ.get("PYTHONPATH")]))
    given = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "UNLUCKY_RUN": study.runs()[-1].run_id}
    command = [*launcher, str(WORKER), str(study.path)]
    ended = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, timeout=300, check=False)
    return study, ended


def test_two_processes_train_as_one_with_the_whole_batch(
    under_torchrun: tuple[Study, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """One process with passes of 32 images has the batch-norm groups of two processes with a batch of 64."""
    two, _ = under_torchrun
    one = make_study(tmp_path / "one", n=3, micro_batch_size=32, **SHORT)
    run_ids = [run.run_id for run in two.runs()[:2]]
    work(one.path, run_ids, WorkSettings(device="cpu", threads=1))
    for run_id in run_ids:
        paths = [study.paths.run(run_id) for study in (two, one)]
        ours, theirs = (json.loads(path.result.read_text()) for path in paths)
        for mine, other in zip(ours["curve"], theirs["curve"], strict=True):
            for name in ("lr", "train_loss", "train_error", "loss", "error"):
                assert mine[name] == pytest.approx(other[name], rel=2e-3, abs=0.35), name
        assert ours["curve"][0]["train_loss"] == pytest.approx(theirs["curve"][0]["train_loss"], rel=1e-5)
        weights = [torch.load(path.checkpoint, weights_only=True)["model"]["head.fc.weight"] for path in paths]
        torch.testing.assert_close(weights[0], weights[1], rtol=5e-3, atol=5e-4)
        assert ours["effective_recipe"]["devices"] == 2
        assert "32 per batch-norm group" in ours["effective_recipe"]["text"]


def test_what_happens_to_one_process_ends_all_and_is_recorded(
    under_torchrun: tuple[Study, subprocess.CompletedProcess[str]],
) -> None:
    study, ended = under_torchrun
    assert ended.returncode != 0
    assert list(study.states().values()) == ["done", "done", "failed"]
    (failure,) = study.failures()
    assert (failure.kind, failure.attempts) == ("error", 1)
    assert failure.message == "rank 1: RuntimeError: the device has fallen off the bus"
