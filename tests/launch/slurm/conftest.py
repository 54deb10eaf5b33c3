import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from cluster import FOLDER, Cluster, missing  # noqa: E402

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def cluster():
    """A running cluster: the one of `make slurm-up`, or one that is started and stopped here."""
    reason = missing()
    if reason:
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    found = Cluster(FOLDER)
    os.environ["SLURM_CONF"] = str(found.conf)
    running = False
    with contextlib.suppress(OSError, RuntimeError, subprocess.TimeoutExpired):
        running = found.conf.exists() and "UP" in found.client("scontrol", "ping", timeout_s=5)
    if not running:
        found.up()
    yield found
    if not running:
        found.down()


@pytest.fixture
def calm(cluster):
    """The cluster with all nodes up and no jobs, before and after."""
    _settle(cluster)
    yield cluster
    _settle(cluster)


def _settle(cluster):
    cluster.client("scancel", "--user=root", check=False)
    deadline = time.monotonic() + 60
    while (queue := cluster.client("squeue", "-h").strip()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not queue, queue
    try:
        cluster.wait_for_nodes(seconds=10)
    except AssertionError:  # drained by what a test did, perhaps a moment ago
        cluster.restart_nodes()


@pytest.fixture
def profile():
    """A profile for the stand-in trainers, with changes."""
    from standins import slurm_profile

    return slurm_profile
