"""Stand-ins for SLURM's commands, for tests without a cluster: `install(folder)` gives the environment to use.

sbatch keeps a record of each array; with FAKE_RUN set it also runs the script, one task after another, in the
background. FAKE_SBATCH says what it prints: as SLURM does, or as sites' wrappers do.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "squeue", "scontrol", "sacctmgr", "sacct", "scancel", "srun")
PRINTED = {
    "standard": "Submitted batch job {id}\n",
    "bare": "{id}\n",
    "parsable": "{id};fake\n",
    "wordy": "Hello root, you have used 12 of 5000 hours.\nYour priority: 17\n\n  {id}\n\nSee https://wiki for help\n",
    "silent": "job accepted\n",
    "refused": "",
}
FIRST_ID = 4711


def install(folder: Path, **settings: str) -> dict[str, str]:
    """Put the commands into `folder/bin`; the environment variables that make them found."""
    place = folder / "bin"
    place.mkdir(parents=True)
    for name in COMMANDS:
        command = place / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{Path(__file__).resolve()}" {name} "$@"\n')
        command.chmod(0o755)
    state = folder / "queue"
    state.mkdir()
    return {"PATH": f"{place}:{os.environ['PATH']}", "FAKE_SLURM": str(state)} | settings


def queue(environment: dict[str, str]) -> list[dict[str, object]]:
    """The records of all arrays, in the order in which they were submitted."""
    return [json.loads(path.read_text()) for path in sorted(Path(environment["FAKE_SLURM"]).glob("*.json"))]


def _keep(path: Path, record: dict[str, object]) -> None:
    """Whole, whoever reads it meanwhile."""
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(record))
    os.replace(new, path)


def wait_until_ended(environment: dict[str, str], seconds: float = 600) -> None:
    """Until no array is left in the queue."""
    deadline = time.monotonic() + seconds
    while not all(record["ended"] for record in queue(environment)):
        assert time.monotonic() < deadline, queue(environment)
        time.sleep(0.05)


def main(name: str, arguments: list[str]) -> int:
    state = Path(os.environ["FAKE_SLURM"])
    return int(globals()[f"_{name}"](state, arguments) or 0)


def _sbatch(state: Path, arguments: list[str]) -> int:
    kind = os.environ.get("FAKE_SBATCH", "standard")
    if kind == "refused":
        print("sbatch: error: invalid account", file=sys.stderr)
        return 1
    script = Path(arguments[-1])
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", script.read_text(), re.MULTILINE))
    tasks = int(options["array"].partition("%")[0].partition("-")[2]) + 1 if "array" in options else 0
    number = FIRST_ID + 1000 * len(list(state.glob("*.json")))
    record = {"id": number, "name": options["job-name"], "tasks": tasks, "ended": False, "script": script.read_text()}
    path = state / f"{number}.json"
    _keep(path, record)
    if kind == "timeout":
        said = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
        print(said, file=sys.stderr)
        return 1
    print(PRINTED[kind].format(id=number), end="")
    if "FAKE_RUN" in os.environ:
        with (state / f"{number}.log").open("wb") as log:
            command = [sys.executable, __file__, "run", str(path)]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return 0


def _run(_state: Path, arguments: list[str]) -> None:
    path = Path(arguments[0])
    record = json.loads(path.read_text())
    script = path.with_suffix(".sh")
    script.write_text(record["script"])
    for task in range(max(1, record["tasks"])):
        given = {"SLURM_JOB_ID": str(record["id"] + task), "SLURM_CLUSTER_NAME": "fake"}
        given |= {"SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "here"}
        if record["tasks"]:
            given |= {"SLURM_ARRAY_JOB_ID": str(record["id"]), "SLURM_ARRAY_TASK_ID": str(task)}
        subprocess.run(["bash", str(script)], env=os.environ | given, check=False)
    _keep(path, record | {"ended": True})


def _srun(_state: Path, arguments: list[str]) -> None:
    while arguments[0].startswith("-"):
        arguments = arguments[2:] if arguments[0] in ("--output", "--error") else arguments[1:]
    ranks = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NTASKS": "1"}
    os.execvpe(arguments[0], arguments, os.environ | ranks)


def _squeue(state: Path, arguments: list[str]) -> None:
    names = next((a.removeprefix("--name=").split(",") for a in arguments if a.startswith("--name=")), None)
    for path in sorted(state.glob("*.json")):
        record = json.loads(path.read_text())
        if record["ended"] or (names is not None and record["name"] not in names):
            continue
        for task in range(max(1, record["tasks"])):
            index = str(task) if record["tasks"] else "N/A"
            job_id = f"{record['id']}_{task}" if record["tasks"] else str(record["id"])
            line = arguments[arguments.index("-o") + 1]
            fields = {"%j": record["name"], "%K": index, "%i": job_id, "%A": record["id"] + task, "%T": "PENDING"}
            for field, value in (fields | {"%r": "Priority"}).items():
                line = line.replace(field, str(value))
            print(line)


def _scontrol(_state: Path, arguments: list[str]) -> None:
    if arguments[:2] == ["show", "config"]:
        print("ClusterName             = fake\nMaxArraySize            = 1001")


def _sacctmgr(_state: Path, _arguments: list[str]) -> int:
    return 1


_sacct = _sacctmgr


def _scancel(state: Path, arguments: list[str]) -> None:
    names = [a.removeprefix("--name=") for a in arguments if a.startswith("--name=")]
    for path in state.glob("*.json"):
        record = json.loads(path.read_text())
        if record["name"] in names:
            _keep(path, record | {"ended": True})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
