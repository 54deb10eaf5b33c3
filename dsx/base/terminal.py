"""Standard output as every host has it: an encoding without our signs, or a reader that leaves before the end."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

# how signs outside of ASCII are written where the host's encoding has none of them
_PLAIN = {
    "–": "-", "−": "-", "…": "...", "×": "x", "≥": ">=", "≤": "<=", "→": "->", "±": "+-", "·": "*", "²": "^2",
    "√": "sqrt",
}  # fmt: skip
_HANDLER = "dsx_plain"


class ReaderGoneError(Exception):
    """Whoever read the output (head, less) has gone: nothing is wrong, and nobody is there to be told."""


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Standard output and error that can print any text; flushed in the end.

    Raises ReaderGoneError, where Python raises BrokenPipeError, once nobody reads the output.
    """
    codecs.register_error(_HANDLER, _as_plain_signs)
    before = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)
    sys.stdout = _Output(before)
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        finally:
            sys.stdout = before


def discard_output() -> None:
    """Let what is still to be written to standard output go nowhere, as Python does once more when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_plain_signs(error: UnicodeError) -> tuple[str | bytes, int]:
    """Codec error handler: a sign's plain spelling, or `\\u2026` for what has none."""
    assert isinstance(error, UnicodeEncodeError)
    sign = error.object[error.start]
    if sign in _PLAIN:
        return _PLAIN[sign], error.start + 1
    error.end = error.start + 1
    return codecs.backslashreplace_errors(error)


class _Output:
    """A text stream that tells a reader who has gone from every other fault."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As the stream's."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            raise ReaderGoneError from None

    def flush(self) -> None:
        """As the stream's."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
