"""What surroundings, data and sites do to a launch: each ends in the right result or in one line with the cause.

Every case is the command line as a whole process; none may hang (each has a time limit) or show a traceback.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from dsx.commands.sample import SampleRequest, sample
from dsx.study.study import open_study

sys.path.append(str(Path(__file__).parent / "launch" / "slurm"))
import fake_slurm

from command_line import Done

pytestmark = pytest.mark.slow

TIMEOUT_S = 240
SHORT = ("recipe.epochs=1", "recipe.schedule.warmup_epochs=0")
DIGITS = ("--recipe", "digits", *SHORT)
OWN = ("--recipe", "./own.yaml")

OWN_DATA = '''
import multiprocessing, os, signal, sys
import numpy as np
from torch.utils.data import Dataset, get_worker_info


class Images(Dataset):
    """64 or 16 images of noise; what happens at the seventh, and where, is said by the environment."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        child = multiprocessing.parent_process() is not None
        where = "loader" if get_worker_info() else "worker" if child else "command"
        if index == 7 and os.environ.get("FAULT_IN") == where:
            misbehave(os.environ["FAULT"])
        return np.random.default_rng(index).integers(0, 255, (8, 8), dtype=np.uint8), index % 10


def misbehave(fault):
    if fault == "key":
        return {}["label"]
    if fault == "exit":
        os._exit(0)
    if fault == "sys.exit":
        sys.exit(3)
    os.kill(os.getpid(), getattr(signal, fault))


def make(root, train):
    return Images(64 if train else 16)
