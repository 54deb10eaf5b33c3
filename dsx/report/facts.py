"""Everything a report says about one study: results, networks, curves, failures, configuration, how to reproduce."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from dsx.report.networks import network_table
from dsx.report.reproduce import commands
from dsx.study import records
from dsx.study.status import FailureGroup, grouped
from dsx.study.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class StudyFacts:
    """What is known of one study. Only `name` and `table` are needed; results from elsewhere have no more.

    table: the results table. networks: `network_table` of its models. curves: one row per run and epoch of the
    best, the median and the worst run. problems: files that could not be read. settings: (what, value) in words.
    configuration: study.yaml. commands: what makes the study again, a line each.
    """

    name: str
    table: pd.DataFrame
    networks: pd.DataFrame | None = None
    curves: pd.DataFrame | None = None
    failures: list[FailureGroup] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    settings: list[tuple[str, str]] = field(default_factory=list)
    configuration: str = ""
    commands: list[str] = field(default_factory=list)


def gather(study: Study, name: str | None = None, table: pd.DataFrame | None = None) -> StudyFacts:
    """Read what a report needs of a study. table: its results, if at hand."""
    found = study.scan()
    results = study.results() if table is None else table
    picked = representatives(study, results)
    return StudyFacts(
        name=name or study.name,
        table=results,
        networks=network_table(study.population.model_ids, study.population.contents),
        curves=_curves(picked),
        failures=grouped(study, list(found.failures.values())),
        problems=found.problems,
        settings=_settings(study, results, picked),
        configuration=study.paths.definition.read_text(encoding="utf-8"),
        commands=commands(study),
    )


def representatives(study: Study, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Full records of the best, the median and the worst finished run: reading all would take long in a big study."""
    rows = table[table["state"].isin(("done", "diverged")) & table["error"].notna()]
    ordered = rows.sort_values(["error", "run_id"], kind="stable")["run_id"].tolist()
    places = sorted({0, (len(ordered) - 1) // 2, len(ordered) - 1}) if ordered else []
    found = []
    for run_id in (ordered[at] for at in places):
        record, _ = records.load_json(study.paths.run(run_id).result)
        if record is not None:
            found.append({**record, "run_id": run_id})
    return found


def _curves(picked: list[dict[str, Any]]) -> pd.DataFrame | None:
    import pandas as pd

    rows = [
        {"run_id": record["run_id"], "model_id": record.get("model_id", record["run_id"]), **epoch}
        for record in picked
        for epoch in record.get("curve") or ()
    ]
    return pd.DataFrame(rows) if rows else None


def _settings(study: Study, table: pd.DataFrame, picked: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The configuration in words, with the versions and devices under which models were trained."""
    definition, request = study.definition, study.request
    made = yaml.safe_load(study.paths.definition.read_text(encoding="utf-8"))
    window = ", ".join(
        f"{name} {text}" if name in ("flops", "params", "acts") else str(text)
        for name, text in (request.get("constraints") or {}).items()
    )
    size, classes = request.get("resolution"), request.get("num_classes")
    told = " – ".join(str(definition[key]) for key in ("name", "description", "source") if definition.get(key))
    seconds = float(table["seconds"].sum())
    facts = [
        ("space", told),
        ("models", f"{len(study.population):,} of {request.get('n', len(study.population)):,} asked for"),
        ("constraint", window or "none"),
        ("images", f"{size}×{size}, {classes} classes" if size and classes else ""),
        ("seed", f"{study.seed}" + (f", {study.replicates} trainings per model" if study.replicates > 1 else "")),
        ("training", study.recipe.describe() if study.recipe else "no recipe yet"),
        ("sampled by", f"dsx {made.get('dsx')}" + (f", commit {made['git_commit']}" if made.get("git_commit") else "")),
        ("trained with", "; ".join(dict.fromkeys(_environment(record) for record in picked))),
        ("device time", f"{seconds / 3600:,.3g} hours in all" if seconds else ""),
    ]
    return [(what, value) for what, value in facts if value]


def _environment(record: dict[str, Any]) -> str:
    """`torch 2.8.0, Python 3.11.7, cpu (x86_64), 1 thread`."""
    of = record.get("environment") or {}
    named = [f"{label} {of[key]}" for key, label in (("torch", "torch"), ("python", "Python")) if of.get(key)]
    device = str(record.get("device", ""))
    named += [f"{device} ({of['device_name']})" if of.get("device_name") else device] if device else []
    threads = of.get("threads")
    named += [f"{threads} thread{'' if threads == 1 else 's'}"] if threads else []
    return ", ".join(named)
