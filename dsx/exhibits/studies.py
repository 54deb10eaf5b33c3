"""Everything a report says about one study: results, networks, curves, failures, configuration, how to reproduce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dsx.analysis.curves import extremes
from dsx.analysis.linear import linear_fit_table
from dsx.analysis.points import over_ranks
from dsx.base import files
from dsx.base.errors import DsxError, first_line, suggest
from dsx.base.units import format_range, short
from dsx.networks.user import shape_in_words
from dsx.plots.inputs import counts_in_words
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Table
from dsx.results.columns import COMPLEXITIES
from dsx.results.histories import Curve
from dsx.results.readers import Results
from dsx.results.states import FINISHED, finished
from dsx.results.structure import block_widths_of, network_table, networks_in, with_stages
from dsx.spaces.conditional import accepted, resampled_columns, settings_of
from dsx.spaces.definition import Space, load_space
from dsx.study.manifest import PaperErrors
from dsx.study.reproduce import commands
from dsx.study.status import FailureGroup, grouped
from dsx.study.study import Study

# networks per study whose linear fit is worked out
MOST_FITTED = 300
# runs whose curves are read, of the best and of the worst
EXTREME = 5


@dataclass(frozen=True, eq=False)
class StudyFacts:
    """What is known of one study. Only `name` and `table` are needed; results from elsewhere have no more."""

    name: str
    table: Table  # the results table
    networks: Table | None = None  # `network_table` of its models
    curves: Table | None = None  # one row per run and epoch of the best, the median and the worst runs
    failures: list[FailureGroup] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # files that could not be read
    settings: list[tuple[str, str]] = field(default_factory=list)  # (what, value) in words
    configuration: str = ""  # study.yaml
    commands: list[str] = field(default_factory=list)  # what makes the study again, a line each
    resolution: int | None = None  # of its images, pixels
    validation_images: int | None = None  # that models were evaluated on
    paper: PaperErrors | None = None  # what a paper reports of this population
    space: Space | None = None  # that the models are a sample of, if it is known
    metrics: tuple[Metric, ...] = (ERROR,)  # what was reported of every model; first what `error` is of
    reported: Table | None = None  # their values, in the rows of the table, where they are not the error alone

    @cached_property
    def whole(self) -> Table:
        """The results table with the structure columns and `stages` of the networks, whatever the models' state."""
        if self.networks is None or "model_id" not in self.table.columns:
            return self.table
        new = [c for c in self.networks.columns if c == "model_id" or c not in self.table.columns]
        return self.table.merge(self.networks[new].drop_duplicates("model_id"), on="model_id", how="left")

    @cached_property
    def models(self) -> Table:
        """The models that count, a row each, with what is known of their networks."""
        return finished(self.whole)

    @property
    def counts(self) -> list[str]:
        """How many models there are in each state, in words, as figures say it."""
        return counts_in_words({self.name: self.whole})

    @cached_property
    def fitted(self) -> Table:
        """model_id, error, w0, wa, wm, e_fit of the finished models whose stages are known; of very many, of some.

        Spread evenly over the ranks of error. e_fit is NaN where no line has as many stages. Raises DsxError for a
        network that is too deep to fit.
        """
        rows = over_ranks(with_stages(self.models), MOST_FITTED).reset_index(drop=True)
        fits = linear_fit_table([block_widths_of(stages) for stages in rows.get("stages", ())])
        both: Table = fits.rename(columns={"error": "e_fit"})
        both.insert(0, "error", rows["error"].to_numpy(float))
        both.insert(0, "model_id", rows["model_id"].to_numpy() if "model_id" in rows.columns else rows.index)
        return both


def gather(study: Study, name: str | None = None) -> StudyFacts:
    """Read what a report needs of a study."""
    scan, results = study.scan(), study.results()
    metrics = study.recipe.measures if study.recipe else (ERROR,)
    names = [metric.name for metric in metrics if metric.name in results.columns]
    reported = results[names]
    results = results.drop(columns=[name for name in names if name != "error"])
    picked = representatives(study, results)
    networks = network_table(study.population.model_ids, study.population.contents)
    return StudyFacts(
        name=name or study.name,
        table=results,
        networks=networks if len(networks) else None,
        curves=_curves(picked),
        failures=grouped(study, list(scan.failures.values())),
        problems=scan.problems,
        settings=_settings(study, results, picked),
        configuration=study.paths.definition.read_text(encoding="utf-8"),
        commands=commands(study),
        resolution=study.request.get("resolution"),
        validation_images=next((n for r in picked if (n := (r.get("split") or {}).get("evaluation_images"))), None),
        paper=study.paper,
        space=Space.from_dict(study.definition, study.name) if "parameters" in study.definition else None,
        metrics=metrics,
        reported=reported,
    )


