"""`dsx narrow`: a narrower space from what the best models share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsx import analysis
from dsx.analysis.narrow import Suggestion, chosen, suggestions
from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.base.yaml import yaml_text
from dsx.spaces.definition import Space, load_space, space_from_dict
from dsx.spaces.files import merge
from dsx.spaces.sampling import draw_population
from dsx.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

# models drawn from a new space, to see that it can be sampled
_TRIED = 8


def narrow(
    studies: Sequence[Study],
    parameters: Sequence[str] = (),
    out: Path | None = None,
    take: Sequence[int] = (),
    level: float = 0.95,
) -> str:
    """Suggestions for a narrower space with their evidence, in words; those taken are written to `out`.

    parameters: those to look at; none: all. take: numbers of the suggestions to take as they are listed; none: the
    supported ones. Raises DsxError if the studies are not of one space and one recipe, or nothing is to be written.
    """
    space, table = _one_space(studies)
    found = suggestions(space, table, parameters or None, level=level)
    for n in take:
        if not 1 <= n <= len(found):
            raise DsxError(f"--take {n}: expected a number from 1 to {len(found)}, of the suggestions listed")
    taken = [found[n - 1] for n in take] if take else chosen(found)
    counts = analysis.count_states(table).words()
    lines = [f"{space.name}: {counts}; {plural(len(found), 'way')} to narrow it looked at"]
    for n, s in enumerate(found, 1):
        mark = "supported" if s.supported else "not shown"
        lines.append(f"  {n}. [{mark}] {s.words}\n       {s.evidence}")
    if out is None:
        return "\n".join([*lines, "nothing written: name a file with --out, and others than the supported with --take"])
    if not taken:
        print("\n".join(lines))
        raise DsxError("narrow: none of these is supported by the models, so no space was written; --take 1 takes one")
    narrowed, acceptance = write_space(out, space, taken)
    lines.append(f"took {', '.join(str(found.index(s) + 1) for s in taken)}; wrote {out}: {narrowed.name}")
    lines.append(f"  {100 * acceptance:.2g} % of its candidates are accepted")
    n = max(len(study.population) for study in studies)
    return "\n".join([*lines, f"next: dsx sample --space {_as_path(out)} --n {n} --seed {studies[0].seed + 1}"])


def _one_space(studies: Sequence[Study]) -> tuple[Space, pd.DataFrame]:
    """The space that all studies are of, and their results together."""
    import pandas as pd

    first = studies[0]
    for study in studies[1:]:
        if study.space_hash != first.space_hash:
            raise DsxError(
                f"narrow: {first.path} and {study.path} are of different spaces: narrow one at a time, and compare them"
                " with `dsx analyze`"
            )
    tables = {str(study.path): study.results() for study in studies}
    warnings = analysis.mixed_conditions(tables)
    if warnings:
        raise DsxError(f"narrow: {warnings[0]}")
    whole = pd.concat(list(tables.values()), ignore_index=True)
    return space_from_dict(first.definition, str(first.path)), whole.drop_duplicates("run_id", ignore_index=True)


def write_space(out: Path, space: Space, taken: Sequence[Suggestion]) -> tuple[Space, float]:
    """Write the narrower space as YAML that extends the old one where there is a file of it; and its acceptance.

    The file is checked: it loads, says what was meant, and can be sampled.
    Raises DsxError if `out` holds something else, has the old space's name, or nothing can be sampled.
    """
    if out.suffix not in (".yaml", ".yml"):
        raise DsxError(f"--out {out}: expected a file that ends in .yaml")
    if out.stem == space.name:
        raise DsxError(f"--out {out}: a space cannot extend one of its own name; choose another than {space.name}")
    definition = space.to_dict()
    told = "; ".join(s.words for s in taken)
    header = {"name": out.stem, "description": f"{space.name} narrowed: {told}", "source": "dsx narrow"}
    for s in taken:
        definition = merge(definition, s.change)
    wanted = space_from_dict({**definition, **header}, str(out))
    reasons = "".join(f"# {s.words}: {s.evidence}\n" for s in taken)
    text = _child(space.name, wanted, header) or _yaml(wanted.to_dict())
    _write_checked(out, reasons + text, wanted)
    drawn = draw_population(wanted, _TRIED, allow_short=True)
    return wanted, drawn.tally.acceptance


def _child(parent: str, wanted: Space, header: Mapping[str, Any]) -> str:
    """YAML that extends the space of that name; empty if there is none."""
    try:
        before = load_space(parent).to_dict()
    except DsxError:
        return ""
    after = {k: v for k, v in wanted.to_dict().items() if k not in header}
    return _yaml({**header, "extends": parent, **difference(before, after)})


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be merged over `before` to make `after`: changed keys, and null for those that are gone."""
    changed: dict[str, Any] = {}
    for key, value in after.items():
        old = before.get(key)
        if value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            # a distribution of another kind replaces its parent's as a whole
            same_kind = value.get("distribution") == old.get("distribution")
            changed[key] = difference(old, value) if same_kind else value
        else:
            changed[key] = value
    gone = [key for key in before if key not in after and key not in ("name", "description", "source")]
    return {**changed, **dict.fromkeys(gone)}


def _write_checked(out: Path, text: str, wanted: Space) -> None:
    if out.exists() and out.read_text(encoding="utf-8") != text:
        raise DsxError(f"--out {out}: is there already, with other content; choose another name, or delete it")
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(out, text.encode())
    loaded = load_space(_as_path(out))
    if loaded.definition_hash != wanted.definition_hash:
        files.write_bytes(out, _yaml(wanted.to_dict()).encode())
        assert load_space(_as_path(out)).definition_hash == wanted.definition_hash, "a definition that does not reload"


def _as_path(path: Path) -> str:
    """Text that `--space` takes for a file, not for a name."""
    return str(path) if "/" in str(path) else f"./{path}"


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml_text(content, width=100)
