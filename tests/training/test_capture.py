"""Recording a training step, as far as it can be seen without a GPU: refusals, and what a recording would repeat."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dsx.base.errors import DsxError
from dsx.networks.architecture import Architecture
from dsx.recipes.recipe import Recipe
from dsx.training import capture
from dsx.training import session as sessions
from dsx.training.average import Average
from dsx.training.capture import check_capture
from dsx.training.data.augment import Mixed
from dsx.training.data.opening import open_batches
from dsx.training.distributed import Group
from dsx.training.session import Session
from dsx.training.trainer import train

from traced_cuda import CUDA, traced_cuda

Networks = Callable[..., Architecture]
Recipes = Callable[..., Recipe]
CPU = torch.device("cpu")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "average": {"ema": 0.9},
    "clipped": {"clip_gradient": 1.0},
    "in parts": {"micro_batch_size": 16},
    "adamw": {"optimiser__name": "adamw", "lr": 0.001},
    "less memory": {"save_memory": True},
}


class Replay:
    """As `Captured`, with inputs that keep their place and one function, but run anew at every step."""

    def __init__(self, batch_size: int, device: torch.device) -> None:
        self.rate = torch.zeros((), device=device)
        self.steps: list[Callable[[Mixed], None]] = []
        self._inputs: Mixed | None = None

    def __call__(self, step: Callable[[Mixed], None], batch: Mixed) -> None:
        assert batch.partners is None
        self.steps.append(step)
        self._inputs = self._inputs or Mixed(torch.empty_like(batch.images), torch.empty_like(batch.targets))
        self._inputs.images.copy_(batch.images)
        self._inputs.targets.copy_(batch.targets)
        step(self._inputs)


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings are run anew, on any device."""
    monkeypatch.setattr(sessions, "Captured", Replay)
    monkeypatch.setattr(sessions, "check_capture", lambda *_: None)


def test_a_recording_is_refused_without_a_gpu(tiny: Networks, digits: Recipes) -> None:
    message = "recipe digits: capture needs a CUDA GPU and this trains on cpu: leave capture out"
    with pytest.raises(DsxError) as raised:
        train(tiny(), digits(capture=True), device="cpu")
    assert str(raised.value) == message


def test_a_recording_is_refused_on_several_gpus(digits: Recipes) -> None:
    with pytest.raises(DsxError) as raised:
        check_capture(digits(capture=True), CUDA, 2)
    assert str(raised.value) == "recipe digits: capture is for one GPU per model, not 2: leave capture out"
    check_capture(digits(capture=True), CUDA, 1)
    check_capture(digits(), CPU, 2)


def test_recorded_or_not_a_training_is_the_same_to_a_study(digits: Recipes) -> None:
    assert digits(capture=True).recipe_id == digits().recipe_id


