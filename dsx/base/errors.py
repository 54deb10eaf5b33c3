"""The errors that dsx raises for mistakes of the caller.

The command line catches `DsxError` alone and prints it as one line; anything else is a fault of
dsx and keeps its traceback. A message says where, what was found, the rule and the remedy.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from numbers import Integral


class DsxError(ValueError):
    """A mistake in what dsx was given: a file, an argument, a study folder."""


class DefinitionError(DsxError):
    """A definition (space, recipe, experiment, architecture) that breaks a rule of its format."""


class ShortfallError(DsxError):
    """A space gave fewer distinct models under the constraint than were asked for."""


class StudyError(DsxError):
    """A study folder that is missing, torn, or at odds with what is asked of it."""


def check_at_least_one(name: str, number: int | None, of: str = "") -> None:
    """Raises DsxError for an option below 1; None is none. name: as it is typed. of: what it counts."""
    if number is not None and number < 1:
        raise DsxError(f"{name} {number}: expected an integer ≥ 1{of and f', {of}'}")


def check_whole(name: str, value: object, low: int, below: float, expected: str) -> None:
    """Raises DsxError unless it is an integer (numpy's count), low ≤ value < below. expected: the rule, in words."""
    if not (isinstance(value, Integral) and low <= int(value) < below):
        raise DsxError(f"{name} = {value!r}: expected {expected}")


def check_seed(seed: object) -> None:
    """Raises DsxError for what is no seed of a population, a training or a walk."""
    check_whole("seed", seed, 0, 2**63, "an integer from 0 to 2^63 − 1")


def check_path(name: str, path: object, example: str) -> None:
    """Raises DsxError for what names no file or folder. example: of one that would."""
    if not isinstance(path, str | os.PathLike) or path == "":
        raise DsxError(f"{name} = {path!r}: expected a path, such as {example}")


def check_mapping(name: str, value: object, example: str) -> None:
    """Raises DsxError for what has no keys. example: of what has."""
    if not isinstance(value, Mapping):
        raise DsxError(f"{name} = {value!r}: expected a dictionary, such as {example}")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that follow; its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def unknown(what: str, name: object, known: Collection[str]) -> str:
    """`unknown block 'y'. Did you mean x? Known: x, r, v`: the one wording for a name that is none of the known."""
    return f"unknown {what} '{name}'.{suggest(str(name), known)} Known: {', '.join(known)}"


def one_of(value: object, known: Collection[str]) -> str:
    """`expected one of x, r, v. Did you mean x?`: what a value that is none of the known should have been."""
    return f"expected one of {', '.join(known)}.{suggest(str(value), known)}"


def suggest(name: str, known: Iterable[str]) -> str:
    """` Did you mean X?` for a near miss (letter case ignored), else an empty string."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[near[0]]}?" if near else ""
