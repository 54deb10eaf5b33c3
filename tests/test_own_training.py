"""A user's own training under every fault: each model is accounted for, none is trained twice, each cause is a line."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import dsx
from dsx.launch.launcher import Launched
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.recipes.recipe import load_recipe, read_recipe
from dsx.study.study import Study, open_study

sys.path.insert(0, str(Path(__file__).parent / "launch"))
from processes import is_there, wait_until

from standins import make_study

SCRIPT = """#!/bin/sh
# what happens to a model is said in the file `behaviour`, one line each: MODEL WORD
what=$(sed -n "s/^$DSX_MODEL //p" "$(dirname "$0")/behaviour")
echo "$DSX_MODEL" >> "$(dirname "$0")/begun"
case $what in
    file) echo '{"metrics": {"map": 40}}' > "$DSX_FOLDER/metrics.json" ;;
    torn) echo '{"metrics": {"map": 4' > "$DSX_FOLDER/metrics.json" ;;
    torn-print) printf '{"map": 4' ;;
    silent) ;;
    other) echo '{"mAP": 40}' ;;
    word) echo '{"map": "high"}' ;;
    share) echo '{"map": 400}' ;;
    lost) echo '{"map": NaN}' ;;
    code) echo "Traceback"; echo "ValueError: no such layer" >&2; exit 3 ;;
    nameless) exit 4 ;;
    killed) kill -KILL $$ ;;
    memory) echo "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB" >&2; exit 1 ;;
    late) trap '' TERM; while :; do sleep 0.1; done ;;
    flood) head -c 100000000 /dev/zero | tr '\\0' 'x'; echo; echo '{"map": 40}' ;;
    pause) if [ -e "$DSX_FOLDER/half" ]; then echo '{"map": 40}'; else touch "$DSX_FOLDER/half"; exit 75; fi ;;
    child) sleep 300 & echo $! > "$(dirname "$0")/child"; echo '{"map": 40}' ;;
    *) echo '{"map": 30, "curve": [{"map": 10}, {"map": 30}]}' ;;
esac
"""
CAUSES = {
    "torn": ("error", "{folder}/own/metrics.json: torn or not JSON"),
    "torn-print": (
        "error",
        "exit code 0, and no metrics: write {{folder}}/metrics.json, or print one JSON object last; its last line is"
        ' torn: {{"map": 4',
    ),
    "silent": ("error", "exit code 0, and no metrics: write {{folder}}/metrics.json, or print one JSON object last"),
    "other": ("error", "the last of its output: no metric 'map' among mAP. Did you mean mAP?"),
    "word": ("error", "the last of its output: map = 'high': expected a number"),
    "share": ("error", "the last of its output: map = 400: expected percent, 0 to 100"),
    "code": ("error", "exit code 3: ValueError: no such layer"),
    "nameless": ("error", "exit code 4: nothing on its error output"),
    "killed": ("killed", "the program was killed by SIGKILL (often the system is out of memory)"),
    "memory": (
        "out_of_memory",
        "OutOfMemory: exit code 1: RuntimeError: CUDA out of memory. Tried to allocate 2 GiB",
    ),
}
GOOD = {"file": 60.0, "flood": 60.0, "child": 60.0, "plain": 70.0, "lost": 100.0}


def own_study(folder: Path, words: list[str], **changes: object) -> Study:
    """A study whose models meet what the words say, in their order."""
    folder.mkdir(exist_ok=True)
    study = make_study(folder / "study", n=len(words), recipe=False)
    ids = study.population.model_ids
    lines = (f"{model} {word}" for model, word in zip(ids, words, strict=True))
    (folder / "behaviour").write_text("\n".join(lines) + "\n")
    (folder / "train.sh").write_text(SCRIPT)
    content = {
        "name": "shell",
        "command": ["sh", str(folder / "train.sh")],
        "metrics": {"map": {"unit": "%", "better": "higher", "chance": 0}},
        "stop_grace_s": 0.3,
    }
    study.set_recipe(read_recipe({**content, **changes}))
    return study


def launch(study: Study, **asked: object) -> Launched:
    options = {"workers": 2, "device": "cpu", "progress": False} | asked
    return LocalLauncher().launch([study], LaunchOptions(**options))


def begun(folder: Path) -> list[str]:
    path = folder / "begun"
    return path.read_text().split() if path.exists() else []


@pytest.mark.slow
def test_every_fault_of_a_program_is_one_line_and_every_model_is_accounted_for_once(tmp_path):
    words = [*CAUSES, *GOOD]
    study = own_study(tmp_path, words)
    launch(study)
    run_ids = [run.run_id for run in study.runs()]
    failures = {failure.run_id: failure for failure in study.failures()}
    assert sorted(begun(tmp_path)) == sorted(run_ids)  # none twice, none left out
    for run_id, word in zip(run_ids, words, strict=True):
        if word in CAUSES:
            kind, message = CAUSES[word]
            folder = study.paths.run(run_id).folder.resolve()
            found = failures[run_id]
            assert (found.kind, found.message) == (kind, message.format(folder=folder))
    table = study.results().set_index("run_id")
    errors = {word: table.loc[run_id, "error"] for run_id, word in zip(run_ids, words, strict=True) if word in GOOD}
    assert errors == GOOD
    assert Counter(table["state"]) == {"failed": len(CAUSES), "done": len(GOOD) - 1, "diverged": 1}
    assert not is_there(int((tmp_path / "child").read_text()))
    for log in study.path.glob("models/*/*/own/*.log"):
        assert log.stat().st_size < 5 << 20


@pytest.mark.slow
def test_a_program_that_is_out_of_time_and_does_not_listen_is_killed_and_said_so(tmp_path):
    study = own_study(tmp_path, ["late"], time_limit_min=0.02)
    launch(study)
    (failure,) = study.failures()
    assert failure.kind == "timeout"
    assert failure.message == (
        "TimeLimitExceeded: time limit of 0.02 min reached; a higher time_limit_min goes on from its folder"
    )


@pytest.mark.slow
def test_a_program_that_stops_by_itself_with_75_goes_on_in_its_folder_at_the_next_launch(tmp_path):
    study = own_study(tmp_path, ["pause", "plain"])
    launch(study)
    assert study.counts() == {"pending": 1, "running": 0, "done": 1, "diverged": 0, "failed": 0}
    launch(study)
    assert study.counts()["done"] == 2
    assert len(begun(tmp_path)) == 3


LAUNCH = """
import sys
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.study.study import open_study
if __name__ == "__main__":
    options = LaunchOptions(workers=2, device="cpu", progress=False)
    LocalLauncher().launch([open_study(sys.argv[1])], options)
