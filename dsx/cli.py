"""The `dsx` command: parse, call, print. Exits 0, 2 for a mistake of the user (one line), 1 for a fault of dsx."""

from __future__ import annotations

import atexit
import gc
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from dsx.base.errors import DsxError
from dsx.base.terminal import ReaderGoneError, discard_output, standard_streams
from dsx.base.text import json_text
from dsx.base.units import parse_count

# exit code where the reader of the output has gone, as shells report of any tool that SIGPIPE ended
READER_GONE = 141


class _Command(TyperCommand):
    """Of names and paths none may be empty: as a path that would be the current folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in self.params:
            texts = given.get(str(parameter.name))
            if "" in (texts if isinstance(texts, list | tuple) else [texts]) and parameter.default != "":
                raise DsxError(f"{parameter.opts[0]}: expected a name, a path or a value, found an empty text")
        return super().parse_args(ctx, args)


class _Application(typer.Typer):
    """Of such commands."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        return super().command(name, cls=_Command, **options)


app = _Application(
    name="dsx",
    help="Design-space exploration: sample populations of networks, train them, compare their error distributions.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        import dsx

        print(f"dsx {dsx.__version__} ({Path(dsx.__file__).parent})")
        raise typer.Exit


def _count(words: str) -> typer.models.OptionInfo:
    """An option that is a whole number, as people write them."""

    def parse(text: str | int) -> int:
        try:
            return text if isinstance(text, int) else parse_count(text)  # a default is a number
        except DsxError as error:
            raise typer.BadParameter(str(error)) from None

    return typer.Option(help=words, parser=parse, metavar="INTEGER")


Range = Annotated[str | None, typer.Option(metavar="LOW:HIGH", help="both ends inclusive; 360M:400M, :10M, 1G:")]
Studies = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STUDY…] [KEY=VALUE…]", help="study folders (default: those of the last sample or run), and overrides"
    ),
]

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps")]
Launcher = Annotated[str, typer.Option(help="local, debug, slurm, or a launcher file of yours")]
Workers = Annotated[int | None, _count("processes; one per core or GPU by default")]
StudyRecipe = Annotated[str | None, typer.Option(help="a recipe's name or file; the study's own by default")]
Target = Annotated[str, typer.Argument(help="a study folder, a published network's name, or an architecture file")]
ModelId = Annotated[str | None, typer.Argument(help="of a study: a model's id, or its beginning")]


def _changes(words: str) -> typer.models.ArgumentInfo:
    """Overrides of what a command makes or uses."""
    return typer.Argument(metavar="[KEY=VALUE…]", help=words)


_DATA = """Images: prepare them once for every model.

Example: dsx data prepare imagenet --root data/imagenet --size 256 --out data/imagenet-256
"""
data_app = _Application(help=_DATA, rich_markup_mode=None)
app.add_typer(data_app, name="data")


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 (its callback prints it)
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="the version, and where it lies")
    ] = False,
) -> None:
    """Options of `dsx` itself; typer shows the application's own help."""
    _help_alone(context)


@data_app.callback(invoke_without_command=True)
def data_options(context: typer.Context) -> None:
    """Of `dsx data` itself."""
    _help_alone(context)


