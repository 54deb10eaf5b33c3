"""A program in a group of its own: ended whole, drained, and never behind us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from processes import is_there, wait_until

from dsx.training.process import Program, killed_by, resident_bytes


def run(folder: Path, script: str) -> Program:
    program = Program(["sh", "-c", script], None, {"WHO": "me"}, folder)
    program.begin()
    return program


def test_a_signal_is_told_by_its_name_with_what_it_often_means() -> None:
    assert killed_by(signal.SIGTERM) == "killed by SIGTERM"
    assert killed_by(9) == "killed by SIGKILL (often the system is out of memory)"
    assert killed_by(4711) == "killed by signal 4711"


def test_exit_codes_and_signals_are_the_programs_own(tmp_path: Path) -> None:
    for script, code in (("exit 0", 0), ("exit 75", 75), ("kill -TERM $$", -signal.SIGTERM), ("nothing-here", 127)):
        program = run(tmp_path, script)
        assert program.wait(60)
        program.close()
        assert program.code == code


def test_both_streams_come_back_and_are_kept_in_logs(tmp_path: Path) -> None:
    program = run(tmp_path, "echo out $WHO; echo err >&2")
    assert program.wait(60)
    assert program.close() == ("out me\n", "err\n")
    assert (tmp_path / "stdout.log").read_text() == "out me\n"
    assert (tmp_path / "stderr.log").read_text() == "err\n"


def test_a_program_reads_an_empty_input_and_not_ours(tmp_path: Path) -> None:
    program = run(tmp_path, "cat; echo end")
    assert program.wait(60)
    assert program.close()[0] == "end\n"


def test_endless_output_neither_blocks_nor_fills_the_disk(tmp_path: Path) -> None:
    program = run(tmp_path, "head -c 40000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert program.wait(60)
    assert program.close()[0].endswith("x\nlast\n")
    log = (tmp_path / "stdout.log").read_text()
    assert len(log) < 5 << 20
    assert "[more than 4 MiB of output: the rest is left out, but for its end]" in log
    assert log.endswith("last\n")


def test_closing_kills_what_the_program_left_behind(tmp_path: Path) -> None:
    program = run(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child")
    assert program.wait(60)
    child = int((tmp_path / "child").read_text())
    program.close()
    wait_until(lambda: not is_there(child))


def test_sigterm_reaches_what_a_shell_has_started_and_closing_ends_the_deaf(tmp_path: Path) -> None:
    program = run(tmp_path, f"trap 'touch {tmp_path}/heard' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done")
    wait_until((tmp_path / "ready").exists)
    assert not program.wait(0)
    program.terminate()
    wait_until((tmp_path / "heard").exists)
    program.close()
    assert program.code == -signal.SIGKILL


def test_its_memory_counts_while_it_runs(tmp_path: Path) -> None:
    hoard = "import sys, time; hoard = bytearray(200_000_000); print('full', flush=True); time.sleep(60)"
    program = Program([sys.executable, "-c", hoard], None, {}, tmp_path)
    program.begin()
    wait_until(lambda: resident_bytes() > 200_000_000)
    program.close()
    assert resident_bytes() == 0


def test_a_program_runs_once_it_is_told_to_and_never_if_its_starter_has_died(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from dsx.training.process import Program\n"
        "place = Path(sys.argv[1])\n"
        "program = Program(['sh', '-c', f'touch {place}/ran'], None, {}, place)\n"
        "program.wait(0.3)\n"
        "(place / 'leader').write_text(str(program.pid))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=False, env={**os.environ})
    leader = int((tmp_path / "leader").read_text())
    wait_until(lambda: not is_there(leader))
    assert not (tmp_path / "ran").exists()
    told = run(tmp_path, f"touch {tmp_path}/ran")
    assert told.wait(60)
    told.close()
    assert (tmp_path / "ran").exists()


def test_a_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from dsx.training.process import Program\n"
        "place = Path(sys.argv[1])\n"
        "script = 'sleep 300 & echo $! > child; echo $$ > new; mv new leader; wait'\n"
        "program = Program(['sh', '-c', script], place, {}, place)\n"
        "program.begin()\n"
        "while not (place / 'leader').exists(): program.wait(0.01)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    pids = [int((tmp_path / name).read_text()) for name in ("child", "leader")]
    wait_until(lambda: not any(map(is_there, pids)))
