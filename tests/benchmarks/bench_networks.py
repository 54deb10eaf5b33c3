"""Speed and memory of networks against torchvision's own.

    .venv/bin/python tests/benchmarks/bench_networks.py [--threads 1]

Prints one line per measurement. Steps of dsx and of torchvision alternate in one process, so that what else the machine
does falls on both alike; the ratio of pairs is the result, of CPU time where there is one thread. Peak memory is that
of a fresh process per network.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models.regnet import BlockParams, RegNet
from torchvision.ops.misc import Conv2dNormActivation

from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, ArchitectureTable, Stage, Stem
from dsx.networks.complexity import complexity_table
from dsx.networks.groups import adjust_groups
from dsx.networks.published import published
from dsx.training.fused import fuse
from dsx.training.pointwise import use_products

CHANNELS_LAST = torch.channels_last
# name: architecture, images of a step, steps
CASES = {
    f"RegNetX-200MF at {size}": (published("RegNetX-200MF"), (16, 3, size, size), 11) for size in (32, 64, 128, 224)
} | {
    "CIFAR-sized at 32": (
        Architecture(
            stem=Stem(type="cifar", width=16),
            stages=tuple(
                Stage(depth=d, width=w, stride=s, group_width=8)
                for d, w, s in zip((1, 2, 3, 2), (24, 48, 96, 128), (1, 2, 2, 2), strict=True)
            ),
            num_classes=10,
        ),
        (64, 3, 32, 32),
        31,
    ),
}


def of_torchvision(architecture: Architecture) -> nn.Module:
    """torchvision's own implementation of an AnyNet of X blocks."""

    def stem(w_in: int, w_out: int, norm_layer: type[nn.Module], activation_layer: type[nn.Module]) -> nn.Module:
        stride = 1 if architecture.stem.type == "cifar" else 2
        return Conv2dNormActivation(w_in, w_out, 3, stride, norm_layer=norm_layer, activation_layer=activation_layer)

    fields = zip(*((s.depth, s.width, s.group_width, 1.0, s.stride) for s in architecture.stages), strict=True)
    parameters = BlockParams(*(list(field) for field in fields))
    return RegNet(parameters, architecture.num_classes, architecture.stem.width, stem, norm_layer=nn.BatchNorm2d)


def training_step(network: nn.Module, shape: tuple[int, ...]) -> Callable[[], None]:
    network.to(memory_format=CHANNELS_LAST)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-5)
    images = torch.rand(shape).to(memory_format=CHANNELS_LAST)
    labels = torch.zeros(len(images), dtype=torch.long)

    def step() -> None:
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()

    return step


def bench_complexity(n: int = 100_000) -> None:
    """Random AnyNetX of four stages: the closed form over the whole table."""
    rng = np.random.default_rng(0)
    shape = (n, 4)
    ratio = rng.choice([1.0, 2.0, 4.0], shape)
    width, group = adjust_groups(8 * rng.integers(1, 129, shape), ratio, 2 ** rng.integers(0, 6, shape))
    table = ArchitectureTable(
        stem="simple",
        stem_width=np.full(n, 32),
        blocks=("x",) * 4,
        depth=rng.integers(1, 17, shape),
        width=width,
        stride=np.full(shape, 2),
        bottleneck_ratio=ratio,
        group_width=group,
        se_ratio=np.zeros(shape),
    )
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        complexity_table(table, 224)
        seconds.append(time.perf_counter() - start)
    print(f"complexity of {n:,} architectures: {statistics.median(seconds):.3f} s (target: under 0.5 s)")


def as_trained(architecture: Architecture) -> nn.Module:
    """The network as `dsx.train` trains it on a CPU: 1×1 convolutions on small maps run as matrix products."""
    network = build(architecture)
    use_products(network)
    return network


def saving_memory(architecture: Architecture) -> nn.Module:
    """The network as a recipe with `save_memory` trains it."""
    network = as_trained(architecture)
    fuse(network)
    return network


NETWORKS = {"torchvision": of_torchvision, "dsx": as_trained, "dsx saving memory": saving_memory}


def bench_steps() -> None:
    """Training steps of dsx, with and without saving memory, and of torchvision in turn; of one thread, CPU time."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for name, (architecture, shape, repetitions) in CASES.items():
        steps = {who: training_step(network(architecture), shape) for who, network in NETWORKS.items()}
        seconds: dict[str, list[float]] = {who: [] for who in steps}
        for repetition in range(repetitions + 2):
            for who in sorted(steps, reverse=bool(repetition % 2)):
                start = clock()
                steps[who]()
                if repetition >= 2:  # the first two warm up
                    seconds[who].append(clock() - start)
        theirs = seconds.pop("torchvision")
        for who, ours in seconds.items():
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            print(
                f"training step, {name}, batch {shape[0]}: {who} {statistics.median(ours) * 1e3:.0f} ms, torchvision"
                f" {statistics.median(theirs) * 1e3:.0f} ms, ratio of pairs {statistics.median(ratios):.3f}"
                f" ({min(ratios):.2f} to {max(ratios):.2f}), n = {repetitions}"
                + (" (target: at most 1)" if who == "dsx" else "")
            )


def bench_memory() -> None:
    """Peak memory of three training steps above that of the process before them; Linux only, which says what it is."""
    if not Path("/proc/self/status").exists():
        print("peak memory of a step: measured on Linux only")
        return
    # blocks go back to the system when they are freed, so that the process's size is what is in use
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    for name in CASES:
        command = [sys.executable, __file__, "--threads", str(torch.get_num_threads()), "--memory", name]
        peaks = {
            who: int(subprocess.run([*command, who], capture_output=True, check=True, env=environment).stdout)
            for who in NETWORKS
        }
        theirs = peaks.pop("torchvision")
        ours = ", ".join(f"{who} {peak / 2**20:.0f} MiB (ratio {peak / theirs:.3f})" for who, peak in peaks.items())
        print(f"peak memory of a step, {name}: torchvision {theirs / 2**20:.0f} MiB, {ours}")


def peak_memory(name: str, who: str) -> int:
    """Bytes by which three steps raise this process's peak."""
    architecture, shape, _ = CASES[name]
    # convolutions of every kind load their libraries before the measurement
    training_step(build(architecture), (2, *shape[1:]))()
    step = training_step(NETWORKS[who](architecture), shape)
    before = _memory("VmRSS")
    for _ in range(3):
        step()
    return _memory("VmHWM") - before


def _memory(field: str) -> int:
    """Bytes: VmRSS is this process's size now, VmHWM its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--memory", nargs=2, help=argparse.SUPPRESS
    )  # of a case and a network, for processes begun here
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory:
        print(peak_memory(*options.memory))
        return
    print(f"torch {torch.__version__}, threads: {options.threads}, {torch.backends.cpu.get_cpu_capability()}")
    bench_complexity()
    bench_steps()
    bench_memory()


if __name__ == "__main__":
    main()
