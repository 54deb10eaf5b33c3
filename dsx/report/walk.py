"""The page about a walk of `dsx design`: its chain, the evidence for every step, and the curves of all its spaces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dsx
from dsx.base import files
from dsx.base.units import format_number
from dsx.designing.account import error_statement, headline, spent, told_proposal
from dsx.designing.folder import DesignFolder, evidence_of
from dsx.designing.plan import Ending
from dsx.designing.walk import Walk
from dsx.networks.cost import METRICS
from dsx.recipes.metric import Metric
from dsx.report.page import rendered
from dsx.results.arrays import Table
from dsx.results.states import finished, finished_errors

_BEST = 10


def write_walk(folder: Path, walk: Walk, ending: Ending | None, command: str = "") -> Path:
    """Write report.html, the figure chain.png and .pdf, steps.csv and best.csv into the walk's folder; the page's path.

    The curves are of models drawn from each space itself: the test's own, and those trained to propose by, but none
    that was known before.
    """
    steps, best = steps_table(walk), best_models(walk)
    files.write_bytes(folder / "steps.csv", steps.to_csv(index=False).encode())
    files.write_bytes(folder / "best.csv", best.to_csv(index=False).encode())
    page = rendered(
        "walk.html",
        name=walk.chain[0].name,
        headline=headline(walk, ending),
        statement=error_statement(walk.plan, walk.steps),
        spent=spent(walk),
        figure=_figure(folder, walk),
        steps=[(step, evidence_of(step)) for step in walk.steps],
        proposal=told_proposal(walk.proposal),
        definition=(DesignFolder(folder).spaces / f"{walk.space.name}.yaml").read_text(encoding="utf-8"),
        last=walk.space.name,
        best=[_network_row(row, walk.metric) for row in best.to_dict("records")],
        metric=walk.metric,
        command=command,
        version=dsx.__version__,
    )
    path = folder / "report.html"
    files.write_bytes(path, page.encode())
    return path


def steps_table(walk: Walk) -> Table:
    """One row per step: what was tested, on how many models, what they said, and what was decided."""
    import pandas as pd

    # the last look, field by field, under the names of the columns
    seen = {
        "decision": "outcome", "models_of_it": "narrow", "models_left_out": "wide", "chance": "chance",
        "chance_low": "low", "chance_high": "high", "pvalue_better": "better", "pvalue_no_worse": "no_worse",
        "allowed": "allowed",
    }  # fmt: skip
    nothing = dict.fromkeys(seen) | {"decision": "by hand", "models_of_it": 0, "models_left_out": 0}
    rows = []
    for step in walk.steps:
        what = {"step": step.number, "before": step.before, "after": step.after}
        what |= {"rule": step.refinement.words, "kind": step.refinement.kind}
        look = {name: getattr(step.looks[-1], field) for name, field in seen.items()} if step.looks else nothing
        spent = {"error_allowed": step.error, "trained": step.trained, "reused": step.reused}
        rows.append({**what, **look, "looks": len(step.looks), **spent})
    return pd.DataFrame(rows)


def best_models(walk: Walk) -> Table:
    """The best known models of the last space; some of them luck of the draw."""
    return finished(walk.pool).sort_values("error", kind="stable", ignore_index=True).head(_BEST)


def _figure(folder: Path, walk: Walk) -> str:
    """The curves of the chain, as files and as the source of an image."""
    from dsx.analysis.edf import edf
    from dsx.exhibits.pictures import svg
    from dsx.plots.edf import draw_edf
    from dsx.plots.inputs import counts_in_words
    from dsx.plots.saving import close, save

    curves = {
        s.name: walk.drawn[s.name] for s in walk.chain if s.name in walk.drawn and len(finished(walk.drawn[s.name]))
    }
    if not curves:
        return ""
    errors = {name: edf(finished_errors(table, name)) for name, table in curves.items()}
    axes = draw_edf(errors, counts_in_words(curves), bands=False, metric=walk.metric)
    save(axes, folder, "chain")
    source = svg(axes)
    close(axes)
    return source


def _network_row(row: Mapping[Any, Any], metric: Metric) -> list[str]:
    return [
        str(row["model_id"]),
        f"{metric.from_error(row['error']):.2f}",
        *(format_number(float(row[name])) for name in METRICS),
    ]
