"""`dsx export-curves`: training curves of a study as files that trackers read; nothing leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dsx.base import files
from dsx.base.errors import DsxError, suggest
from dsx.base.text import plural
from dsx.commands.selection import chosen
from dsx.results.arrays import Table
from dsx.study.study import Study

TRACKERS = {"tensorboard": "pip install tensorboard", "wandb": "pip install wandb"}
_EVENTS = "events.out.tfevents."


def export_curves(folder: str, to: str, out: Path | None = None) -> str:
    """Write the curves of all finished runs of a study for a tracker, one of its runs each; what was written, in words.

    to: `tensorboard` (event files) or `wandb` (its offline folders, for `wandb sync`). Written again, event files are
    replaced. Raises DsxError if the tracker's package is not installed, no curve is known, or the folder holds several
    studies.
    """
    if to not in TRACKERS:
        raise DsxError(f"--to {to}: expected {' or '.join(TRACKERS)}.{suggest(to, TRACKERS)}")
    study, *others = chosen([folder])
    if others:
        named = ", ".join(str(each.path) for each in (study, *others))
        raise DsxError(f"{folder}: holds {1 + len(others)} studies: name one of {named}")
    place = out or study.path / "curves" / to
    curves = list(_runs(study))
    if not curves:
        raise DsxError(f"{study.path}: no finished model has a curve")
    files.check_writable(place, "name another with --out")
    for run_id, facts, curve in curves:
        (_write_events if to == "tensorboard" else _write_offline_run)(place, run_id, facts, curve)
    look = f"tensorboard --logdir {place}" if to == "tensorboard" else f"wandb sync {place}/wandb/offline-run-*"
    return f"wrote {plural(len(curves), 'run')} to {place}   look: {look}"


def _runs(study: Study) -> Iterator[tuple[str, dict[str, object], Table]]:
    """Of every run with a curve: its id, its row of the results, and a row per epoch."""
    rows = {row["run_id"]: row for row in study.results().to_dict("records")}
    for run_id, curve in study.curves().groupby("run_id", sort=False):
        yield str(run_id), {str(key): value for key, value in rows[run_id].items()}, curve


def _scalars(curve: Table) -> Iterator[tuple[int, dict[str, float]]]:
    """Epoch and what was noted of it, numbers alone."""
    names = [c for c in curve.columns if c not in ("run_id", "model_id", "epoch") and curve[c].dtype.kind in "iuf"]
    for epoch, values in zip(curve["epoch"], curve[names].to_numpy(float), strict=True):
        yield int(epoch), {str(name): float(v) for name, v in zip(names, values, strict=True) if np.isfinite(v)}


def _write_events(place: Path, run_id: str, _facts: dict[str, object], curve: Table) -> None:
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise _missing("tensorboard") from error
    folder = place / run_id
    for old in folder.glob(f"{_EVENTS}*"):
        old.unlink()
    writer = EventFileWriter(str(folder))
    try:
        for epoch, scalars in _scalars(curve):
            for name, value in scalars.items():
                summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                writer.add_event(Event(wall_time=float(epoch), step=epoch, summary=summary))
    finally:
        writer.close()


def _write_offline_run(place: Path, run_id: str, facts: dict[str, object], curve: Table) -> None:
    try:
        import wandb
    except ImportError as error:
        raise _missing("wandb") from error
    place.mkdir(parents=True, exist_ok=True)
    run = wandb.init(mode="offline", dir=str(place), project=str(facts["space"]), name=run_id, config=facts)
    for epoch, scalars in _scalars(curve):
        run.log(scalars, step=epoch)
    run.finish()


def _missing(package: str) -> DsxError:
    return DsxError(f"--to {package}: the package is not installed: {TRACKERS[package]}")
