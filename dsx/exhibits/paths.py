"""Where the exhibits of a study are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dsx.exhibits.exhibit import Inquiry
from dsx.exhibits.studies import StudyFacts


def slugs(names: Sequence[str]) -> list[str]:
    """Names of studies as names of files, all different."""
    chosen: list[str] = []
    for name in names:
        slug = re.sub(r"[^\w.+-]+", "_", name).strip("._") or "study"
        chosen.append(slug if slug not in chosen else f"{slug}_{len(chosen)}")
    return chosen


def folders(inquiry: Inquiry) -> Iterator[tuple[StudyFacts, str]]:
    """Every study that has models that count, with its folder below the analysis': `figures/NAME/`."""
    names = slugs([study.name for study in inquiry.studies])
    for study, name in zip(inquiry.studies, names, strict=True):
        if len(study.models):
            yield study, f"figures/{name}/"
