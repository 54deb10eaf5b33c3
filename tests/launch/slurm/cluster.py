"""A whole SLURM cluster of four nodes on this machine: `python cluster.py up [FOLDER]`, `down [FOLDER]`.

For tests and for trying `dsx launch --on slurm`. Needs root and Debian's packages slurmctld, slurmd, slurmdbd,
slurm-client, munge and mariadb-server; needs no systemd. Everything lies in FOLDER; SLURM_CONF names its configuration.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path("/tmp/dsx-slurm")
NODES = ("n1", "n2", "n3", "n4")
COMMANDS = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "sacctmgr", "munged", "mariadbd", "mariadb-install-db")
# of the controller; the accounting daemon's is 2 above it, the nodes' are 184 to 187 above it
FIRST_PORT = 16817
CLIENT_TIMEOUT_S = 30
# what Python loads when it starts: a clock that is so many seconds ahead
_CLOCK = """import os, time
_right = time.time
time.time = lambda: _right() + float(os.environ["CLOCK_AHEAD_S"])
"""


def missing() -> str:
    """Why the cluster cannot run here; empty if it can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "needs root"
    absent = [name for name in COMMANDS if shutil.which(name) is None]
    return (
        f"needs {', '.join(absent)} (apt-get install slurmctld slurmd slurmdbd slurm-client munge mariadb-server)"
        if absent
        else ""
    )


