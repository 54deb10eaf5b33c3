"""`dsx sample`: a population from a design space, and its study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dsx.base.errors import DsxError
from dsx.base.overrides import parse_overrides
from dsx.base.text import align, plural
from dsx.base.units import format_number, format_percent
from dsx.commands.calibrate import measured_again, read_device
from dsx.commands.selection import remember
from dsx.networks.cost import LATENCY, MEASURES, METRICS
from dsx.spaces.constraints import Window
from dsx.spaces.definition import Space, load_space
from dsx.spaces.sampling import Sampling, configured, draw_population
from dsx.spaces.scaled import window_note
from dsx.study.study import Study, open_study


@dataclass(frozen=True)
class SampleRequest:
    """What `dsx sample` is asked for."""

    space: str
    n: int = 500
    # flops, params, acts, latency as `low:high`. None: the space's own
    ranges: Mapping[str, str | None] = field(default_factory=dict)
    resolution: int | None = None
    num_classes: int | None = None
    seed: int = 0
    out: Path | None = None  # the study's folder; None: runs/SPACE
    allow_short: bool = False
    overrides: Sequence[str] = ()  # changes to the definition, `key=value`
    device_model: Path | None = None  # what `dsx time --calibrate` wrote; None: the space's own


@dataclass(frozen=True)
class Sampled:
    """A study that was made, or grew, and how its population was drawn. before: models it had; None if it is new."""

    study: Study
    space: Space
    drawing: Sampling
    seed: int
    note: str = ""
    before: int | None = None
    measured: str = ""  # how the latency of its models is, where they were drawn by it

    def text(self) -> str:
        """The account of it in words, after a note on the constraint if there is one."""
        account = describe_sampling(self.space, self.drawing, self.seed)
        growth = describe_growth(self.study, self.before)
        return "\n".join(filter(None, [self.note, account, growth, self.measured]))


def sample(request: SampleRequest) -> Sampled:
    """Draw a population and make its study. Writes nothing if anything is wrong. Raises DsxError."""
    space = load_space(request.space, parse_overrides(request.overrides))
    unchanged = load_space(request.space) if request.overrides else space
    if request.device_model is not None:
        space = space.model_copy(update={"device": read_device(request.device_model)})
    ranges = parse_ranges(request.ranges)
    space = configured(space, resolution=request.resolution, num_classes=request.num_classes, **ranges)
    drawing = draw_population(space, request.n, seed=request.seed, allow_short=request.allow_short)
    folder = request.out or Path("runs") / space.name
    before = models_in(folder)
    study = create_study(space, drawing, request.seed, folder)
    remember([study])
    window, measured = space.windows.get(LATENCY), ""
    if window is not None and space.device is not None:
        measured = measured_again(study, space.device, window)
    return Sampled(study, space, drawing, request.seed, window_note(unchanged, space), before, measured)


def draw_marginals(study: Study) -> Path:
    """Marginals of every parameter, flops, params and acts, beside the study's other figures."""
    from dsx import plots

    return plots.save(plots.population(study.population.table), study.paths.analysis, "population")[0]


def parse_ranges(texts: Mapping[str, str | None]) -> dict[str, tuple[float, float]]:
    """`--flops 360M:400M` and its like as numbers; those not given are left out. Raises DsxError with the flag."""
    ranges = {}
    for name, text in texts.items():
        if text is not None:
            try:
                window = Window.parse(name, text)
                ranges[name] = (window.low, window.high)
            except DsxError as error:
                raise DsxError(f"--{name}: {error}") from None
    return ranges


def create_study(space: Space, drawing: Sampling, seed: int, folder: Path) -> Study:
    """The study of what was drawn, or the one that is there, if it is of this request; it grows to a larger n."""
    request = {
        "n": drawing.asked,
        "constraints": space.constraint_texts,
        "resolution": None if space.input else space.resolution,
        "num_classes": space.num_classes,
    }
    return Study.create(folder, drawing.population, space.to_dict(), request, seed)


def models_in(folder: Path) -> int | None:
    """Models of the study in that folder; None if there is no readable one."""
    try:
        return len(open_study(folder).population)
    except DsxError:
        return None


def describe_growth(study: Study, before: int | None) -> str:
    """`runs/X grew from 200 to 500 models`; empty if it is new, or was of that size. before: as in `Sampled`."""
    if before is None or len(study.population) <= before or not study.history:
        return ""
    return f"{study.path} grew from {before:,} to {plural(len(study.population), 'model')}; what is trained stays"


def describe_sampling(space: Space, drawing: Sampling, seed: int) -> str:
    """How many models, from how many candidates, what binds, and quantiles of flops, params and acts."""
    population, tally = drawing.population, drawing.tally
    window = ", ".join(f"{name} {text}" if name in MEASURES else text for name, text in space.constraint_texts.items())
    count = plural(len(population), "distinct model") + (f" of {drawing.asked:,} asked for" if drawing.short else "")
    lines = [f"{space.name}: {count}, {window or 'no constraint'} at {space.input_in_words}, seed {seed}"]
    binding = f" ({tally.binding()} binds)" if tally.acceptance < 1 else ""
    lines.append(
        f"  drawn from {tally.candidates:,} candidates, {format_percent(tally.acceptance)} % accepted{binding}"
    )
    rates = {name: share for name, share in tally.rates().items() if share < 1}
    if len(rates) > 1:
        lines.append("  passing alone: " + ", ".join(f"{name} {100 * share:.2g} %" for name, share in rates.items()))
    rows = [["", "min", "25 %", "median", "75 %", "max"]]
    for name in METRICS:
        quantiles = np.quantile(getattr(population, name), [0, 0.25, 0.5, 0.75, 1])
        rows.append([name, *(format_number(float(q)) for q in quantiles)])
    return "\n".join([*lines, align(rows)])