@pytest.mark.usefixtures("replayed")
@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_repeated_reads_nothing_but_its_inputs(name: str, tiny: Networks, digits: Recipes) -> None:
    """The rate is a tensor in float32, where it is a number of 53 bits otherwise; all else is to the bit."""
    states = []
    for recorded in (False, True):
        recipe = digits(capture=recorded, **OPTIONS[name])
        session = Session(tiny(), recipe, 1, open_batches(recipe, 1, CPU), Group())
        session._lr = lambda step: 2.0 ** -(step + 5)  # type: ignore[method-assign]
        session.train_steps(6)
        assert (session.average is None) == (recipe.ema is None)
        averages = [] if session.average is None else [*session.average.module.state_dict().values()]
        states.append([*session.model.state_dict().values(), session.sums, *averages])
        assert session.average is None or int(session.average.n_averaged) == 6
    assert len(session._recording.steps) == 6  # type: ignore[union-attr]
    for found, expected in zip(*states, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.usefixtures("replayed")
def test_the_learning_rate_moves_where_the_recording_reads_it(tiny: Networks, digits: Recipes) -> None:
    session = Session(tiny(), digits(capture=True), 1, open_batches(digits(), 1, CPU), Group())
    rates = []
    session._update = lambda _: rates.append(  # type: ignore[method-assign]
        [(id(options["lr"]), options["lr"].item()) for options in session.optimiser.param_groups]
    )
    session.train_steps(3)
    rate = session._recording.rate  # type: ignore[union-attr]
    expected = [session._lr(step) for step in range(3)]
    assert [[place for place, _ in options] for options in rates] == [[id(rate)] * len(rates[0])] * 3
    assert [options[0][1] for options in rates] == pytest.approx(expected, rel=1e-6)
    assert len(set(expected)) == 3


@pytest.mark.usefixtures("replayed")
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in ("plain", "in parts") else [pytest.mark.slow]) for n in OPTIONS]
)
def test_what_is_repeated_stays_on_the_device(name: str, tiny: Networks, digits: Recipes) -> None:
    """No operation on the CPU, no copy from or to it, no wait: each would be missing from a replay, or end it."""
    recipe, seen = digits(capture=True, **OPTIONS[name]), []
    with traced_cuda() as record, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = Session(tiny(), recipe, 0, open_batches(recipe, 0, CUDA), Group())
        session._look = lambda: None  # type: ignore[method-assign]
        session.train_steps(2)
        update = session._update

        def watched(batch: Mixed) -> None:
            record.clear()
            update(batch)
            seen.append([(operation, devices) for operation, devices, _ in record.operations])
            assert record.waits == []

        session._update = watched  # type: ignore[method-assign]
        session.train_steps(4)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert {operation for operation, devices in seen[0] if devices - {"cuda"}} <= STEPS_OF_THE_AVERAGE
    assert {"convolution", "copy_"} & {operation for operation, _ in seen[0]}


# reading the count of steps on the CPU, whose only use is to tell the first from the others
STEPS_OF_THE_AVERAGE = {"_local_scalar_dense"}


@pytest.mark.usefixtures("replayed")
def test_a_checkpoint_goes_on_recorded_or_not(tiny: Networks, digits: Recipes) -> None:
    options = {"optimiser__name": "adamw", "lr": 0.001, "ema": 0.9}

    def begun(recorded: bool) -> Session:
        recipe = digits(capture=recorded, **options)
        return Session(tiny(), recipe, 1, open_batches(recipe, 1, CPU), Group())

    for first in (False, True):
        session = begun(first)
        session.train_steps(3)
        state = copy.deepcopy(session.state())
        other = begun(not first)
        other.restore(state)
        assert {group["capturable"] for group in other.optimiser.param_groups} == {not first}
        for going_on in (session, other):
            going_on.train_steps(6)
        for found, expected in zip(other.model.state_dict().values(), session.model.state_dict().values(), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        assert isinstance(other.average, Average)
        assert int(other.average.n_averaged) == 6


class _Graph:
    """Of torch's graph, that it was replayed."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1


def test_whole_batches_are_replayed_after_three_steps_in_earnest(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = object.__new__(capture.Captured)
    captured._batch_size, captured._recorded, captured._whole_steps = 4, None, 0
    ran: list[int] = []
    graph = _Graph()
    inputs = Mixed(torch.zeros(4, 1), torch.zeros(4, dtype=torch.long))
    monkeypatch.setattr(captured, "_run", lambda step, batch: step(batch))
    monkeypatch.setattr(captured, "_record", lambda step, like: (graph, inputs))
    for i, images in enumerate((4, 3, 4, 4, 4, 4, 2, 4), start=1):
        batch = Mixed(torch.full((images, 1), float(i)), torch.full((images,), i))
        captured(lambda batch: ran.append(len(batch.targets)), batch)
    assert ran == [4, 3, 4, 4, 2]
    assert graph.replays == 3
    assert inputs.images.unique().tolist() == inputs.targets.unique().tolist() == [8]
