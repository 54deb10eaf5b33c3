"""The folder of a walk, which is its whole state: what was asked for, what was decided, and the spaces it went through.

design.yaml: the request. decisions/: the journal. candidates/: a person's own, YAML files. spaces/: the chain. Beside
them lie the studies of a walk whose models are trained, or errors.jsonl of one whose errors a function gives.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dsx.analysis.verdict import Margin, parse_margin
from dsx.base import files
from dsx.base.errors import DsxError
from dsx.base.yaml import parse_record, read_yaml, yaml_text
from dsx.designing.journal import Journal
from dsx.designing.plan import Step, WalkPlan
from dsx.narrowing.writing import child_text, space_text
from dsx.recipes.recipe import recorded_identity
from dsx.spaces.definition import Space, completed, load_space
from dsx.spaces.identity import identity
from dsx.study.manifest import told_difference
from dsx.study.paths import StudyPaths

# what may be said anew of a walk that has begun
_MAY_CHANGE = ("models", "hours")


class DesignFolder:
    """Where everything of a walk lies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.request = root / "design.yaml"
        self.spaces = root / "spaces"  # the chain
        self.candidates = root / "candidates"  # a person's own
        self.decisions = root / "decisions"  # the journal

    def journal(self) -> Journal:
        return Journal(self.decisions)

    def exists(self) -> bool:
        return self.request.exists()

    def check_no_study(self) -> None:
        """Raises DsxError for the folder of a study, which cannot hold a walk too."""
        if StudyPaths(self.root).definition.exists():
            raise DsxError(f"{self.root}: is a study: a walk needs a folder of its own; name another with --out")

    def wanted(self) -> dict[str, dict[str, Any]]:
        """A person's own candidates, by file name: what each changes of the current space. Raises DefinitionError."""
        return {path.stem: read_yaml(path) for path in sorted(self.candidates.glob("*.yaml"))}

    def read(self) -> dict[str, Any]:
        """What was asked for. Raises DsxError if there is no walk here, or the record is torn."""
        try:
            content = parse_record(self.request.read_text(encoding="utf-8"), self.request)
        except FileNotFoundError:
            raise DsxError(
                f"{self.root}: no walk here (no design.yaml); name a space with --space to begin one"
            ) from None
        if not isinstance(content, dict) or not {"space", "plan"} <= set(content):
            raise DsxError(
                f"{self.request}: not the request of a walk; restore it from a copy, or choose another folder"
            )
        return content

    def open(self) -> tuple[Space, WalkPlan, dict[str, Any] | None]:
        """The first space, the plan, and the recipe if models are trained."""
        content = self.read()
        plan = content["plan"]
        space = Space.from_dict(content["space"], str(self.request))
        return space, WalkPlan(**{**plan, "margin": parse_margin(plan["margin"])}), content.get("recipe")

    def keep(self, space: Space, plan: WalkPlan, recipe: Mapping[str, Any] | None = None) -> None:
        """Write what is asked for; more models or hours may be asked of a walk that has begun. Raises DsxError."""
        content = {"plan": {**asdict(plan), "margin": _typed(plan.margin)}, "space": space.to_dict()}
        if recipe is not None:
            content["recipe"] = dict(recipe)
        if self.exists():
            before = self.read()
            self._check_same(before, content)
            if before == content:
                return
        else:
            self.check_no_study()
        files.write_bytes(self.request, yaml_text(content, width=100).encode())

    def _check_same(self, before: Mapping[str, Any], content: Mapping[str, Any]) -> None:
        """Raises DsxError for a walk of another space, plan or recipe that has begun."""
        differing = [key for key in content["plan"] if before["plan"].get(key) != content["plan"][key]]
        fixed = [f"{k} {before['plan'].get(k)} → {content['plan'][k]}" for k in differing if k not in _MAY_CHANGE]
        if identity(completed(before["space"])) != identity(completed(content["space"])):
            fixed.insert(0, f"space {before['space'].get('name')} → {content['space']['name']}")
        # what the recipe of an earlier version did not say is as by default
        recipes = [recorded_identity(each.get("recipe") or {}) for each in (before, content)]
        if recipes[0] != recipes[1]:
            fixed.append(f"recipe: {told_difference(*recipes)}")
        if fixed:
            raise DsxError(
                f"{self.root}: holds a walk that was begun otherwise ({', '.join(fixed)}); go on with it as it is"
                f" (dsx design --out {shlex.quote(str(self.root))}), or choose another folder with --out"
            )

    def write_chain(self, chain: Sequence[Space], steps: Sequence[Step]) -> list[Path]:
        """A file for each space of the chain; each extends the one before, and says why."""
        taken = [step for step in steps if step.taken]
        paths = [self.spaces / f"{space.name}.yaml" for space in chain]
        for k, (path, space) in enumerate(zip(paths, chain, strict=True)):
            text = _child(chain[k - 1], space, taken[k - 1]) if k else space_text(space)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                files.write_bytes(path, text.encode())
        for path, space in zip(paths, chain, strict=True):
            assert load_space(path).definition_hash == space.definition_hash, f"{path}: does not say what is meant"
        return paths


def _child(before: Space, after: Space, step: Step) -> str:
    """YAML of a space that extends the one before, with the evidence as a comment."""
    described = f"{before.name} narrowed: {step.refinement.words}"
    reasons = [step.refinement.words, *evidence_of(step)]
    comment = "".join(f"# {line}\n" for reason in reasons for line in reason.splitlines())
    return comment + child_text(before, after, {"name": after.name, "description": described, "source": "dsx design"})


def evidence_of(step: Step) -> list[str]:
    """Sentences on how a step was decided."""
    if step.by_hand:
        return ["taken by hand: no test, and outside what is said of errors"]
    look = step.looks[-1]
    said = {"better": "better", "no worse": "no worse within the margin, and simpler", "undecided": "not taken"}
    known = f" ({step.known} of them known before)" if step.known else ""
    # what of a wider space shares one value, or follows a line, is no part of it by any share
    other = "of what it leaves out" if step.refinement.exact else "of the wider space"
    pvalue = look.no_worse if look.outcome == "no worse" else look.better
    return [
        f"{said[look.outcome]}: {look.narrow} fresh models of it and {look.wide} {other}{known}; a model"
        f" of it beats one of those with chance {look.chance:.2f} ({look.low:.2f}–{look.high:.2f}); p = {pvalue:.2g},"
        f" where {look.allowed:.2g} decides at look {len(step.looks)}"
    ]


def _typed(margin: Margin) -> str:
    """As `parse_margin` reads it."""
    return f"{margin.value:g}pt" if margin.unit == "points" else f"{margin.value:g}"
