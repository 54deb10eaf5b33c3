"""`dsx time`: measured inference and training-step time of networks and of studies' models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsx.base.errors import check_at_least_one
from dsx.base.text import align
from dsx.base.units import short
from dsx.commands.target import chosen_size, own_resolution, study_resolution
from dsx.networks.lookup import Network, find_network
from dsx.study.study import Study, open_study

if TYPE_CHECKING:
    from dsx.networks.latency import DeviceModel
    from dsx.networks.timing import Clock, Mode, Timing


@dataclass(frozen=True)
class TimingSettings:
    """Flags of `dsx time`; resolution and batch_size: None takes the network's own, or finds one."""

    resolution: int | None = None
    batch_size: int | None = None
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None


def time_models(targets: Sequence[str], settings: TimingSettings, limit: int | None) -> str:
    """Inference and training-step time of networks, or of a study's models, which are kept in its folder.

    limit: of a study's models; None: all. Raises DsxError.
    """
    from dsx.networks.timing import MODES

    check_at_least_one("--limit", limit)
    rows = [["", "mode", "ms/batch", "quartiles", "images/s", "batch", "resolution"]]
    last = None
    for target in targets:
        study = open_study(target) if Path(target).is_dir() else None
        kept = []
        for label, network, size in _to_time(target, study, limit):
            for mode in MODES:
                last = timed(network, mode, chosen_size(settings.resolution, size), settings)
                kept.append({"model_id": label, **last.to_dict()})
                spread = f"{short(last.low_ms)}–{short(last.high_ms)}"
                numbers = [short(last.median_ms), spread, short(last.images_per_second)]
                rows.append([label, mode, *numbers, str(last.batch_size), str(last.resolution)])
        if study is not None:
            study.keep_timings(kept)
    assert last is not None
    where = f"{last.device}, {last.dtype}, {last.threads} threads, torch {last.torch_version}"
    return f"{align(rows, left=2)}\n{where}"


def timed(
    network: Network, mode: Mode, resolution: int, settings: TimingSettings | DeviceModel, clock: Clock = "wall"
) -> Timing:
    """The time of a network at this resolution, otherwise under these conditions."""
    from dsx.networks.timing import TimingOptions, time_network

    conditions = {name: getattr(settings, name) for name in ("batch_size", "device", "dtype", "threads")}
    return time_network(network, mode, TimingOptions(resolution, **conditions, clock=clock))


def _to_time(target: str, study: Study | None, limit: int | None) -> list[tuple[str, Network, int]]:
    if study is None:
        network = find_network(target)
        return [(target, network, own_resolution(network))]
    size = study_resolution(study)
    rows = range(len(study.population))[:limit]
    return [(study.population.model_ids[row], study.population[row].architecture, size) for row in rows]