class Cluster:
    """The daemons and their folder. cpus, mem_mb: of each node. first_port: clusters of different ones stand side by
    side.
    """

    def __init__(self, folder: Path = FOLDER, cpus: int = 4, mem_mb: int = 4000, first_port: int = FIRST_PORT) -> None:
        self.folder = folder
        self.controller_port, self.accounting_port, self.node_port = first_port, first_port + 2, first_port + 183
        self.cpus, self.mem_mb = cpus, mem_mb
        self.conf = folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs beside its own environment."""
        return {"SLURM_CONF": str(self.conf)}

    def client(self, *command: str, check: bool = True, timeout_s: float = CLIENT_TIMEOUT_S) -> str:
        """Run a SLURM client, with a limit in time; its output."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout_s, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    # ---- up and down ----

    def up(self) -> None:
        """Start everything, in the order that matters; ready for jobs when it returns."""
        self.down()
        for name in ("db", "state", "spool", "log", "run"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self._configure()
        self._munge()
        self._database()
        self.start_slurmdbd()
        self._retry(lambda: self.client("sacctmgr", "-i", "add", "cluster", "dsx"))
        self.start_slurmctld()
        for node in NODES:
            self.start_node(node)
        self.wait_for_nodes()

    def down(self) -> None:
        """Stop everything that this folder started, jobs included, and remove the folder."""
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld", "slurmdbd", "mariadbd", "munged"):
            self.kill(name, signal.SIGTERM)
        for pid in self._stepds():
            _signal(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_slurmdbd(self) -> None:
        self._start("slurmdbd", ["slurmdbd", "-D"])
        self._retry(lambda: socket.create_connection(("127.0.0.1", self.accounting_port), 1).close())

    def start_slurmctld(self) -> None:
        self._start("slurmctld", ["slurmctld", "-D"])
        self._retry(lambda: self.client("scontrol", "ping", timeout_s=5))

    def start_node(self, node: str) -> None:
        self._start(f"slurmd-{node}", ["slurmd", "-D", "-N", node])

    def kill_node(self, node: str) -> None:
        """SIGKILL to a slurmd together with its job steps and their processes, as when a node loses power."""
        steps = [pid for pid in self._stepds() if f"{node}" in _environment_or_command(pid)]
        victims = [child for pid in steps for child in (pid, *_descendants(pid))]
        self.kill(f"slurmd-{node}", signal.SIGKILL)
        for pid in victims:
            _signal(pid, signal.SIGKILL)

    def restart_nodes(self) -> None:
        """Restart every slurmd and put drained nodes back.

        A controller that is killed forgets jobs that it started in its last seconds and gives their ids again; a node
        that remembers those ids refuses the new jobs and is drained for "Duplicate jobid". A slurmd remembers jobs
        only as long as it runs. The news of a refusal may come after its node was put back, so that it is put back
        until all are there.
        """
        for node in NODES:
            self.kill(f"slurmd-{node}", signal.SIGTERM)
            self.start_node(node)
        self.wait_until_answering()

        def back() -> None:
            self.client("scontrol", "update", f"NodeName={','.join(NODES)}", "State=RESUME", check=False)
            self.wait_for_nodes(seconds=3)

        self._retry(back)

    def wait_until_answering(self) -> None:
        """Until every node's daemon has registered with the controller."""

        def registered() -> None:
            states = self.client("sinfo", "-h", "-N", "-o", "%N %T", timeout_s=5)
            assert not {"*", "unknown"} & {*states, *states.split()}, states

        self._retry(registered)

    def wait_for_nodes(self, count: int = len(NODES), seconds: float = 60) -> None:
        """Until so many nodes can take jobs."""

        def idle() -> None:
            states = self.client("sinfo", "-h", "-N", "-o", "%N %T", timeout_s=5).split("\n")
            good = {
                line.split()[0]
                for line in states
                if line.split()[1:] and line.split()[1] in ("idle", "mixed", "allocated")
            }
            assert len(good) >= count, states

        self._retry(idle, seconds)

    def hurry(self) -> None:
        """Let jobs that were requeued start at once instead of in two minutes; to be called again until they have.

        A job must not start anew in the second in which its former life was ended: the node takes its credential for
        a revoked one, and SLURM counts the job as finished, with no word to anybody.
        """
        waiting = self.client("squeue", "-h", "-r", "-t", "PENDING", "-o", "%i %r", check=False).splitlines()
        job_ids = [line.split()[0] for line in waiting if line.endswith(" BeginTime")]
        if not job_ids:
            return
        time.sleep(1.1)
        for job_id in job_ids:
            self.client("scontrol", "update", f"JobId={job_id}", "StartTime=now", check=False)

    def set_clock(self, node: str, seconds: float) -> None:
        """Let what Python starts on a node from now on have a clock that is so far ahead of the file system's."""
        (self.folder / "clock").mkdir(exist_ok=True)
        (self.folder / "clock" / "sitecustomize.py").write_text(_CLOCK)
        (self.folder / f"clock-{node}").write_text(f"{seconds:g}\n")

    def set_clocks_right(self) -> None:
        """Undo `set_clock` everywhere."""
        for path in self.folder.glob("clock-*"):
            path.unlink()

    def steps(self) -> list[int]:
        """The daemons of all job steps."""
        return self._stepds()

    def programs(self) -> list[int]:
        """The python programs of all jobs."""
        below = [pid for step in self._stepds() for pid in _descendants(step)]
        return [
            pid for pid in below if "submitit.core._submit" in _command(pid) and not _command(pid).startswith("srun")
        ]

    # ---- parts ----

    def _configure(self) -> None:
        f, host = self.folder, socket.gethostname()
        (f / "munge.key").write_bytes(secrets.token_bytes(1024))
        os.chmod(f / "munge.key", 0o400)
        gpus = self._devices()
        prolog = f / "prolog.sh"
        prolog.write_text(f"""#!/bin/sh
if [ -e "{f}/clock-$SLURMD_NODENAME" ]; then
    echo "export CLOCK_AHEAD_S=$(cat "{f}/clock-$SLURMD_NODENAME")"
    echo "export PYTHONPATH={f}/clock:$PYTHONPATH"
fi
""")
        prolog.chmod(0o755)
        self.conf.write_text(
            f"""
ClusterName=dsx
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={self.controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={f}/run/munge.sock
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={f}/prolog.sh
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
EnforcePartLimits=ALL
SlurmdParameters=config_overrides
StateSaveLocation={f}/state
SlurmdSpoolDir={f}/spool/%n
SlurmctldPidFile={f}/run/slurmctld.real.pid
SlurmdPidFile={f}/run/slurmd-%n.real.pid
SlurmctldLogFile={f}/log/slurmctld.log
SlurmdLogFile={f}/log/slurmd-%n.log
SlurmctldDebug=info
SlurmdTimeout=10
SlurmctldTimeout=30
MessageTimeout=20
KillWait=5
MinJobAge=60
MpiDefault=none
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1,sched_min_interval=200000
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStorageEnforce=limits
AccountingStoragePort={self.accounting_port}
AccountingStoragePass={f}/run/munge.sock
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=DEFAULT CPUs={self.cpus} RealMemory={self.mem_mb}{" Gres=gpu:2" if gpus else ""} State=UNKNOWN
NodeName=n[1-4] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{self.node_port + 1}-{self.node_port + 4}]
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=5 State=UP
""".lstrip()
        )
        if gpus:
            (f / "gres.conf").write_text(f"Name=gpu File={f}/gpu[0-1]\n")
        dbd = f / "slurmdbd.conf"
        dbd.write_text(
            f"""
AuthType=auth/munge
AuthInfo=socket={f}/run/munge.sock
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={self.accounting_port}
SlurmUser=root
LogFile={f}/log/slurmdbd.log
PidFile={f}/run/slurmdbd.real.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
""".lstrip()
        )
        os.chmod(dbd, 0o600)

    def _devices(self) -> bool:
        """Character devices that stand for GPUs."""
        try:
            for index in range(2):
                os.mknod(self.folder / f"gpu{index}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except OSError:
            return False
        return True

    def _munge(self) -> None:
        run = self.folder / "run"
        self._start(
            "munged",
            ["munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key", f"--socket={run}/munge.sock",
             f"--pid-file={run}/munged.real.pid", f"--seed-file={run}/munge.seed",
             f"--log-file={self.folder}/log/munged.log"],
        )  # fmt: skip
        self._retry(lambda: os.stat(run / "munge.sock"))

    def _database(self) -> None:
        data = self.folder / "db"
        shutil.chown(data, "mysql", "mysql")
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-test-db",
                   "--auth-root-authentication-method=socket", "--auth-root-socket-user=root"]  # fmt: skip
        with open(self.folder / "log" / "mariadb-install.log", "wb") as log:
            subprocess.run(install, stdout=log, stderr=log, check=True, timeout=120)
        self._start(
            "mariadbd",
            ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-networking",
             f"--socket={data}/mysql.sock", f"--pid-file={data}/mariadb.pid", "--innodb-buffer-pool-size=64M",
             "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0"],
        )  # fmt: skip
        self._retry(lambda: os.stat(data / "mysql.sock"))

    def _start(self, name: str, command: list[str]) -> None:
        environment = {
            **os.environ,
            **self.environment,
            # Debian's client library looks for the server here, unless it is told otherwise
            "MYSQL_UNIX_PORT": str(self.folder / "db" / "mysql.sock"),
        }
        binary = shutil.which(command[0]) or command[0]
        with open(self.folder / "log" / f"{name}.out", "ab") as log:
            process = subprocess.Popen(
                [binary, *command[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        (self.folder / "run" / f"{name}.pid").write_text(json.dumps([process.pid, _started(process.pid)]))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal one of our daemons and wait until it is gone."""
        file = self.folder / "run" / f"{name}.pid"
        if not file.exists():
            return
        pid, started = json.loads(file.read_text())
        deadline = time.monotonic() + 10
        while _started(pid) == started and started:
            _signal(pid, number if time.monotonic() < deadline else signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.1)
        file.unlink()

    def _stepds(self) -> list[int]:
        """slurmstepd processes of this cluster: their environment or spool names our folder."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{entry}/comm").read_text().strip() == "slurmstepd" and str(
                        self.folder
                    ) in _environment_or_command(int(entry)):
                        found.append(int(entry))
        return found

    def _retry(self, action: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                action()
                return
            except (OSError, RuntimeError, AssertionError, subprocess.TimeoutExpired):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def _started(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _environment_or_command(pid: int) -> str:
    text = ""
    for name in ("environ", "cmdline"):
        with contextlib.suppress(OSError):
            text += Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace").replace("\0", " ")
    return text


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    return ""


def _descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
            for child in map(int, children):
                found += [child, *_descendants(child)]
    return found


def main(arguments: list[str]) -> int:
    action = arguments[0] if arguments else ""
    cluster = Cluster(Path(arguments[1]) if len(arguments) > 1 else FOLDER)
    if action not in ("up", "down"):
        print(__doc__)
        return 2
    reason = missing()
    if reason:
        print(f"cluster.py: {reason}", file=sys.stderr)
        return 2
    if action == "up":
        cluster.up()
        print(cluster.client("sinfo"), end="")
        print(f"export SLURM_CONF={cluster.conf}")
    else:
        cluster.down()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
