"""The narrower space as a YAML file that extends the old one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.yaml import yaml_text
from dsx.narrowing.candidates import Candidate, narrowed, written
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import draw_population

# models drawn from a new space, to see that it can be sampled
_TRIED = 8
_WIDTH = 100  # letters of a line of YAML


def write_space(out: Path, space: Space, taken: Sequence[Candidate]) -> tuple[Space, float]:
    """Write the narrower space as YAML that extends the old one where there is a file of it; and its acceptance.

    The file is checked: it loads, says what was meant, and can be sampled.
    Raises DsxError if `out` holds something else, has the old space's name, or nothing can be sampled.
    """
    if out.suffix not in (".yaml", ".yml"):
        raise DsxError(f"--out {out}: expected a file that ends in .yaml")
    if out.stem == space.name:
        raise DsxError(f"--out {out}: a space cannot extend one of its own name; choose another than {space.name}")
    rules = "; ".join(candidate.words for candidate in taken)
    header = {"name": out.stem, "description": f"{space.name} narrowed: {rules}", "source": "dsx narrow"}
    wanted = Space.from_dict({**written(narrowed(space, *taken)), **header}, str(out))
    reasons = "".join(f"# {candidate.words}: {candidate.evidence.words}\n" for candidate in taken)
    try:
        text = child_text(load_space(space.name), wanted, header)
    except DsxError:  # there is no file of it
        text = space_text(wanted)
    _write_checked(out, reasons + text, wanted)
    sampling = draw_population(wanted, _TRIED, allow_short=True)
    return wanted, sampling.tally.acceptance


def space_text(space: Space) -> str:
    """The YAML of a space that extends none."""
    return yaml_text(written(space), _WIDTH)


def child_text(before: Space, after: Space, header: Mapping[str, object]) -> str:
    """YAML of a space that extends another one. header: its name, description and source."""
    changes = difference(written(before), written(after))
    return yaml_text(
        {**header, "extends": before.name, **{k: v for k, v in changes.items() if k not in header}}, _WIDTH
    )


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Any]:
    """What has to be merged over `before` to make `after`: changed keys, and null for those that are gone."""
    changes: dict[str, object] = {}
    for key, value in after.items():
        old = before.get(key)
        if value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            # a distribution of another kind replaces its parent's as a whole
            same_kind = value.get("distribution") == old.get("distribution")
            changes[key] = difference(old, value) if same_kind else value
        else:
            changes[key] = value
    gone = [key for key in before if key not in after and key not in ("name", "description", "source")]
    return {**changes, **dict.fromkeys(gone)}


def as_path(path: Path) -> str:
    """Text that `--space` takes for a file, not for a name."""
    return str(path) if "/" in str(path) else f"./{path}"


def _write_checked(out: Path, text: str, wanted: Space) -> None:
    if out.exists() and (out.is_dir() or out.read_bytes() != text.encode()):
        raise DsxError(f"--out {out}: is there already, with other content; choose another name, or delete it")
    files.write_bytes(out, text.encode())
    loaded = load_space(as_path(out))
    if loaded.definition_hash != wanted.definition_hash:
        files.write_bytes(out, space_text(wanted).encode())
        assert load_space(as_path(out)).definition_hash == wanted.definition_hash, "a definition that does not reload"
