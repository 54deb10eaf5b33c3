"""`dsx data prepare`: images decoded and resized once, for every model that is trained on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dsx.base import resources
from dsx.base.errors import DsxError, check_at_least_one
from dsx.base.overrides import parse_overrides
from dsx.base.text import plural
from dsx.launch.progress import ProgressReport
from dsx.recipes.datasets import DATASETS, PREPARED
from dsx.recipes.options import Data
from dsx.recipes.recipe import Recipe, load_recipe

_NAMED = 20


def prepare_data(
    name: str,
    root: Path | None,
    out: Path,
    size: int,
    workers: int | None,
    overrides: Sequence[str],
    say: Callable[[str], object] = print,
) -> str:
    """Prepare a known data set, a folder of images, or a data set by import path; returns what was made, in words.

    overrides: of a recipe's `data`, as in `data.mean=[0.5, 0.5, 0.5]`. say: told what is to be done, before it begins.
    Raises DsxError.
    """
    from dsx.training.data.prepare import plan_preparation, prepare

    check_at_least_one("--size", size)
    check_at_least_one("--workers", workers)
    if root is None and name not in DATASETS and Path(name).expanduser().is_dir():
        name, root = "folder", Path(name)
    elif name not in DATASETS and "/" in name:
        raise DsxError(f"{name}: no such folder; name one with images, or a data set that dsx knows")
    data, recipe = _described(name, root, overrides)
    plan = plan_preparation(data, size, out)
    say(
        f"{out}: {plural(plan.total, 'image')}, of which {plan.kept:,} were done before; the others need about"
        f" {plan.bytes_needed / 1e9:,.2f} GB"
    )
    tally = _ImageTally(plan.total)
    with ProgressReport(tally) as report:

        def show(done: int) -> None:
            tally.over = done
            report.note()

        manifest = prepare(plan, workers or os.cpu_count() or 1, show)
    return _told(out, manifest, recipe, data)


def _described(name: str, root: Path | None, overrides: Sequence[str]) -> tuple[Data, str]:
    """The data as a recipe says it, with evaluation images wherever there are some; and that recipe's name."""
    facts = DATASETS.get(name)
    given: dict[str, object] = {
        "data.dataset": name,
        "data.root": None if root is None else str(root.expanduser().resolve()),
    }
    given["data.split.evaluate"] = "official" if facts is None or facts.official else "held_out"
    recipe = name if name in resources.names("experiments", "recipe") else "folder"
    loaded = load_recipe(recipe, given | parse_overrides(overrides))
    if not isinstance(loaded, Recipe):
        raise DsxError(f"recipe {recipe} is a training of one's own: it reads its data by itself")
    return loaded.data, recipe


def _told(out: Path, manifest: dict[str, Any], recipe: str, data: Data) -> str:
    parts = ", ".join(plural(part["images"], f"{title} image") for title, part in manifest["parts"].items())
    unreadable = manifest["unreadable"]
    lines = [f"wrote {parts} to {out}"]
    if unreadable:
        lines += [f"{plural(len(unreadable), 'image')} not readable:", *(f"  {line}" for line in unreadable[:_NAMED])]
        lines += [f"  … all of them in {out / PREPARED}"] if len(unreadable) > _NAMED else []
    chosen = {"storage": "prepared", "root": str(out)} | (
        {"prepared_size": manifest["size"]} if manifest["size"] != data.prepared_size else {}
    )
    use = " ".join(f"recipe.data.{key}={value}" for key, value in chosen.items())
    return "\n".join([*lines, f"next: dsx launch STUDY --recipe {recipe} {use}"])


class _ImageTally:
    """Images done so far, and the words that say them."""

    def __init__(self, total: int) -> None:
        self.total, self.over = total, 0

    def sentence(self) -> str:
        return f"{self.over:,} of {self.total:,} images"
