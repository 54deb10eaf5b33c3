"""What a program is told; what its end means is tested on whole studies, in tests/test_own_training.py."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from dsx.networks.architecture import Architecture
from dsx.networks.published import published
from dsx.recipes.own import OwnRecipe
from dsx.training.faults import Interrupted, ProgramFailed, ProgramKilled, TimeLimitExceeded
from dsx.training.own import train
from dsx.training.report import ReportError

NETWORK = published("RegNetX-200MF")
TELL = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("DSX_") or name == "OMP_NUM_THREADS"}
open("told.json", "w").write(json.dumps([sys.argv[1:], told]))
print(json.dumps({"error": 5}))
"""


def program(*command: str, **changes: object) -> OwnRecipe:
    return OwnRecipe.from_dict({"name": "m", "command": command, "resolution": 32, **changes})


def test_a_program_is_told_everything_by_its_words_and_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DSX_REQUIRE_ALL", raising=False)
    (tmp_path / "tell.py").write_text(TELL)
    names = ["architecture", "settings", "folder", "model", "seed", "resolution", "device", "threads", "lr"]
    recipe = program("python", "tell.py", *(f"{{{name}}}" for name in names), settings={"lr": 0.5}, code=str(tmp_path))
    train(NETWORK, recipe, 7, tmp_path / "run", "cpu", threads=2)
    words, environment = json.loads((tmp_path / "told.json").read_text())
    own = tmp_path / "run" / "own"
    assert words == [
        str(own / "architecture.json"), str(own / "settings.json"), str(own), NETWORK.model_id, "7", "32", "cpu", "2",
        "0.5",
    ]  # fmt: skip
    assert environment == {
        **{f"DSX_{name.upper()}": word for name, word in zip(names, words, strict=True)},
        "OMP_NUM_THREADS": "2",
    }
    assert Architecture.from_dict(json.loads((own / "architecture.json").read_text())) == NETWORK
    assert json.loads((own / "settings.json").read_text()) == {"lr": 0.5}


def test_json_of_several_lines_after_other_output_is_read(tmp_path: Path) -> None:
    recipe = program("printf", 'epoch 1\\n{{"error": 1}}\\n{{\\n "error": 4,\\n "note": "n"\\n}}\\n')
    result = train(NETWORK, recipe, 0, tmp_path)
    assert (result.error, result.note) == (4.0, "n")


def test_a_stop_reaches_the_program_with_time_to_save(tmp_path: Path) -> None:
    script = f"trap 'echo saved > {tmp_path}/saved; exit 75' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done"
    with pytest.raises(Interrupted):
        train(NETWORK, program("sh", "-c", script), 0, tmp_path / "run", should_stop=(tmp_path / "ready").exists)
    assert (tmp_path / "saved").read_text() == "saved\n"


def test_signals_that_are_for_the_worker_do_not_end_the_program(tmp_path: Path) -> None:
    script = """kill -USR1 $$; kill -USR2 $$; echo '{{"error": 3}}'"""
    assert train(NETWORK, program("sh", "-c", script), 0, tmp_path).error == 3.0


@pytest.mark.slow
def test_a_program_that_a_scheduler_ends_together_with_its_worker_has_not_failed(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    script = f"touch {ended}; kill -TERM $$"
    with pytest.raises(Interrupted):
        train(NETWORK, program("sh", "-c", script), 0, tmp_path / "both", should_stop=ended.exists)
    with pytest.raises(ProgramKilled, match="the program was killed by SIGTERM"):
        train(NETWORK, program("sh", "-c", script), 0, tmp_path / "alone")


def test_a_program_that_finishes_when_told_to_stop_has_finished(tmp_path: Path) -> None:
    script = (
        f"""trap 'echo "{{{{\\"error\\": 3}}}}"; exit 0' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done"""
    )
    result = train(NETWORK, program("sh", "-c", script), 0, tmp_path / "run", should_stop=(tmp_path / "ready").exists)
    assert result.error == 3.0


@pytest.mark.slow
def test_a_time_limit_ends_a_program_that_does_not_listen(tmp_path: Path) -> None:
    script = "trap '' TERM; while :; do sleep 0.05; done"
    with pytest.raises(TimeLimitExceeded):
        train(NETWORK, program("sh", "-c", script, time_limit_min=0.005, stop_grace_s=0.2), 0, tmp_path)


def test_a_failure_says_its_cause_first_and_then_the_end_of_the_error_output(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed) as raised:
        train(NETWORK, program("sh", "-c", "echo one >&2; echo two >&2; exit 2"), 0, tmp_path)
    assert str(raised.value) == "exit code 2: two\none\ntwo\n"


def test_the_program_of_a_killed_worker_is_gone_before_the_next_one_begins(tmp_path: Path) -> None:
    from dsx.study.claims import machine, process_start

    before = subprocess.Popen(["sleep", "300"], start_new_session=True)
    record = {"machine": machine(), "pid": before.pid, "started": process_start(before.pid)}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "process.json").write_text(json.dumps(record))
    threading.Timer(0.3, before.kill).start()
    script = f'[ -e /proc/{before.pid}/stat ] && ! grep -q ") Z " /proc/{before.pid}/stat && exit 9'
    recipe = program("sh", "-c", f'{script}; echo "{{{{\\"error\\": 4}}}}"')
    assert train(NETWORK, recipe, 0, tmp_path).error == 4.0
    before.wait()


def test_lines_of_json_before_a_plain_last_line_are_no_report(tmp_path: Path) -> None:
    recipe = program("printf", '{{"error": 1}}\\n{{"error": 2}}\\ndone\\n')
    with pytest.raises(ReportError) as raised:
        train(NETWORK, recipe, 0, tmp_path)
    assert str(raised.value).startswith("exit code 0, and no metrics: write {folder}/metrics.json")