def by_metric(study: StudyFacts, name: str) -> StudyFacts:
    """The study with `error` taken of another of its metrics. Raises DsxError if it has none of that name."""
    chosen = next((metric for metric in study.metrics if metric.name == name), None)
    if chosen is None or (chosen is not study.metrics[0] and study.reported is None):
        known = [metric.name for metric in study.metrics]
        raise DsxError(f"--metric {name}: {study.name} has {', '.join(known)}.{suggest(name, known)}")
    if chosen is study.metrics[0]:
        return study
    assert study.reported is not None
    table = study.table.assign(error=study.reported[name].map(chosen.as_error), best_error=float("nan"))
    rest = [metric for metric in study.metrics if metric is not chosen]
    return replace(study, table=table, curves=_curves_by(chosen, study.curves), metrics=(chosen, *rest), paper=None)


def _curves_by(metric: Metric, curves: Table | None) -> Table | None:
    """The curves with `error` taken of that metric; without it where they do not have it."""
    if curves is None:
        return None
    if metric.name not in curves.columns:
        return curves.drop(columns="error", errors="ignore")
    return curves.assign(error=curves[metric.name].map(metric.as_error))


def imported(results: Results) -> dict[str, StudyFacts]:
    """Facts of results read from a file, by the names it gives: no recipe, no failures' traces, nothing to repeat.

    Curves are taken from `NAME.curves.parquet` beside `NAME.parquet`, as reference results have them.
    """
    facts = {}
    for name, table in results.tables.items():
        networks = networks_in(table)
        curves = results.path.with_name(f"{results.path.stem}.curves.parquet")
        settings = [
            ("results", f"read from {results.path} ({results.format}); not trained here"),
            ("columns", results.account),
            ("training", _recipes(table)),
            ("curves", f"read from {curves}" if curves.is_file() else _curves_known(results.curves.get(name))),
        ]
        failures = _file_failures(table)
        kept = table.drop(columns=[c for c in ("stages",) if c in table.columns])
        known = [(what, value) for what, value in settings if value]
        facts[name] = StudyFacts(
            name,
            kept,
            networks,
            _file_curves(curves, table) if curves.is_file() else _history(results.curves.get(name), table),
            failures,
            settings=known,
            space=_named_space(table),
            metrics=(results.metric,),
        )
    return facts


def _named_space(table: Table) -> Space | None:
    """The space that a table of dsx's own names, if there is one of that name and all of its networks are of it.

    Its windows are what the models span: a population may have been drawn from a narrower one than the space has.
    """
    names = set(table["space"].dropna().astype(str)) if "space" in table.columns else set()
    if len(names) != 1:
        return None
    try:
        spans = {c: (int(table[c].min()), int(table[c].max())) for c in COMPLEXITIES if c in table.columns}
        windows = {f"constraints.{c}": format_range(*span) for c, span in spans.items()}
        space = load_space(names.pop(), windows)
        known = set(resampled_columns(space)) <= set(table.columns)
        return space if known and accepted(space, settings_of(space, table)).all() else None
    except (DsxError, KeyError, ValueError):
        return None


def _file_failures(table: Table) -> list[FailureGroup]:
    """Failed rows of a table from elsewhere, grouped by what it says of the cause."""
    rows = table[table["state"] == "failed"]
    reasons = rows["failure"] if "failure" in rows.columns else rows["state"].where(rows["state"] != "failed")
    causes = reasons.map(lambda reason: str(reason) if isinstance(reason, str) and reason else "no error is given")
    return [
        FailureGroup("failed", str(message), [str(i) for i in group], remedy="")
        for message, group in rows["model_id"].groupby(causes, sort=False)
    ]


def _recipes(table: Table) -> str:
    """What a table from elsewhere says of the training."""
    known = [str(r) for r in table["recipe"].dropna().unique()] if "recipe" in table.columns else []
    epochs = sorted(set(table["epochs"].dropna())) if "epochs" in table.columns else []
    sentence = [f"recipe {', '.join(known)}"] if known else ["recipe not known"]
    return ", ".join([*sentence, *([f"{epochs[-1]:g} epochs"] if epochs and epochs[-1] else [])])


