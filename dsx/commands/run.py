"""`dsx run`: sample, train and analyse every space of an experiment."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from dsx.base import files
from dsx.base.text import plural
from dsx.base.units import format_number
from dsx.commands.analyze import analyze_studies
from dsx.commands.config import Experiment, load_experiment
from dsx.commands.launch import exit_code, launch_studies, plan
from dsx.commands.sample import create_study, describe_growth, describe_sampling, models_in, parse_ranges
from dsx.commands.selection import remember
from dsx.commands.train import network_study
from dsx.launch.launcher import Launched
from dsx.launch.options import LaunchOptions
from dsx.networks.lookup import find_network
from dsx.results.columns import COMPLEXITIES
from dsx.spaces.definition import load_space
from dsx.spaces.sampling import configured, draw_population
from dsx.study.manifest import PaperErrors
from dsx.study.study import Study


def run(
    name: str, overrides: Sequence[str], device: str, say: Callable[[str], object] = print, finish: bool = False
) -> int:
    """Sample, train and analyse every space of an experiment; the exit code. say: told each step. Raises DsxError.

    finish: train nothing more, and analyse what there is. Where models train in jobs of a cluster, a last job does.
    """
    experiment = load_experiment(name, overrides)
    files.check_writable(Path(experiment.out), "name another with out=…")
    studies = sample_experiment(experiment, say)
    remember(studies)
    planned = plan(studies, [experiment.recipe] * len(studies), experiment.replicates)
    launched = Launched()
    if not finish:
        launched = launch_studies(studies, planned, experiment.launcher, LaunchOptions(device=device), say)
    if launched.submitted and (told := experiment.launcher.afterwards(studies, ["run", name, "--finish", *overrides])):
        say(told)
        return exit_code(launched)
    left = sum(study.left() for study in studies)
    if left and finish:
        say(f"{plural(left, 'model')} did not come to an end; what there is is analysed")
    elif left:
        say(f"{plural(left, 'model')} still to come: the same command goes on, and analyses when all are there")
        return exit_code(launched)
    command = shlex.join(["dsx", "run", name, *overrides])
    out = Path(experiment.analysis.out or Path(experiment.out) / "analysis")
    say(str(analyze_studies(studies, out, experiment.analysis, experiment.description, command)))
    return exit_code(launched)


def sample_experiment(experiment: Experiment, say: Callable[[str], object] = print) -> list[Study]:
    """One study per space, all drawn before any is written, so that a fault in the last space writes nothing.

    Then one for each network.
    """
    ranges = parse_ranges({name: getattr(experiment, name) for name in COMPLEXITIES})
    spaces = [
        configured(load_space(space), resolution=experiment.resolution, num_classes=experiment.num_classes, **ranges)
        for space in experiment.spaces
    ]
    drawings = [
        draw_population(s, experiment.n, seed=experiment.seed, allow_short=experiment.allow_short) for s in spaces
    ]
    studies = []
    for space, drawing in zip(spaces, drawings, strict=True):
        folder = Path(experiment.out) / space.name
        before = models_in(folder)
        study = create_study(space, drawing, experiment.seed, folder)
        studies.append(study)
        there = f"{space.name}: {plural(len(study.population), 'model')} in {folder} already"
        say(
            describe_growth(study, before)
            or (describe_sampling(space, drawing, experiment.seed) if before is None else there)
        )
    for name in experiment.networks:
        network = find_network(name)
        studies.append(network_study(name, network, experiment.recipe, Path(experiment.out) / name))
        say(f"{name}: {format_number(studies[-1].population.flops[0])} multiply-adds in {studies[-1].path}")
    for study, name in zip(studies, (*experiment.spaces, *experiment.networks), strict=True):
        if experiment.paper and name in experiment.paper.errors:
            lowest, mean = experiment.paper.errors[name]
            study.set_paper(PaperErrors(source=experiment.paper.source, min_error=lowest, mean_error=mean))
    return studies