def _help_alone(context: typer.Context) -> None:
    """Where no command is named, what there is."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def spaces(
    name: Annotated[str | None, typer.Argument(help="a space's name or file")] = None,
    long: Annotated[bool, typer.Option("--long", help="list sizes, images and constraints too")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of space files, for editors")] = False,
) -> None:
    """List the design spaces, or describe one.

    Example: dsx spaces AnyNetXE
    """
    from dsx.commands import spaces as command

    print(command.spaces(name, schema, long))


@app.command()
def recipes(name: Annotated[str | None, typer.Argument(help="a recipe's name or file")] = None) -> None:
    """List the recipes, or describe one with all its fields.

    Example: dsx recipes digits
    """
    from dsx.commands import recipes as command

    print(command.recipes(name))


@app.command()
def sample(
    space: Annotated[str, typer.Option(help="a space's name, or a path to its YAML file")],
    n: Annotated[int, _count("models to draw")] = 500,
    flops: Range = None,
    params: Range = None,
    acts: Range = None,
    latency: Range = None,
    device_model: Annotated[
        Path | None, typer.Option(help="of the device that latency is of: what dsx time --calibrate wrote")
    ] = None,
    resolution: Annotated[int | None, _count("pixels; the space's own by default")] = None,
    num_classes: Annotated[int | None, _count("the space's own by default")] = None,
    seed: Annotated[int, _count("the population is a function of space, constraint and seed")] = 0,
    out: Annotated[Path | None, typer.Option(help="study folder; runs/SPACE by default")] = None,
    allow_short: Annotated[bool, typer.Option("--allow-short", help="accept fewer models than asked for")] = False,
    figure: Annotated[bool, typer.Option("--figure", help="draw the marginals of the population too")] = False,
    overrides: Annotated[list[str] | None, _changes("changes to the space's definition")] = None,
) -> None:
    """Draw a population of distinct models from a design space, under a complexity constraint.

    Example: dsx sample --space AnyNetXE --n 500 --flops 360M:400M parameters.width.high=512
    """
    from dsx.commands import sample as command

    ranges = {"flops": flops, "params": params, "acts": acts, "latency": latency}
    request = command.SampleRequest(
        space, n, ranges, resolution, num_classes, seed, out, allow_short, tuple(overrides or ()), device_model
    )
    sampled = command.sample(request)
    print(sampled.text())
    if figure:
        print(f"figure: {command.draw_marginals(sampled.study)}")
    print(f"wrote {sampled.study.path}   next: dsx launch {shlex.quote(str(sampled.study.path))} --recipe NAME")


@app.command()
def launch(
    studies: Studies = None,
    recipe: StudyRecipe = None,
    program: Annotated[
        str | None,
        typer.Option("--command", help="train by this program instead, as in 'python train.py {architecture} {seed}'"),
    ] = None,
    on: Launcher = "local",
    workers: Workers = None,
    limit: Annotated[int | None, _count("train at most so many models, then stop")] = None,
    seeds: Annotated[int | None, _count("train each model with so many seeds")] = None,
    device: Device = "auto",
    retry: Annotated[
        str, typer.Option(help="failure classes to train again, as in out_of_memory,timeout; or failed for all")
    ] = "",
    max_failures: Annotated[int | None, _count("stop once more models than this failed")] = None,
    mem_gb: Annotated[str | None, typer.Option(help="memory of a cluster's job; 2x doubles the last one's")] = None,
    timeout_min: Annotated[str | None, typer.Option(help="time limit of a cluster's job; 2x doubles it")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="decided", help="draw and train in rounds until studies are told apart")
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(help="with --until: decided too if equivalent within 0.1 of even odds, or 1pt of error"),
    ] = None,
    at_most: Annotated[int | None, _count("with --until: models of each study; 500 by default")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be trained and what it costs")] = False,
) -> None:
    """Train the pending models of studies. Safe to repeat: finished models are skipped, the rest resumed.

    Example: dsx launch runs/AnyNetXE-digits --recipe digits --workers 2 recipe.epochs=4
    """
    from dsx.commands import launch as command
    from dsx.commands import until as rounds
    from dsx.launch.options import LaunchOptions

    folders, overrides = _split(studies)
    folders = _or_last(folders)
    flags = {"mem_gb": mem_gb, "timeout_min": timeout_min}  # short for overrides of a cluster's launcher
    overrides += [f"launcher.{name}={value}" for name, value in flags.items() if value is not None]
    failures = tuple(filter(None, retry.split(",")))
    options = LaunchOptions(device=device, workers=workers, limit=limit, retry=failures, max_failures=max_failures)
    request = command.LaunchRequest(folders, command.asked_recipe(recipe, program), on, options, overrides, seeds)
    goal = rounds.goal(until, margin, at_most)
    if dry_run:
        print(rounds.preview_until(request, goal) if goal else command.preview(request))
        return
    launched = rounds.launch_until(request, goal, _say) if goal else command.launch(request, _say)
    sys.exit(command.exit_code(launched))


@app.command()
def worker(
    studies: Studies = None,
    recipe: StudyRecipe = None,
    device: Device = "auto",
    threads: Annotated[int | None, _count("of torch, and of a program of yours")] = 1,
    retry: Annotated[str, typer.Option(help="failure classes to train again, as `dsx launch` has them")] = "",
    stay: Annotated[
        bool, typer.Option("--stay", help="wait for models of other workers, until every one is over")
    ] = False,
) -> None:
    """One more worker, for any scheduler or shell: as many as are started share the studies, and none trains one twice.

    Example: dsx worker /shared/runs/AnyNetXE
    """
    from dsx.commands import worker as command

    folders, overrides = _split(studies)
    words = tuple(filter(None, retry.split(",")))
    request = command.WorkerRequest(_or_last(folders), recipe, device, threads, words, stay, overrides)
    sys.exit(command.worker(request, _say))


@app.command()
def status(
    studies: Studies = None,
    watch: Annotated[bool, typer.Option("--watch", help="again every few seconds, until Ctrl-C")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts: a line of JSON for each look")] = False,
) -> None:
    """Count models by state, group failures by cause, estimate the time left. Works from any shell.

    Example: dsx status runs/AnyNetXE --watch
    """
    from dsx.commands import status as command

    folders = _folders(studies, quiet=as_json)
    for look in command.watch(folders) if watch else [command.status(folders)]:
        if as_json:
            print(json_text([study.to_dict() for study in look]), flush=True)
            continue
        print("\n".join(line for study in look for line in study.lines()), end="\n\n" if watch else "\n", flush=True)


@app.command()
def cancel(studies: Studies = None) -> None:
    """Cancel the jobs of studies on a cluster; what they trained stays, and the next launch resumes the rest.

    Example: dsx cancel runs/AnyNetXE
    """
    from dsx.commands import cancel as command

    print("\n".join(cancelled.sentence() for cancelled in command.cancel(_folders(studies))))


@app.command()
def analyze(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY|FILE…] [KEY=VALUE…]",
            help="study folders (default: those of the last sample or run), and files of results from elsewhere: NDS "
            "JSON, pycls sweep.json, CSV or Parquet; KEY=VALUE says how to read them: metric=lowest; error=top1 "
            "where a table's errors (percent) are called so, error=100-acc; likewise model_id, state, flops …; "
            "failed=PRUNED for words of states (docs/analysis.md)",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for tables and figures")] = None,
    level: Annotated[float, typer.Option(help="level of all intervals, and of all verdicts together")] = 0.95,
    margin: Annotated[
        str | None,
        typer.Option(help="within which two count as equivalent: 0.05 of even odds, or 1pt of error; none by default"),
    ] = None,
    looks: Annotated[
        str, typer.Option(help="any: verdicts that hold however often one looks; one: if this is the only look")
    ] = "any",
    figures: Annotated[str, typer.Option(help="all, main (those that compare studies) or none")] = "all",
    where: Annotated[str, typer.Option(help="only models of which this holds, as in 'sum(depth) >= 12'")] = "",
    split: Annotated[str, typer.Option(help="compare parts of each study by this column: bottleneck_ratio")] = "",
    metric: Annotated[
        str, typer.Option(help="of a training of one's own that reports several, the one to compare")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print tables and findings as JSON, for scripts")] = False,
) -> None:
    """Compare studies: tables (CSV), figures (PNG, PDF) and a report, every sampled model accounted for.

    Example: dsx analyze runs/AnyNetXE theirs.csv error=top1 --out comparison
    """
    from dsx.commands import analyze as command

    arguments, overrides = _split(studies)
    asked = {"level": level, "margin": margin, "looks": looks, "figures": figures, "where": where, "split": split}
    settings = command.AnalysisSettings.from_dict(asked | {"metric": metric}, "dsx analyze")
    analysed = command.analyze(_or_last(arguments, quiet=as_json), out, settings, overrides)
    print(json_text(analysed.to_dict()) if as_json else analysed)


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="an experiment's name or file")],
    overrides: Annotated[list[str] | None, _changes("changes to it, as in n=48")] = None,
    device: Device = "auto",
    finish: Annotated[bool, typer.Option("--finish", help="train nothing more; analyse what there is")] = False,
) -> None:
    """Sample, train and analyse every space of an experiment. Safe to repeat: what is done is not done again.

    Example: dsx run quickstart n=12 recipe.epochs=4
    """
    from dsx.commands import run as command

    sys.exit(command.run(experiment, overrides or [], device, _say, finish))


@app.command()
def doctor(
    on: Annotated[str, typer.Option(help="local, or slurm to look at the cluster too")] = "local",
    folder: Annotated[Path | None, typer.Option(help="where studies are to lie; here by default")] = None,
) -> None:
    """Look at this machine and the cluster: each line is ok, or says what to do.

    Example: dsx doctor --on slurm
    """
    from dsx.commands import doctor as command

    faults = 0
    for finding in command.doctor(on, folder):
        _say(finding.line())
        faults += finding.asked and not finding.ok
    sys.exit(2 if faults else 0)


@app.command()
def show(
    target: Target,
    model: ModelId = None,
    resolution: Annotated[int | None, _count("pixels, for the complexity")] = None,
    layers: Annotated[bool, typer.Option("--layers", help="every layer instead of every stage")] = False,
) -> None:
    """Show a study's models, or one network: stages, widths, complexity.

    Example: dsx show RegNetX-400MF --layers
    """
    from dsx.commands import show as command

    print(command.show(target, model, resolution, layers))


@app.command()
def train(
    network: Annotated[str, typer.Argument(help="a published network's name, or an architecture file")],
    recipe: Annotated[str, typer.Option(help="a recipe's name or file")],
    seeds: Annotated[int, _count("train it with so many seeds")] = 1,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="study folder; runs/NETWORK by default")] = None,
    overrides: Annotated[list[str] | None, _changes("as in recipe.epochs=2")] = None,
) -> None:
    """Train one network with one recipe: a study of one.

    Example: dsx train ResNet-56 --recipe cifar10
    """
    from dsx.commands import train as command

    sys.exit(command.train(network, recipe, seeds, device, out, overrides or [], _say))


@data_app.command()
def prepare(
    data: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="a data set's name, module:callable, or a folder")],
    out: Annotated[Path, typer.Option(help="folder to write to")],
    root: Annotated[Path | None, typer.Option(help="folder that holds the data set")] = None,
    size: Annotated[int, _count("pixels of the shorter side; smaller images stay as they are")] = 256,
    workers: Annotated[int | None, _count("processes; one per core by default")] = None,
    overrides: Annotated[list[str] | None, _changes("as in data.evaluation_folder=val")] = None,
) -> None:
    """Decode and resize images once, into files that all trainings of a machine share. Safe to be killed and repeated.

    Example: dsx data prepare imagenet --root data/imagenet --size 256 --out data/imagenet-256
    """
    from dsx.commands import data as command

    print(command.prepare_data(data, root, out, size, workers, overrides or [], _say))


@app.command(name="time")
def time_(
    targets: Annotated[list[str], typer.Argument(metavar="STUDY|NETWORK…", help="study folders or networks")],
    resolution: Annotated[int | None, _count("pixels; the study's or network's own by default")] = None,
    batch_size: Annotated[int | None, _count("found by trial by default")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps")] = "cpu",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16")] = "float32",
    threads: Annotated[int | None, _count("of torch, on a CPU")] = None,
    limit: Annotated[int | None, _count("of a study: the first so many models")] = None,
    calibrate: Annotated[
        Path | None, typer.Option(help="fit a model of this device to networks of these spaces, and write it here")
    ] = None,
) -> None:
    """Measure inference and training-step time: warmed up, synchronised, median and quartiles.

    Example: dsx time RegNetX-400MF ResNet-50 --batch-size 16
    """
    from dsx.commands import time as command

    settings = command.TimingSettings(resolution, batch_size, device, dtype, threads)
    if calibrate is None:
        print(command.time_models(targets, settings, limit))
    else:
        from dsx.commands.calibrate import calibrate_device

        print(calibrate_device(targets, settings, limit, calibrate))


@app.command()
def export(
    target: Target,
    model: ModelId = None,
    out: Annotated[Path, typer.Option(help="file to write: .onnx, .safetensors or .pt")] = Path("network.onnx"),
    resolution: Annotated[int | None, _count("pixels of the ONNX input")] = None,
    weights: Annotated[Path | None, typer.Option(help="state dict to load first; any known layout")] = None,
) -> None:
    """Write a network as ONNX or its weights as safetensors.

    Example: dsx export RegNetX-400MF --out regnetx.onnx
    """
    from dsx.commands import export as command

    print(command.export(target, model, out, resolution, weights))


@app.command(name="export-curves")
def export_curves(
    study: Annotated[str, typer.Argument(help="a study folder")],
    to: Annotated[str, typer.Option(help="tensorboard, or wandb (its offline folders)")] = "tensorboard",
    out: Annotated[Path | None, typer.Option(help="folder; STUDY/curves/TRACKER by default")] = None,
) -> None:
    """Write the training curves of a study as files that a tracker reads. Nothing leaves this machine.

    Example: dsx export-curves runs/AnyNetXE --to tensorboard
    """
    from dsx.commands import export_curves as command

    print(command.export_curves(study, to, out))


@app.command()
def narrow(
    studies: Studies = None,
    parameters: Annotated[str, typer.Option(help="those to look at, as in width,depth; all by default")] = "",
    out: Annotated[Path | None, typer.Option(help="YAML file of the new space; without it nothing is written")] = None,
    take: Annotated[str, typer.Option(help="numbers of the rules to take, as in 1,3; the supported ones")] = "",
    level: Annotated[float, typer.Option(help="1 less the chance of any false rule")] = 0.95,
) -> None:
    """Suggest a narrower space from what the best models share, with the evidence, and write it as a new space.

    Example: dsx narrow runs/AnyNetXA --parameters width,depth --out spaces/mine.yaml
    """
    from dsx.commands import narrow as command

    narrowing = command.narrow(_folders(studies), parameters, out, take, level)
    print("\n".join(narrowing.lines))
    if narrowing.problem:
        raise DsxError(narrowing.problem)


@app.command()
def design(
    space: Annotated[str | None, typer.Option(help="a space's name or file, to begin with")] = None,
    recipe: Annotated[str | None, typer.Option(help="a recipe's name or file; needed to begin")] = None,
    models: Annotated[int | None, _count("to train at most; 400 by default")] = None,
    hours: Annotated[float | None, typer.Option(help="device-hours to take at most; any by default")] = None,
    out: Annotated[Path, typer.Option(help="folder of the walk, which is its state")] = Path("runs/design"),
    seed: Annotated[int | None, _count("of all that is drawn; 0 by default")] = None,
    margin: Annotated[
        str | None, typer.Option(help="within which a simpler space is no worse: 0.1 of even odds (default), or 1pt")
    ] = None,
    level: Annotated[float | None, typer.Option(help="1 less the chance of any false step; 0.95 by default")] = None,
    propose_only: Annotated[bool, typer.Option("--propose-only", help="stop at the next candidates")] = False,
    accept: Annotated[int | None, _count("number of one of the last candidates, to take it untested")] = None,
    on: Launcher = "local",
    workers: Workers = None,
    device: Device = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be trained next and what it costs")
    ] = False,
    overrides: Annotated[list[str] | None, _changes("as in recipe.epochs=4 launcher.workers=2")] = None,
) -> None:
    """Narrow a space step by step: train, propose, test on fresh models, take what is better; until nothing is left.

    Safe to repeat: `dsx design --out FOLDER` goes on wherever it was. Example:
    dsx design --space AnyNetXA-digits --recipe digits --models 600 --out runs/design
    """
    from dsx.commands import design as command
    from dsx.launch.options import LaunchOptions

    options, changes = LaunchOptions(device=device, workers=workers), tuple(overrides or ())
    request = command.DesignRequest(
        out, space, recipe, models, hours, seed, level, margin, on, options, changes, propose_only, accept
    )
    if dry_run:
        print(command.preview(request))
        return
    designed = command.design(request, _say)
    print("\n".join(designed.lines))
    sys.exit(designed.code)


@app.command()
def plan(
    studies: Studies = None,
    difference: Annotated[
        float | None, typer.Option(help="points that matter; by default the pilots' own, with its uncertainty")
    ] = None,
    power: Annotated[float, typer.Option(help="chance to decide it")] = 0.8,
    level: Annotated[float, typer.Option(help="level of the verdict that is to decide it")] = 0.95,
    looks: Annotated[str, typer.Option(help="any: one looks while models train; one: only at the end")] = "any",
    comparisons: Annotated[
        int | None, _count("verdicts decided together; one for each pair of the pilots by default")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the power curves, as figure and table")] = None,
) -> None:
    """How many models the verdict on two spaces takes, and what they cost, from pilot studies.

    Example: dsx plan runs/AnyNetXA runs/AnyNetXE --difference 0.5
    """
    from dsx.commands import plan as command
    from dsx.commands.selection import chosen

    request = command.PlanRequest(difference, power, level, looks, comparisons)
    print(command.plan(chosen(_folders(studies)), request, out))


@app.command()
def confirm(
    study: Annotated[str, typer.Argument(help="a study folder")],
    top: Annotated[int, _count("so many of its best models")] = 10,
    seeds: Annotated[int, _count("fresh trainings of each")] = 3,
    recipe: Annotated[
        str | None, typer.Option(help="a recipe's name or file, as a longer one; the study's own")
    ] = None,
    on: Launcher = "local",
    workers: Workers = None,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="folder of the new study; STUDY-confirmed by default")] = None,
    overrides: Annotated[list[str] | None, _changes("as in recipe.epochs=20")] = None,
) -> None:
    """Train the best models of a study again with fresh seeds, as a study beside it, and tell what was luck.

    Example: dsx confirm runs/AnyNetXE --top 10 --seeds 3
    """
    from dsx.commands import confirm as command
    from dsx.launch.options import LaunchOptions

    options = LaunchOptions(device=device, workers=workers)
    request = command.ConfirmRequest(study, top, seeds, recipe, on, options, out, tuple(overrides or ()))
    confirmed = command.confirm_winners(request, _say)
    print(confirmed.text())
    sys.exit(confirmed.code)


def _say(line: str) -> None:
    print(line, flush=True)


def _split(arguments: list[str] | None) -> tuple[list[str], list[str]]:
    """Studies, and overrides: the arguments that hold `=` (a folder or file of that name counts as one)."""
    folders = [a for a in arguments or [] if "=" not in a or Path(a).exists()]
    return folders, [a for a in arguments or [] if a not in folders]


def _folders(arguments: list[str] | None, quiet: bool = False) -> list[str]:
    folders, overrides = _split(arguments)
    if overrides:
        raise DsxError(f"{overrides[0]!r}: this command takes no overrides")
    return _or_last(folders, quiet)


def _or_last(folders: list[str], quiet: bool = False) -> list[str]:
    """The folders named, or those that the last sample or run wrote, which are then printed unless quiet."""
    from dsx.commands.selection import last_written

    if not folders:
        folders = last_written()
        if not quiet:
            print(f"studies: {', '.join(folders)}")
    return folders


def main() -> None:
    """Entry point: user errors are one line on stderr and exit code 2; other errors keep their traceback."""
    from typer.exceptions import TyperException

    # to search all modules for garbage at the very end takes a third of a second where torch is loaded
    atexit.register(gc.freeze)
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever the notebook shows that we were started from
    try:
        with standard_streams():
            try:
                sys.exit(app(standalone_mode=False))
            except DsxError as error:
                _fail(str(error))
            except TyperException as error:
                _fail(error.format_message())
            except (KeyboardInterrupt, typer.Abort):
                print("dsx: interrupted", file=sys.stderr)
                sys.exit(130)
    except ReaderGoneError:
        discard_output()
        sys.exit(READER_GONE)


def _fail(message: str) -> None:
    print(f"dsx: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