"""
# after two epochs it waits for a file `go`
HELD = """
import os, pathlib, signal, sys, time
folder, marks = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent / "marks"
marks.mkdir(exist_ok=True)
(marks / f"{os.environ['DSX_MODEL']}.{os.getpid()}").touch()
def save(*_):
    (folder / "saved").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
state = folder / "epochs"
for epoch in range(int(state.read_text()) if state.exists() else 0, 6):
    while epoch == 2 and not (marks.parent / "go").exists():
        time.sleep(0.02)
    (folder / "new").write_text(str(epoch + 1))
    os.replace(folder / "new", state)
    print("epoch", epoch, flush=True)
print('{"error": 12.5, "epochs": 6}')
"""


def held_study(folder: Path, n: int) -> Study:
    (folder / "held.py").write_text(HELD)
    study = make_study(folder / "study", n=n, recipe=False)
    study.set_recipe(read_recipe({"name": "held", "command": ["python", str(folder / "held.py"), "{folder}"]}))
    return study


def start(folder: Path, study: Study) -> subprocess.Popen:
    (folder / "go.py").write_text(LAUNCH)
    return subprocess.Popen([sys.executable, str(folder / "go.py"), str(study.path)], start_new_session=True)


def programs(folder: Path) -> list[int]:
    marks = folder / "marks"
    return [int(name.partition(".")[2]) for name in os.listdir(marks)] if marks.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_launch_that_is_ended_leaves_no_program_behind_and_the_next_one_goes_on(tmp_path, how):
    study = held_study(tmp_path, n=3)
    process = start(tmp_path, study)
    wait_until(lambda: len(list(study.path.glob("models/*/*/own/epochs"))) == 2)
    os.kill(process.pid, how)
    process.wait(60)
    wait_until(lambda: not any(map(is_there, programs(tmp_path))))
    if how != signal.SIGKILL:  # it was told, and had the time to save
        assert list(study.path.glob("models/*/*/own/saved"))
    (tmp_path / "go").touch()
    launch(open_study(study.path))
    table = open_study(study.path).results()
    assert list(table["error"]) == [12.5] * 3
    assert list(table["epochs"]) == [6] * 3


@pytest.mark.slow
def test_a_worker_that_is_killed_takes_its_program_with_it(tmp_path):
    study = held_study(tmp_path, n=2)
    process = start(tmp_path, study)
    wait_until(lambda: len(programs(tmp_path)) == 2)
    victim = programs(tmp_path)[0]
    worker = int(Path(f"/proc/{victim}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not is_there(victim))
    (tmp_path / "go").touch()
    process.wait(120)
    found = study.failures()
    assert [failure.kind for failure in found] == ["killed"]
    assert found[0].message == "its worker was killed by SIGKILL (often the system is out of memory)"
    assert study.counts()["done"] == 1


@pytest.mark.slow
def test_a_full_disk_ends_the_launch_in_one_line_and_loses_nothing(tmp_path, monkeypatch):
    from dsx.base.files import RecordError
    from dsx.launch.debug import DebugLauncher

    study = own_study(tmp_path, ["plain", "plain"])
    script = (tmp_path / "train.sh").read_text()
    (tmp_path / "train.sh").write_text("#!/bin/sh\necho 'OSError: [Errno 28] No space left on device' >&2; exit 1\n")

    def full(*_args, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dsx.training.program.tempfile.NamedTemporaryFile", full)
    with pytest.raises(RecordError, match="cannot be written \\(No space left on device\\)"):
        DebugLauncher().launch([study], LaunchOptions(device="cpu", progress=False))
    assert study.counts()["failed"] == 0
    monkeypatch.undo()
    (tmp_path / "train.sh").write_text(script)
    launch(study)
    assert study.counts()["done"] == 2


WRAPPER = """
import json, os, sys
import dsx
from dsx.networks.lookup import read_network

