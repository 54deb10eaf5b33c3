import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from processes import wait_until

from dsx.base.files import RecordError, write_json
from dsx.launch.heartbeat import Heartbeat
from dsx.study import claims
from dsx.study.claims import claim, current, machine, this_process
from dsx.study.paths import RunPaths


@pytest.fixture
def run(tmp_path):
    return RunPaths(tmp_path / "ab" / "abcd")


def elsewhere(**changes):
    return replace(this_process(), machine="another/host/1", **changes)


def test_a_claim_excludes_everybody_else(run):
    held = claim(run)
    assert held is not None
    assert held.is_held()
    assert claim(run) is None
    assert claim(run, holder=elsewhere()) is None


def test_a_claim_is_sole_beside_none_but_stale_earlier_ones(run):
    first = claim(run)
    assert first.is_sole()
    write_json(run.claim(2), json.loads(run.claim(1).read_text()))  # a taker that read a claim that is no more
    second = claims.Claim(run, 2, this_process(), time.time(), 0)
    assert not first.is_sole()
    assert not second.is_sole()
    first.withdraw()
    assert second.is_sole()
    assert [path.name for path in run.folder.iterdir()] == ["claim.2.json"]


def test_a_released_claim_can_be_taken(run):
    claim(run).release()
    assert current(run).released
    again = claim(run)
    assert again.generation == 2
    assert again.lost == 0


def test_the_claim_of_a_process_that_is_gone_can_be_taken(run):
    code = (
        "import sys, pathlib; from dsx.study.claims import claim; from dsx.study.paths import RunPaths\n"
        "assert claim(RunPaths(pathlib.Path(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, str(run.folder)], check=True)
    assert current(run).is_stale()
    taken = claim(run)
    assert taken.generation == 2
    assert taken.lost == 1


def test_another_process_with_the_same_number_is_not_the_holder(run):
    claim(run, holder=replace(this_process(), started="1"))
    assert claim(run) is not None


def test_a_claim_from_another_machine_is_stale_only_when_not_refreshed(run):
    held = claim(run, holder=elsewhere())
    assert claim(run) is None
    old = time.time() - claims.STALE_AFTER_S - 5
    os.utime(held.path, (old, old))
    taken = claim(run)
    assert taken is not None
    assert not held.is_held()


def test_a_claim_whose_job_is_known_to_have_ended_is_stale(run):
    claim(run, holder=elsewhere(job="77"))
    assert claim(run, ended=lambda holder: holder.job == "78") is None
    assert claim(run, ended=lambda holder: holder.job == "77") is not None


def test_a_requeued_job_takes_back_what_it_held(run):
    claim(run, holder=elsewhere(job="77"))
    assert claim(run, holder=replace(this_process(), job="77", restart=0)) is None
    assert claim(run, holder=replace(this_process(), job="77", restart=1)) is not None


def test_a_holder_that_was_overtaken_writes_nothing(run):
    first = claim(run, holder=elsewhere())
    os.utime(first.path, (0, 0))
    second = claim(run)
    first.release()
    assert current(run).generation == second.generation
    assert not current(run).released
    assert not first.refresh()
    assert second.refresh()


def test_a_holder_whose_claim_was_removed_beside_a_result_has_lost_it(run):
    first = claim(run, holder=elsewhere())
    os.utime(first.path, (0, 0))
    second = claim(run)
    second.finish()
    assert not first.is_held()
    assert os.listdir(run.folder) == []


def test_a_torn_claim_holds_until_it_is_old(run):
    run.folder.mkdir(parents=True)
    run.claim(3).write_bytes(b"")
    assert claim(run) is None
    os.utime(run.claim(3), (0, 0))
    assert claim(run).generation == 4


def test_of_many_takers_one_wins(run):
    claim(run, holder=replace(this_process(), started="1"))
    barrier = threading.Barrier(8)
    taken = []

    def take():
        barrier.wait()
        got = claim(run)
        if got is not None:
            taken.append(got.generation)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [2]


def test_revoking_frees_a_run_for_everybody(run):
    claim(run, holder=elsewhere(job="5"))
    claims.revoke(run, current(run))
    assert current(run).released
    assert claim(run).lost == 0


def test_a_file_system_without_links_gets_exclusive_files(run, monkeypatch):
    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(claims.os, "link", no_links)
    assert claim(run) is not None
    assert claim(run) is None
    assert json.loads(run.claim(1).read_text())["holder"]["pid"] == os.getpid()


def test_the_clock_of_the_file_system_decides_about_age(run, monkeypatch):
    claim(run, holder=elsewhere())
    claims._clock_offset.cache_clear()
    monkeypatch.setattr(claims, "_clock_offset", lambda folder: -3600.0)
    monkeypatch.setattr(claims.time, "time", lambda now=time.time: now() + 3600)
    assert claim(run) is None


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "ab").touch()
    with pytest.raises(RecordError, match="cannot be written"):
        claim(RunPaths(tmp_path / "ab" / "abcd"))


def test_a_heartbeat_refreshes_and_notices_a_loss(run):
    held = claim(run)
    os.utime(held.path, (1, 1))
    heartbeat = Heartbeat(every_s=0.01)
    heartbeat.add(held)
    wait_until(lambda: held.path.stat().st_mtime > 2)
    assert not heartbeat.lost(held)
    write_json(run.claim(2), {"holder": vars(elsewhere())})
    wait_until(lambda: heartbeat.lost(held))
    heartbeat.stop()


def test_the_machine_is_named_alike_in_every_process_of_it():
    code = "from dsx.study.claims import machine; print(machine())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == machine()


@pytest.mark.parametrize(
    "content",
    [
        '{"holder": {"machine": "m", "pid": 1, "started": "2"}, "since": null, "lost": 0}',
        '{"holder": {"machine": "m", "pid": 1, "started": "2"}, "since": 3, "lost": []}',
        '{"holder": {"machine": "m", "pid": "one", "started": "2"}, "since": 3, "lost": 0}',
        '{"holder": {"machine": "m", "pid": 1, "started": "2"}, "since": 3, "lost": 1e999}',
        '{"holder": [1]}',
    ],
)
def test_a_damaged_claim_is_held_by_nobody_known_until_it_is_old(tmp_path, content):
    paths = RunPaths(tmp_path / "models" / "aa" / "aabb")
    paths.claim(1).parent.mkdir(parents=True)
    paths.claim(1).write_text(content)
    found = current(paths)
    assert found is not None
    assert (found.holder, found.is_stale()) == (None, False)
    os.utime(paths.claim(1), (0, 0))
    assert current(paths).is_stale()
