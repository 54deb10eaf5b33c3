"""`dsx time --calibrate`: a model of this device; and the latency of models that were drawn by one, measured again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsx.base.errors import DsxError
from dsx.base.files import check_writable, write_bytes
from dsx.base.text import align, plural
from dsx.base.units import short
from dsx.base.yaml import read_yaml, yaml_text
from dsx.commands.time import TimingSettings, timed
from dsx.networks.architecture import Architecture, ArchitectureTable
from dsx.networks.latency import FEATURES, FEWEST, DeviceModel, fit_device, latency_features
from dsx.spaces.constraints import Window
from dsx.spaces.definition import load_space
from dsx.spaces.sampling import configured, draw_population
from dsx.study.study import Study

if TYPE_CHECKING:
    from dsx.networks.timing import Clock

# networks of each space that are measured, and the seed that they are drawn by: not that of a population
_NETWORKS, _SEED = 60, 20_000


def read_device(path: Path) -> DeviceModel:
    """What `calibrate_device` wrote. Raises DsxError for any other file."""
    try:
        return DeviceModel.from_dict(read_yaml(path), str(path))
    except DsxError as error:
        raise DsxError(
            f"--device-model {error}; expected a file that `dsx time SPACE --calibrate FILE` wrote"
        ) from None


def calibrate_device(spaces: Sequence[str], settings: TimingSettings, limit: int | None, out: Path) -> str:
    """Measure networks of these spaces, fit the model of this device to them, and write it; what came of it, in words.

    limit: networks of each space. Batches of one image unless the settings say otherwise; on one thread of a CPU, the
    processor's time. Raises DsxError.
    """
    networks = _NETWORKS if limit is None else limit
    if networks * len(spaces) < FEWEST:
        raise DsxError(f"--limit {networks}: {len(spaces) * networks} networks are too few: measure at least {FEWEST}")
    if out.is_dir():
        raise DsxError(f"{out}: is a folder: name the file that the device's model is to be written to")
    check_writable(out.parent, "name another file, and nothing is measured in vain")
    settings = replace(settings, batch_size=settings.batch_size or 1)
    # on one thread, whatever else the machine does
    clock: Clock = "processor" if settings.device == "cpu" and settings.threads == 1 else "wall"
    features, measured, timing = [], [], None
    for name in spaces:
        space = configured(load_space(name), resolution=settings.resolution)
        # whatever the window, the device is asked about small and large ones
        free = space.model_copy(update={"constraints": {}})
        for model in draw_population(free, networks, seed=_SEED, allow_short=True).population:
            if not isinstance(model.architecture, Architecture):
                raise DsxError(f"{name}: nothing is known of the layers of a user's networks: no device can be fitted")
            timing = timed(model.architecture, "inference", space.resolution, settings, clock)
            measured.append(timing.median_ms)
            features.append(latency_features(ArchitectureTable.of([model.architecture]), space.resolution)[0])
    assert timing is not None
    facts = {name: getattr(timing, name) for name in ("threads", "dtype", "batch_size", "resolution", "torch_version")}
    facts |= {"device": settings.device, "name": timing.device, "clock": clock}
    device = fit_device(np.array(features), np.array(measured), facts)
    write_bytes(out, yaml_text(device.to_dict()).encode())
    median, high = device.held_out_pct
    rows = [["ms for each million", *FEATURES]]
    rows += [[kind, *(f"{1e6 * of.get(name, 0):.3g}" for name in FEATURES)] for kind, of in device.ms.items()]
    return (
        f"{device.words()}: {plural(device.networks, 'network')} of {short(min(measured))} to"
        f" {short(max(measured))} ms\n"
        f"{align(rows, left=1)}\n"
        f"held-out error: median {median:.1f} %, 90 % of networks within {high:.1f} %\nwrote {out}"
    )


def measured_again(study: Study, device: DeviceModel, window: Window) -> str:
    """Measure a study's models where the model of a device says that they are within a window; how many are, in words.

    The times are kept with the study.
    """
    resolution = study.population.resolution
    kept, told = [], []
    for model in study.population:
        assert isinstance(model.architecture, Architecture)  # others have no latency
        timing = timed(model.architecture, "inference", resolution, device, device.clock)
        kept.append({"model_id": model.model_id, **timing.to_dict()})
        told.append(device.latency_ms(ArchitectureTable.of([model.architecture]), resolution)[0])
    study.keep_timings(kept)
    times = np.array([row["median_ms"] for row in kept])
    below, above = times < window.low, times > window.high
    misses = [
        f"{count} {side}, by up to {100 * worst:.0f} %"
        for count, side, worst in (
            (below.sum(), "below", 1 - times.min() / max(window.low, 1e-9)),
            (above.sum(), "above", times.max() / window.high - 1),
        )
        if count
    ]
    inside = f"{len(times) - int(below.sum() + above.sum())} of {len(times)} within {window.text}"
    off = 100 * float(np.median(np.abs(times / np.array(told) - 1)))
    other = f", but with images of {resolution}×{resolution}" if resolution != device.resolution else ""
    return (
        f"  measured again on {device.words()}{other}: {'; '.join([inside, *misses])}; off by {off:.0f} % in the median"
    )