def run(training):
    recipe = dsx.load_recipe("digits", {"epochs": 2})
    result = dsx.train(
        training.architecture, recipe, training.seed, training.folder / "digits", training.device,
        threads=training.threads,
    )
    return {"error": result.error, "curve": result.curve, "images_per_second": result.images_per_second,
            "peak_memory_bytes": result.peak_memory_bytes}

if __name__ == "__main__":
    from pathlib import Path
    from types import SimpleNamespace

    architecture = read_network(Path(sys.argv[1]))
    given = SimpleNamespace(architecture=architecture, seed=int(sys.argv[2]), folder=Path(sys.argv[3]),
                            device=sys.argv[4], threads=int(sys.argv[5]))
    print(json.dumps(run(given)))
"""


@pytest.mark.slow
def test_a_wrapper_around_dsx_train_gives_the_rows_of_the_built_in_trainer_to_the_bit(tmp_path):
    (tmp_path / "wrapped_digits.py").write_text(WRAPPER)
    command = [
        "python",
        "wrapped_digits.py",
        *(f"{{{name}}}" for name in ["architecture", "seed", "folder", "device", "threads"]),
    ]
    recipes = {
        "built-in": load_recipe("digits", {"epochs": 2}),
        "command": read_recipe({"name": "digits", "command": command, "code": str(tmp_path)}),
        "function": read_recipe({"name": "digits", "function": "wrapped_digits:run", "code": str(tmp_path)}),
    }
    tables = {}
    for name, recipe in recipes.items():
        study = make_study(tmp_path / name, n=2, recipe=False)
        study.set_recipe(recipe)
        launch(study)
        tables[name] = open_study(study.path).results()
    same = ["run_id", "state", "error", "best_error", "epochs", "seed", "recipe", "flops", "params", "acts"]
    curves = {name: open_study(tmp_path / name).curves() for name in recipes}
    of_curve = ["run_id", "epoch", "lr", "train_loss", "train_error", "loss", "error", "error_top5"]
    for name in ("command", "function"):
        assert tables[name][same].equals(tables["built-in"][same])
        assert curves[name][of_curve].equals(curves["built-in"][of_curve])


def test_a_recipe_of_ones_own_trains_by_name_from_python_too(tmp_path):
    (tmp_path / "r.yaml").write_text(
        'name: r\ncommand: [sh, -c, \'echo "{\\"error\\": 7}"\']\n'.replace('{\\"', '{{\\"').replace("7}", "7}}")
    )
    architecture = make_study(tmp_path / "study", n=1).population[0].architecture
    result = dsx.train(architecture, tmp_path / "r.yaml", folder=tmp_path / "run")
    assert (result.state, result.error) == ("done", 7.0)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["error"] == 7.0
