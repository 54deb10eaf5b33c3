"""Commands in documents with what they print: run as written, compared, or written anew.

A block ```sh or ```python whose next block is ```text is run, in order, in one folder that has the shipped experiments;
a block with a title, as ```csv title="a.csv", is written there as that file. `python tests/documents.py docs/method.md`
writes the outputs anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w+)(?: title=\"(\S+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Printed:
    """A block that was run: what it was, what the document says that it prints, and what it printed."""

    code: str
    told: str
    printed: str
    place: tuple[int, int]  # of what the document says, in its text


def run(document: Path, folder: Path) -> list[Printed]:
    """Run the blocks of a document in an empty folder."""
    (folder / "experiments").symlink_to(ROOT / "experiments")
    text = document.read_text(encoding="utf-8")
    blocks = list(_BLOCK.finditer(text))
    done = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        language, name, code = block.groups()
        if name:
            (folder / name).write_text(code, encoding="utf-8")
        elif after is not None and after[1] == "text" and language in ("sh", "python"):
            printed = "".join(_output(command, folder) for command in _commands(language, code))
            done.append(Printed(code, after[3], printed, after.span(3)))
    return done


def _commands(language: str, code: str) -> list[list[str]]:
    if language == "python":
        return [[sys.executable, "-c", code]]
    dsx = f'dsx() {{ "{sys.executable}" -m dsx "$@"; }}'
    return [["bash", "-c", f"{dsx}\n{line}"] for line in code.splitlines() if line.strip()]


def _output(command: list[str], folder: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "COLUMNS": "120"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.stdout + done.stderr


def main(documents: list[str]) -> None:
    for name in documents:
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            for block in reversed(run(path, Path(folder))):
                text = text[: block.place[0]] + block.printed + text[block.place[1] :]
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
