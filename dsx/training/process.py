"""A program in a process group that never outlives us: its output is drained and bounded, its end is told exactly."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

# bytes of each output stream that are kept: the beginning in the log, and the end
_LOG_BYTES = 4 << 20
_TAIL_BYTES = 4 << 20
# The shell leads the group and becomes the program, so that exit codes are the program's own; it waits for a line that
# tells it to begin. Beside it waits a reader of our pipe, deaf to polite signals: when we close our end, or die in
# whatever way, all that is left of the group is killed with it. USR1 and USR2, of which schedulers send one to all
# processes of a job, are for us, who end the program in our own way: it ignores them unless it takes them.
_GUARDED = """exec 3<&0 </dev/null
read -r _ <&3 || exit 1
trap '' TERM INT HUP USR1 USR2
(read -r _ <&3; kill -s KILL -- "-$$") >/dev/null 2>&1 &
trap - TERM INT HUP
exec "$@" 3<&-"""


# groups of the programs that this process has running
_running: set[int] = set()


def resident_bytes() -> int:
    """Memory that the programs of this process hold, with all of their groups; 0 where the system does not tell."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*") if _running else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) in _running:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total


def killed_by(number: int) -> str:
    """What is said of a process that a signal ended: `killed by SIGKILL (often the system is out of memory)`."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return f"killed by {name}{' (often the system is out of memory)' if name == 'SIGKILL' else ''}"


class Program:
    """A program that `begin` lets run. To be closed, which kills what is left of its group."""

    def __init__(self, words: Sequence[str], folder: Path | None, environment: Mapping[str, str], logs: Path) -> None:
        """folder: in which it runs; None: ours. environment: over ours. logs: folder for stdout.log and stderr.log."""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARDED, "sh", *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        _running.add(self._process.pid)
        streams = (self._process.stdout, self._process.stderr)
        self._stdout, self._stderr = (
            _Drain(stream.fileno(), logs / name)  # type: ignore[union-attr]
            for stream, name in zip(streams, ("stdout.log", "stderr.log"), strict=True)
        )

    @property
    def pid(self) -> int:
        """Of its leader, and so of its group."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative of a signal; None while it runs."""
        return self._process.returncode

    def begin(self) -> None:
        """Run; what is to be known of the process by then can be written before."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.code is not None

    def terminate(self) -> None:
        """SIGTERM to the whole group: a shell does not hand it on."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def close(self) -> tuple[str, str]:
        """Kill what is left of the group; the ends of stdout and stderr."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self.wait(10)
        _running.discard(self._process.pid)
        ends = self._stdout.end(), self._stderr.end()
        for stream in (self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return ends


class _Drain:
    """Reads a stream to its end, so that the program never waits for us, and keeps its end."""

    def __init__(self, descriptor: int, log: Path) -> None:
        self._descriptor, self._log, self._tail = descriptor, log, bytearray()
        self._thread = threading.Thread(target=self._drain, name=f"dsx-{log.stem}", daemon=True)
        self._thread.start()

    def end(self) -> str:
        """The last text of the stream, once it is closed on the other side."""
        self._thread.join(10)
        return bytes(self._tail).decode(errors="replace")

    def _drain(self) -> None:
        written = 0
        with contextlib.ExitStack() as stack:
            file = None
            with contextlib.suppress(OSError):
                file = stack.enter_context(open(self._log, "ab", buffering=0))
            while block := os.read(self._descriptor, 1 << 16):
                self._tail += block
                if len(self._tail) > 2 * _TAIL_BYTES:
                    del self._tail[:-_TAIL_BYTES]
                if file is not None and written < _LOG_BYTES:
                    written += len(block)
                    with contextlib.suppress(OSError):  # a full disk: the program is drained all the same
                        file.write(block)
            if file is not None and written >= _LOG_BYTES:
                with contextlib.suppress(OSError):
                    file.write(b"\n[more than 4 MiB of output: the rest is left out, but for its end]\n")
                    file.write(self._tail[-(1 << 16) :])