def _curves_known(curves: Sequence[Curve] | None) -> str:
    return "in the file" if curves and any(map(len, curves)) else "none in the file"


def _history(curves: Sequence[Curve] | None, table: Table) -> Table | None:
    """Curves of the best, the median and the worst runs, of those that a file has for each row of its table."""
    import pandas as pd

    rows = _picked(table.assign(row=range(len(table))), "row") if curves else []
    parts = [
        pd.DataFrame({"run_id": str(row), "model_id": table["model_id"].iloc[row], **curves[row]})
        for row in rows if curves is not None and curves[row]
    ]  # fmt: skip
    for part in parts:
        part.insert(2, "epoch", range(1, len(part) + 1))
    return pd.concat(parts, ignore_index=True) if parts else None


def _file_curves(path: Path, table: Table) -> Table:
    """Curves of the best, the median and the worst runs, from a file of all."""
    import pandas as pd

    try:
        curves = pd.read_parquet(path)
        key = "run_id" if "run_id" in curves.columns else "model_id"
        rows: Table = curves[curves[key].isin(_picked(table, key))].reset_index(drop=True)
    except (OSError, ValueError, KeyError) as problem:
        raise DsxError(f"{path}: not readable as training curves: {first_line(problem)}") from None
    return rows


def _picked(table: Table, key: str) -> list[Any]:
    """Ids of the best, the median and the worst finished runs."""
    rows = table[table["state"].isin(FINISHED) & table["error"].notna()]
    ordered = rows.sort_values(["error", key], kind="stable")[key].tolist()
    return [ordered[at] for at in extremes(len(ordered), EXTREME)]


def representatives(study: Study, table: Table) -> list[dict[str, Any]]:
    """Full records of the best, the median and the worst finished runs: reading all would take long in a big study."""
    records = []
    for run_id in _picked(table, "run_id"):
        record, _ = files.load_json(study.paths.run(run_id).result)
        if record is not None:
            records.append({**record, "run_id": run_id})
    return records


def _curves(picked: list[dict[str, Any]]) -> Table | None:
    import pandas as pd

    rows = [
        {"run_id": record["run_id"], "model_id": record.get("model_id", record["run_id"]), **epoch}
        for record in picked
        for epoch in record.get("curve") or ()
    ]
    return pd.DataFrame(rows) if rows else None


def _settings(study: Study, table: Table, picked: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The configuration in words, with the versions and devices under which models were trained."""
    definition, request = study.definition, study.request
    window = ", ".join(
        f"{name} {text}" if name in COMPLEXITIES else str(text)
        for name, text in (request.get("constraints") or {}).items()
    )
    size, classes = request.get("resolution"), request.get("num_classes")
    space = " – ".join(str(definition[key]) for key in ("name", "description", "source") if definition.get(key))
    seconds = float(table["seconds"].sum())
    facts = [
        ("space", space),
        ("models", f"{len(study.population):,} of {request.get('n', len(study.population)):,} asked for"),
        ("constraint", window or "none"),
        ("images", f"{size}×{size}, {classes} classes" if size and classes else ""),
        ("inputs", f"{shape_in_words(definition['input'])}, {classes} classes" if definition.get("input") else ""),
        ("seed", f"{study.seed}" + (f", {study.replicates} trainings per model" if study.replicates > 1 else "")),
        ("training", study.recipe.describe() if study.recipe else "no recipe yet"),
        ("sampled by", study.made_by),
        ("trained with", "; ".join(dict.fromkeys(_environment(record) for record in picked))),
        ("device time", f"{short(seconds / 3600)} hours in all" if seconds else ""),
    ]
    return [(what, value) for what, value in facts if value]


def _environment(record: dict[str, Any]) -> str:
    """`torch 2.8.0, Python 3.11.7, cpu (AMD EPYC 7B13), 1 thread`."""
    of = record.get("environment") or {}
    named = [f"{label} {of[key]}" for key, label in (("torch", "torch"), ("python", "Python")) if of.get(key)]
    device = str(record.get("device", ""))
    named += [f"{device} ({of['device_name']})" if of.get("device_name") else device] if device else []
    threads = of.get("threads")
    named += [f"{threads} thread{'' if threads == 1 else 's'}"] if threads else []
    return ", ".join(named)
