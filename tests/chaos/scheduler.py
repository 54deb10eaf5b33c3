"""A stand-in for a foreign scheduler: starts `dsx` commands that it forks from itself, so that none has to import it.

As a program it reads one JSON list of words a line, and writes the process id of what it has started. A worker begins
within milliseconds: what is killed at random is then at work, and not on its way there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path


class Scheduler:
    """The program, from outside. To be closed, which leaves what it started alone."""

    def __init__(self, errors: Path, environment: dict[str, str]) -> None:
        """errors: what all commands say on their error output. environment: of all of them."""
        command, pipe = [sys.executable, __file__], subprocess.PIPE
        with errors.open("ab") as file:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=file, text=True, env=environment)

    def submit(self, words: list[str]) -> int:
        """Start `dsx WORDS`; its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)


def main() -> None:
    """Serve until the input ends."""
    import dsx.commands.worker  # noqa: F401 (loaded once, here)
    from dsx.cli import main as dsx_main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for them
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        sys.argv = ["dsx", *json.loads(line)]
        try:
            dsx_main()
        finally:
            sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