'''
OWN_RECIPE = {
    "name": "own",
    "version": 1,
    "data": {
        "dataset": "own:make",
        "storage": "stream",
        "workers": 1,
        "split": {"evaluate": "official"},
        "num_classes": 10,
        "in_channels": 1,
        "mean": [0.5],
        "std": [0.25],
    },
    "resolution": 8,
    "epochs": 1,
    "batch_size": 16,
    "lr": 0.05,
    "optimiser": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.0005},
    "schedule": {"name": "constant", "warmup_epochs": 0},
}


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two small models without a recipe."""
    folder = tmp_path_factory.mktemp("sampled") / "study"
    return sample(SampleRequest("AnyNetXE-digits", 2, out=folder)).study.path


@dataclass(frozen=True)
class Place:
    """An empty folder with that study, an own data set and its recipe, in which `dsx` is run."""

    folder: Path
    study: Path
    environment: dict[str, str] = field(default_factory=dict)

    def dsx(self, *arguments: str, before: str = "", **environment: str) -> Done:
        """Run `dsx …`. before: shell lines in a mount namespace of its own, as root, before it."""
        command = [sys.executable, "-m", "dsx", *arguments]
        if before:
            command = ["unshare", "--mount", "sh", "-c", f'{before}\nexec "$@"', "sh", *command]
        return self.run(command, **environment)

    def run(self, command: list[str], **environment: str) -> Done:
        """Run any command there."""
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        given = os.environ | {"PYTHONPATH": path} | self.environment | environment
        done = subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def counts(self) -> dict[str, int]:
        """State → models, where there are any."""
        return {state: count for state, count in open_study(self.study).counts().items() if count}

    def message(self) -> str:
        """Of the only kind of failure."""
        (message,) = {failure.message for failure in open_study(self.study).failures()}
        return message


@pytest.fixture
def place(tmp_path: Path, sampled: Path) -> Place:
    return _place(tmp_path, sampled, "study")


def _place(folder: Path, sampled: Path, name: str) -> Place:
    shutil.copytree(sampled, folder / name)
    (folder / "own.py").write_text(OWN_DATA)
    (folder / "own.yaml").write_text(yaml.safe_dump(OWN_RECIPE, sort_keys=False))
    return Place(folder, folder / name)


@pytest.fixture
def mounts() -> None:
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"needs root to mount: {done.stderr.strip()}")


def check_one_line(done: Done, line: str) -> None:
    assert (done.code, done.err) == (2, f"dsx: {line}\n")


def check_all_done(place: Place, done: Done) -> None:
    assert (done.code, place.counts()) == (0, {"done": 2}), done.err
    assert "Traceback" not in done.err


# ---- temporary files and sockets ----


@pytest.mark.parametrize(
    "arguments",
    [("--workers", "2", *DIGITS), ("--on", "debug", "--limit", "2", *OWN)],
    ids=["worker processes", "a loader's process"],
)
def test_sockets_of_processes_fit_below_any_tmpdir(place: Place, arguments: tuple[str, ...]) -> None:
    deep = place.folder / ("x" * 90)
    deep.mkdir()
    check_all_done(place, place.dsx("launch", "study", *arguments, TMPDIR=str(deep)))


def test_a_tmpdir_that_is_not_there_is_replaced(place: Place) -> None:
    done = place.dsx("launch", "study", "--on", "debug", *OWN, TMPDIR=str(place.folder / "nowhere"))
    check_all_done(place, done)


NO_TEMPORARY = """
mount --bind "$PWD" /mnt
for folder in /tmp /var/tmp /usr/tmp; do
    if [ -d $folder ]; then mount -t tmpfs -o size=16k tmpfs $folder; fi
    dd if=/dev/zero of=$folder/ballast bs=1k 2>/dev/null
done
cd /tmp
"""


@pytest.mark.usefixtures("mounts")
def test_no_folder_for_temporary_files_is_one_line(place: Place) -> None:
    done = place.dsx("launch", "/mnt/study", "--recipe", "digits", before=NO_TEMPORARY, TMPDIR="")
    check_one_line(
        done,
        "no folder for temporary files can be written (/tmp, /var/tmp, /usr/tmp): free some space there, or set TMPDIR"
        " to a folder that you may write",
    )
    assert open_study(place.study).recipe is None


# ---- shared memory, open files, the disk ----

FULL = "mount -t tmpfs -o size=1m tmpfs /dev/shm; dd if=/dev/zero of=/dev/shm/ballast bs=4k 2>/dev/null"
FULL_WORDS = "/dev/shm is full (1.0 MB, 0.0 MB free)"


@pytest.mark.usefixtures("mounts")
def test_full_shared_memory_is_named_before_anything_is_written(place: Place) -> None:
    done = place.dsx("launch", "study", *DIGITS, before=FULL)
    check_one_line(
        done,
        f"worker processes cannot be started here: {FULL_WORDS}: free some of it, or give it more"
        " (docker run --shm-size=8g; or recipe.data.workers=0)",
    )
    assert open_study(place.study).recipe is None


@pytest.mark.usefixtures("mounts")
def test_shared_memory_that_a_loader_fills_is_named(place: Place) -> None:
    small = "mount -t tmpfs -o size=400k tmpfs /dev/shm"
    changes = ("recipe.resolution=96", "recipe.batch_size=64")
    place.dsx("launch", "study", "--on", "debug", "--limit", "1", *OWN, *changes, before=small)
    assert place.counts() == {"failed": 1, "pending": 1}
    assert place.message().startswith("loader processes found no room in /dev/shm (0 of 0 MiB free): give it more")


def test_too_few_open_files_are_named(place: Place) -> None:
    command = ["sh", "-c", 'ulimit -n 10; exec "$@"', "sh", sys.executable, "-m", "dsx", "launch", "study", *DIGITS]
    done = place.run(command)
    assert done.code == 2, done.err
    assert "too many open files: raise the limit (`ulimit -n 4096`)" in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("mounts")
def test_a_full_disk_is_one_line_and_no_failure_of_a_model(place: Place) -> None:
    full = "cp -r study /mnt/; mount -t tmpfs -o size=1m tmpfs /mnt; cp -r study /mnt/; " + (
        "dd if=/dev/zero of=/mnt/ballast bs=4k 2>/dev/null"
    )
    done = place.dsx("launch", "/mnt/study", *DIGITS, before=full)
    check_one_line(
        done,
        "/mnt/study/study.yaml: cannot be written (No space left on device); nothing is lost: see to the folder, then"
        " run the same command again",
    )


# ---- processes that end without a word ----


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("key", "error", r"data set own:make: item 7: KeyError: 'label' \(own\.py, line \d+\)"),
        ("exit", "killed", r"a loader process ended \(.*\): data\.workers=0 reads without processes"),
        ("SIGKILL", "killed", r"a loader process was killed, perhaps by the system for want of memory: set .*"),
        ("SIGBUS", "killed", r"loader processes found no room in /dev/shm \(.* MiB free\): give it more .*"),
    ],
)
def test_what_happens_in_a_loaders_process_is_the_models_cause(
    place: Place, fault: str, kind: str, message: str
) -> None:
    place.dsx("launch", "study", "--on", "debug", "--limit", "1", *OWN, FAULT=fault, FAULT_IN="loader")
    (failure,) = open_study(place.study).failures()
    assert failure.kind == kind
    assert re.fullmatch(message, failure.message), failure.message


@pytest.mark.parametrize(
    ("fault", "message"), [("exit", "its worker ended with exit code 0"), ("sys.exit", "SystemExit: 3")]
)
def test_a_worker_that_leaves_costs_its_model_and_says_so(place: Place, fault: str, message: str) -> None:
    arguments = ("--workers", "1", *OWN, "recipe.data.workers=0")
    done = place.dsx("launch", "study", *arguments, FAULT=fault, FAULT_IN="worker")
    assert place.counts() == {"failed": 2}, done.err
    assert place.message() == message
    assert f"failed: {'killed' if fault == 'exit' else 'error'}: {message}" in done.err


def test_a_data_set_that_ends_the_command_is_one_line_before_anything_is_written(place: Place) -> None:
    done = place.dsx("launch", "study", *OWN, FAULT="sys.exit", FAULT_IN="command")
    check_one_line(
        done,
        "data set own:make: ended the program (sys.exit(3)) while its images were looked at: raise an exception"
        " instead",
    )
    assert open_study(place.study).recipe is None


@pytest.mark.skipif(sys.version_info < (3, 11), reason="earlier Pythons always search the current folder")
def test_a_file_named_as_a_module_of_pythons_is_not_run_by_workers(place: Place) -> None:
    (place.folder / "random.py").write_text("raise SystemExit('a script of the user')\n")
    script = "import sys; sys.path = [p for p in sys.path if p]; from dsx.cli import main; main()"
    command = [sys.executable, "-P", "-c", script, "launch", "study", "--workers", "1", *DIGITS]
    given = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    check_all_done(place, place.run(command, **given))


SCRIPT = """
import sys
from dsx.base.errors import DsxError
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.study.study import open_study

try:
    LocalLauncher().launch([open_study(sys.argv[1])], LaunchOptions(workers=1, device="cpu"))
except DsxError as error:
    print(error)
"""


def test_a_script_whose_workers_cannot_import_it_is_told_why(place: Place) -> None:
    from dsx.recipes.recipe import load_recipe

    open_study(place.study).set_recipe(load_recipe("digits"))
    (place.folder / "script.py").write_text(SCRIPT)
    done = place.run([sys.executable, "script.py", "study"])
    assert done.out.startswith("worker processes die before they can train (All workers expired)")
    assert done.out.endswith(
        'a script must call launch under `if __name__ == "__main__":`, and `dsx doctor` tries to start one\n'
    )
    done = place.run(["sh", "-c", f'"{sys.executable}" - study < script.py'])
    assert done.out == ("the script <stdin> is no file: worker processes cannot import it; save it, and run the file\n")
    assert place.counts() == {"pending": 2}


# ---- what sbatch says ----


@pytest.mark.parametrize("printed", ["bare", "parsable", "wordy", "silent"])
def test_a_job_that_sbatch_took_is_known_whatever_it_prints(place: Place, tmp_path: Path, printed: str) -> None:
    environment = fake_slurm.install(tmp_path / "slurm", FAKE_SBATCH=printed)
    done = place.dsx("launch", "study", "--on", "slurm", *DIGITS, **environment)
    assert (done.code, done.out.splitlines()[1:]) == (
        0,
        ["study: 2 models in 1 jobs, at most 1 at once; as job 4711"],
    ), done.err
    done = place.dsx("launch", "study", "--on", "slurm", **environment)
    assert done.out.endswith("study: nothing to submit (2 queued, 0 running)\n")
    assert len(fake_slurm.queue(environment)) == 1


def test_a_job_that_sbatch_refused_leaves_no_record(place: Place, tmp_path: Path) -> None:
    environment = fake_slurm.install(tmp_path / "slurm", FAKE_SBATCH="refused")
    done = place.dsx("launch", "study", "--on", "slurm", *DIGITS, **environment)
    assert (done.code, done.err) == (2, "dsx: sbatch: invalid account\n")
    assert os.listdir(place.study / "jobs" / "submissions") == []


def test_jobs_of_a_study_below_a_colon_run_the_frozen_code(tmp_path: Path, sampled: Path) -> None:
    folder = tmp_path / "a:b c"
    folder.mkdir()
    place = _place(folder, sampled, "study")
    environment = fake_slurm.install(tmp_path / "slurm", FAKE_RUN="1")
    (folder / "own.py").write_text(OWN_DATA + "\n\nimport dsx\nprint('code', dsx.__file__, flush=True)\n")
    done = place.dsx("launch", "study", "--on", "slurm", *OWN, "launcher.models_per_job=2", **environment)
    assert done.code == 0, done.err
    fake_slurm.wait_until_ended(environment, seconds=TIMEOUT_S)
    assert place.counts() == {"done": 2}
    (code,) = (place.study / "jobs" / "code").iterdir()
    printed = {line for log in Path(environment["FAKE_SLURM"]).glob("*.log") for line in log.read_text().splitlines()}
    assert [line for line in printed if line.startswith("code ")] == [f"code {code.resolve()}/dsx/__init__.py"]


# ---- the doctor ----


@pytest.mark.usefixtures("mounts")
def test_the_doctor_names_what_processes_lack(place: Place) -> None:
    done = place.dsx("doctor", before=FULL, TMPDIR=str(place.folder / "nowhere"), PATH=os.environ["PATH"])
    lines = {line[6:22].strip(): line for line in done.out.splitlines()}
    assert done.code == 2
    assert lines["shared memory"].startswith(f"CHECK shared memory    {FULL_WORDS} → ")
    assert lines["temporary files"] == (
        f"CHECK temporary files  TMPDIR = {place.folder}/nowhere cannot be written; /tmp is used → set TMPDIR to a"
        " folder that you may write, or unset it"
    )
    assert lines["workers"].startswith(f"CHECK workers          worker processes cannot be started here: {FULL_WORDS}")
