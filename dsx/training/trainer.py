"""Training one network by one recipe: `train`. Called again with the same folder it resumes, or returns the result."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from dsx.base.errors import check_path, check_seed, check_whole
from dsx.base.files import sweep, write_json
from dsx.base.out_of_memory import is_out_of_memory
from dsx.base.temporary import use_short_sockets
from dsx.networks.architecture import check_network
from dsx.networks.lookup import Network
from dsx.recipes.base import AnyRecipe
from dsx.recipes.recipe import Recipe, load_recipe, recorded_identity
from dsx.study.paths import RunPaths
from dsx.training.checkpoint import load_checkpoint, remove_checkpoints
from dsx.training.data.batches import Batches, BatchShare
from dsx.training.data.opening import open_batches
from dsx.training.device import environment, peak_memory_bytes, reset_peak_memory, resolve_device
from dsx.training.distributed import Group, join_group, local_device
from dsx.training.faults import DataError, Diverged, Interrupted, OutOfMemory, TimeLimitExceeded
from dsx.training.protocol import trainer_named
from dsx.training.result import Result, chance_error, check_same, recorded
from dsx.training.session import Session

log = logging.getLogger("dsx.training")


def train(  # noqa: PLR0913 (a public function; its options go by name)
    architecture: Network,
    recipe: AnyRecipe | str | Path,
    seed: int = 0,
    folder: Path | str | None = None,
    device: str = "auto",
    *,
    threads: int | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Result:
    """Train a freshly initialised network; on the CPU a function of (architecture, recipe, seed, threads), to the bit.

    recipe: also by name or file, as `load_recipe` reads it.
    folder: holds `checkpoint.pt` while running and `result.json` in the end; None keeps nothing.
    device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`. threads: of torch in this process; None leaves them.
    should_stop: asked after every step (on GPUs every 50); once true, all is saved and Interrupted raised.
    on_epoch: called with each epoch's record. A loss that is not finite gives a Result with state `diverged`.
    Raises DsxError before anything is written if network, recipe, data and device do not fit; OutOfMemory;
    TimeLimitExceeded.
    """
    check_network(architecture)
    check_seed(seed)
    if folder is not None:
        check_path("folder", folder, "runs/one")
    if threads is not None:
        check_whole("threads", threads, 1, 2**31, "an integer ≥ 1, or None")
    recipe = recipe if isinstance(recipe, AnyRecipe) else load_recipe(recipe)
    if not isinstance(recipe, Recipe):  # a program or a function of the user's
        train_once = trainer_named(recipe.trainer)
        return train_once(architecture, recipe, seed, folder, device, threads=threads, should_stop=should_stop)
    chosen = local_device(resolve_device(device))
    recipe.check(architecture)
    use_short_sockets()
    place = Path(folder) if folder is not None else None
    if place is not None and (finished := recorded(place, architecture, recipe, seed)):
        return finished
    with torch_settings(recipe, chosen, threads):
        group = join_group(chosen)
        reset_peak_memory(chosen)
        batches = open_batches(recipe, seed, chosen, BatchShare(group.rank, group.world))
        try:
            recipe.check(architecture, batches.num_classes)
            log.info("%s", recipe.describe(group.world, batches.training_images))
            begin = partial(Session, architecture, recipe, seed, batches, group, folder=place, should_stop=should_stop)
            session, note = _trained(begin, batches, group, on_epoch)
            return _kept(_result(architecture, session, note), session)
        finally:
            batches.close()


def _trained(
    begin: Callable[[], Session], batches: Batches, group: Group, on_epoch: Callable[[dict[str, float]], None] | None
) -> tuple[Session, str]:
    """A session that came to its end, and why it diverged, or nothing; begun anew with smaller passes if need be."""
    micro: int | None = None
    while True:
        session: Session | None = None
        try:
            session = begin()
            session.micro_batch_size = micro or session.micro_batch_size
            return session, _run(session, on_epoch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            micro = _smaller(session, batches, group, error)
        session = None
        torch.cuda.empty_cache()


def _kept(result: Result, session: Session) -> Result:
    """The result, written to the session's folder if it has one; all processes of the training wait for that."""
    if session.folder is not None and session.group.leads:
        write_json(RunPaths(session.folder).result, result.to_dict())
        remove_checkpoints(session.folder, session.recipe.keep_checkpoint)
        sweep(session.folder)
    session.group.wait()
    return result


def _run(session: Session, on_epoch: Callable[[dict[str, float]], None] | None) -> str:
    """Resume, then train to the end; returns why it diverged, or nothing."""
    folder = session.folder if session.group.leads else None
    # another node may see an older file: all go on from what one has read
    resumed = session.group.from_leader(load_checkpoint(folder) if folder is not None else None)
    if resumed is not None:
        assert session.folder is not None
        before = resumed["identity"] | {"recipe": recorded_identity(resumed["identity"]["recipe"])}
        check_same(RunPaths(session.folder).checkpoint, before, session.identity)
        halved = session.micro_batch_size
        session.restore(resumed)
        session.micro_batch_size = (
            min(halved, session.micro_batch_size or halved) if halved else session.micro_batch_size
        )
    if session.micro_batch_size and session.micro_batch_size != session.recipe.micro_batch_size:
        session.batches.shrink_evaluation(session.micro_batch_size)
    try:
        while session.epoch < session.recipe.epochs:
            record = session.run_epoch()
            if session.epoch < session.recipe.epochs or session.recipe.keep_checkpoint:
                session.save()
            if on_epoch is not None:
                on_epoch(record)
    except Diverged as error:
        return str(error)
    return ""


def _result(architecture: Network, session: Session, note: str) -> Result:
    recipe, batches, classes = session.recipe, session.batches, architecture.num_classes
    metrics = _metrics(session.curve, classes, diverged=bool(note))
    images = len(session.curve) * batches.steps_per_epoch * batches.batch_size
    train_seconds = sum(entry["train_seconds"] for entry in session.curve)
    return Result(
        state="diverged" if note else "done",
        model_id=architecture.model_id,
        error=metrics[recipe.metric],
        best_error=metrics["best" + recipe.metric[recipe.metric.index("_") :]],
        epochs=session.epoch,
        curve=session.curve,
        metrics=metrics,
        seconds=session.seconds,
        images_per_second=images / train_seconds if train_seconds else 0.0,
        waiting=session.wait_seconds / session.train_seconds if session.train_seconds else 0.0,
        peak_memory_bytes=peak_memory_bytes(session.device),
        seed=session.seed,
        recipe=recipe.label,
        recipe_id=recipe.recipe_id,
        effective_recipe=recipe.to_dict()
        | {
            "text": recipe.describe(session.group.world, batches.training_images),
            "scaled_lr": recipe.scaled_lr,
            "devices": session.group.world,
            "steps_per_epoch": batches.steps_per_epoch,
            "micro_batch_size": session.micro_batch_size,
        },
        split={
            "evaluate": recipe.data.split.evaluate,
            "seed": recipe.data.split.seed,
            "training_images": batches.training_images,
            "evaluation_images": batches.evaluation_images,
        },
        device=str(session.device),
        environment=environment(session.device),
        data=batches.report(),
        note=note,
        ended=time.time(),
    )


def _metrics(curve: Sequence[Mapping[str, float]], num_classes: int, diverged: bool) -> dict[str, float]:
    """Every metric by name: last and best epoch, raw and EMA weights, top-1 and top-5; chance if diverged."""
    metrics: dict[str, float] = {}
    for kind, prefix in (("raw", ""), ("ema", "ema_")):
        for top, field in ((1, f"{prefix}error"), (5, f"{prefix}error_top5")):
            errors = [entry[field] for entry in curve if field in entry]
            if diverged:
                errors = [chance_error(num_classes, top)]
            if errors:
                metrics |= {f"last_{kind}_top{top}": errors[-1], f"best_{kind}_top{top}": min(errors)}
    return metrics


def _smaller(session: Session | None, batches: Batches, group: Group, error: BaseException) -> int:
    """Half the images per pass, if the recipe allows it. session: None if there was no memory even for the network.

    Raises OutOfMemory.
    """
    recipe = batches.recipe
    size = (session and session.micro_batch_size) or recipe.batch_size
    # of several processes, the others wait inside a step for the one that has no memory: only its end frees them
    if session is not None and recipe.on_out_of_memory == "accumulate" and size % 2 == 0 and group.world == 1:
        log.warning("out of memory with %d images per pass; going on with %d", size, size // 2)
        return size // 2
    peak = peak_memory_bytes(batches.device)
    reached = f" (peak {peak / 2**20:,.0f} MiB)" if peak else ""
    text = str(error).splitlines()[0] if str(error) else "no memory left"
    when = f"in epoch {session.epoch + 1}" if session else "while the network was made"
    remedy = f"; set micro_batch_size below {size}" if group.world > 1 else ""
    raise OutOfMemory(f"out of memory {when}{reached}: {text}{remedy}", peak) from error


@contextlib.contextmanager
def torch_settings(recipe: Recipe, device: torch.device, threads: int | None) -> Iterator[None]:
    """Threads, random generators and cuDNN's choices for one training; put back afterwards."""
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    torch.set_num_threads(threads or before[0])
    torch.backends.cudnn.benchmark = not recipe.deterministic
    torch.backends.cudnn.deterministic = recipe.deterministic
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = before[1:]


__all__ = ["DataError", "Interrupted", "OutOfMemory", "Result", "TimeLimitExceeded", "train"]
