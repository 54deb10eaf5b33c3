"""How long a network takes: inference and training step, measured on one device.

Every pass is synchronised and timed alone. The median and the quartiles are reported: on a shared machine
the mean follows the disturbances, not the network.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from dsx.base.errors import DsxError, check_at_least_one, first_line, one_of, unknown
from dsx.base.out_of_memory import is_out_of_memory
from dsx.base.provenance import device_name
from dsx.networks.anynet import build
from dsx.networks.lookup import Network, input_shape
from dsx.networks.torch_private import without_compiler

Mode = Literal["inference", "training"]
MODES: tuple[Mode, ...] = ("inference", "training")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Clock = Literal["wall", "processor"]
_CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": time.thread_time}
_DEVICES = ("cpu", "cuda", "mps")
_LARGEST_BATCH = 1024
_TRIAL_SECONDS = 1.0


@dataclass(frozen=True)
class Timing:
    """Measured time of one network in one mode."""

    mode: Mode
    # median_ms, low_ms, high_ms: milliseconds per batch, median and quartiles of `passes` passes; a training pass is
    # forward, loss, backward and SGD step
    median_ms: float
    low_ms: float
    high_ms: float
    images_per_second: float  # batch_size / median
    batch_size: int
    passes: int
    resolution: int
    device: str
    dtype: str
    threads: int  # torch's, on CPU
    torch_version: str
    peak_memory_bytes: int | None = None  # of the device's allocator, None on CPU

    def to_dict(self) -> dict[str, object]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class TimingOptions:
    """Under which conditions a network is timed, and how long."""

    resolution: int = 224
    # None finds one, a power of two ≤ 1024: the smallest whose throughput the next one does not raise by 5 %
    batch_size: int | None = None
    device: str = "cpu"
    dtype: str = "float32"  # float16 and bfloat16 run under autocast
    threads: int | None = None  # of torch on CPU; None leaves them
    passes: int = 20  # measured ones, fewer (but at least 3) once `seconds` are over
    warmup: int = 3  # passes before them
    seconds: float = 10.0
    # `processor` is the time that this thread computes, which is what a pass takes where nothing else runs: for a CPU
    # that others use too, with one thread
    clock: Clock = "wall"


def time_network(
    network: Network | nn.Module, mode: Mode = "inference", options: TimingOptions = TimingOptions()
) -> Timing:
    """Median and quartiles of the time of a pass, in channels-last layout.

    Raises DsxError for an unknown device, dtype or mode, numbers < 1, or a resolution that is too small.
    """
    _check(mode, options)
    place, resolution = _device(options.device), options.resolution
    if isinstance(network, nn.Module):
        module: nn.Module = network
        shape: tuple[int, ...] = (_in_channels(network), resolution, resolution)
    else:
        network.check_resolution(resolution)
        module, shape = build(network), input_shape(network, resolution)
    with _threads(options.threads), _borrowed(module, place) as module:
        make = _Passes(module, mode, shape, place, DTYPES[options.dtype])
        batch_size = options.batch_size or _find_batch_size(make)
        if options.clock == "processor" and (place.type != "cpu" or torch.get_num_threads() > 1):
            raise DsxError(
                "the processor's time is that of one thread on a CPU: set threads to 1, or take the wall clock"
            )
        with _single_images(mode, batch_size):
            now = _CLOCKS[options.clock]
            times = _measure(make(batch_size), place, options.warmup, options.passes, options.seconds, now)
        low, median, high = map(float, np.quantile(times, [0.25, 0.5, 0.75]))
        return Timing(
            mode=mode,
            median_ms=median * 1e3,
            low_ms=low * 1e3,
            high_ms=high * 1e3,
            images_per_second=batch_size / median,
            batch_size=batch_size,
            passes=len(times),
            resolution=resolution,
            device=device_name(place),
            dtype=options.dtype,
            threads=torch.get_num_threads(),
            torch_version=torch.__version__,
            peak_memory_bytes=torch.cuda.max_memory_allocated(place) if place.type == "cuda" else None,
        )


class _Passes:
    """Makes the function that runs one pass at a batch size."""

    def __init__(
        self, module: nn.Module, mode: Mode, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.module, self.mode, self.device, self.dtype = module, mode, device, dtype
        self.shape = shape
        # the step costs what a training step costs, and changes no weight
        weights = list(module.parameters())
        if mode == "training" and not weights:
            raise DsxError("a network without parameters takes no training step: time it in inference")
        sgd = without_compiler(torch.optim.SGD)
        self.optimiser = sgd(weights, lr=0.0, momentum=0.9, nesterov=True) if weights else None

    def __call__(self, batch_size: int) -> Callable[[], None]:
        images = torch.rand(batch_size, *self.shape, device=self.device)
        images = images.to(memory_format=torch.channels_last) if images.ndim == 4 else images
        labels = torch.zeros(batch_size, dtype=torch.long, device=self.device)
        half = self.dtype != torch.float32
        self.module.train(self.mode == "training")

        def infer() -> None:
            with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=half):
                self.module(images)

        def train() -> None:
            assert self.optimiser is not None
            self.optimiser.zero_grad(set_to_none=True)
            with torch.autocast(self.device.type, self.dtype, enabled=half):
                loss = nn.functional.cross_entropy(self.module(images), labels)
            torch.autograd.backward(loss)
            self.optimiser.step()

        return train if self.mode == "training" else infer


def _measure(
    run: Callable[[], None],
    device: torch.device,
    warmup: int,
    passes: int,
    seconds: float,
    now: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Seconds of each pass."""
    for _ in range(warmup):
        run()
    synchronise(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    times: list[float] = []
    while len(times) < passes and (sum(times) < seconds or len(times) < min(3, passes)):
        start = now()
        run()
        synchronise(device)
        times.append(now() - start)
    return times


@contextmanager
def _single_images(mode: str, batch_size: int) -> Iterator[None]:
    """Raises DsxError where batch norm takes no training step of one image, as on a map of one pixel."""
    try:
        yield
    except ValueError as error:
        if mode == "training" and batch_size == 1:
            raise DsxError(f"batch_size = 1: no training step ({first_line(error)}): take 2 or more") from None
        raise


def _find_batch_size(make: _Passes) -> int:
    """Doubles the batch until the throughput rises by less than 5 %, memory ends, or a pass takes a second."""
    # batch norm on a 1×1 map takes no training step of a single image
    size, best = 2 if make.mode == "training" else 1, 0.0
    while size <= _LARGEST_BATCH:
        try:
            elapsed = min(_measure(make(size), make.device, warmup=1, passes=3, seconds=_TRIAL_SECONDS))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            break
        if size / elapsed < 1.05 * best:
            break
        best, size = size / elapsed, size * 2
        if elapsed > _TRIAL_SECONDS:
            break
    return max(1, size // 2)


def _check(mode: str, options: TimingOptions) -> None:
    for name, value, known in (("mode", mode, MODES), ("dtype", options.dtype, tuple(DTYPES))):
        if value not in known:
            raise DsxError(unknown(name, value, known))
    for name in ("batch_size", "passes", "resolution", "threads"):
        check_at_least_one(f"{name} =", getattr(options, name))


def _device(name: str) -> torch.device:
    """Raises DsxError if it is unknown or not there. `auto` is a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in _DEVICES:
        raise DsxError(f"device '{name}': {one_of(name, ('auto', *_DEVICES, 'cuda:0'))}")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DsxError(f"device '{name}' can't be used here: {first_line(error)}; try cpu") from None
    return device


def _in_channels(module: nn.Module) -> int:
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise DsxError(f"{type(module).__name__} holds no convolution: its number of input channels is unknown")
    return first.in_channels


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count or before)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _borrowed(module: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """The module on the device, channels-last for images; afterwards statistics, mode and gradients are as before."""
    mode = module.training
    home = next((weight.device for weight in module.parameters()), device)
    # torch knows that layout of four dimensions only
    flat = all(weight.ndim <= 4 for weight in module.parameters())
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    try:
        module.to(device)
        yield module.to(memory_format=torch.channels_last) if flat else module
    finally:
        module.to(home)
        module.zero_grad(set_to_none=True)
        module.train(mode)
        with torch.no_grad():
            for name, value in module.named_buffers():
                value.copy_(buffers[name])


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that a clock read now is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
