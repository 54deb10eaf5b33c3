"""The private parts of torch and multiprocessing behave as dsx needs them; a version that changes one fails."""

import multiprocessing
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from processes import wait_until
from scipy import stats
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

from dsx.networks.torch_private import (
    Watch,
    beneath_alarm,
    children_allowed,
    copy_each,
    end_processes,
    has_forward_hooks,
    held_by_engine_alone,
    standard_gamma,
    storage_id,
    without_compiler,
)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_watch_sees_what_runs_and_its_tensors(device):
    seen, shapes = [], []

    def see(ran):
        seen.append(ran.family.__name__)
        ran.for_each_tensor(lambda tensor: shapes.append(tuple(tensor.shape)))

    data = torch.ones(1, 1, 4, 4, device=device)
    with Watch(see):
        nn.functional.max_pool2d(data, 2, return_indices=True)
    assert (seen, shapes) == (["max_pool2d_with_indices"], [(1, 1, 2, 2)] * 2)


@pytest.mark.parametrize(("function", "alone"), [(lambda x: x.sin() + x.exp(), True), (lambda x: x + x.exp(), False)])
def test_of_two_gradients_of_a_tensor_it_is_known_whether_the_first_is_the_engines_alone(function, alone):
    seen = []

    def instead(operation, args):
        if operation is torch.ops.aten.add.Tensor:
            seen.append(held_by_engine_alone(args[0]))

    made = function(torch.ones(2, requires_grad=True) * 2)
    with Watch(lambda _: None, instead):
        torch.autograd.backward([made], [torch.ones(2)])
    assert seen == [alone]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_views_share_a_storage_and_copies_do_not(device):
    data = torch.ones(4, device=device)
    assert storage_id(data) == storage_id(data[1:])
    assert storage_id(data) != storage_id(data.clone())


def test_tensors_are_copied_one_by_one():
    copies = [torch.zeros(2), torch.zeros(3)]
    copy_each(copies, [torch.ones(2), torch.full((3,), 2.0)])
    assert [copy.tolist() for copy in copies] == [[1, 1], [2, 2, 2]]


def test_gamma_draws_have_their_distribution_and_are_functions_of_the_generator():
    def draws(seed, count=4000):
        return standard_gamma(torch.full((count,), 0.2, dtype=torch.float64), torch.Generator().manual_seed(seed))

    assert torch.equal(draws(3), draws(3))
    assert not torch.equal(draws(3), draws(4))
    assert stats.kstest(draws(3).numpy(), stats.gamma(0.2).cdf).pvalue > 0.001


def test_hooks_of_both_kinds_are_seen():
    for register in ("register_forward_hook", "register_forward_pre_hook"):
        module = nn.Linear(1, 1)
        assert not has_forward_hooks(module)
        handle = getattr(module, register)(lambda *_: None)
        assert has_forward_hooks(module)
        handle.remove()
        assert not has_forward_hooks(module)


@pytest.mark.parametrize("before", [signal.SIG_DFL, lambda signum, frame: None])
def test_beneath_the_alarm_of_loaders_is_the_handler_that_was_there(before, monkeypatch):
    monkeypatch.setattr(signal_handling, "_SIGCHLD_handler_set", False)
    left = signal.signal(signal.SIGCHLD, before)
    try:
        assert beneath_alarm(signal.getsignal(signal.SIGCHLD)) is before
        signal_handling._set_SIGCHLD_handler()
        assert signal.getsignal(signal.SIGCHLD) is not before
        assert beneath_alarm(signal.getsignal(signal.SIGCHLD)) is before
    finally:
        signal.signal(signal.SIGCHLD, left)


STEPS = """
import sys
import torch
from dsx.networks.torch_private import without_compiler

weight = torch.nn.Parameter(torch.ones(1))
for kind in (torch.optim.SGD, torch.optim.AdamW):
    optimiser = without_compiler(kind)([weight], 0.1)
    weight.grad = torch.ones(1)
    optimiser.step()
    optimiser.zero_grad()
    optimiser.load_state_dict(optimiser.state_dict())
print([name for name in sys.modules if name.startswith("torch._dynamo")])
"""


@pytest.mark.slow
def test_an_optimiser_without_compiler_loads_none():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_an_optimiser_without_compiler_takes_the_same_steps(kind):
    weights = []
    for made in (kind, without_compiler(kind)):
        weight = nn.Parameter(torch.linspace(-1, 1, 8))
        optimiser = made([{"params": [weight], "weight_decay": 0.01}], lr=0.1)
        for _ in range(3):
            optimiser.zero_grad()
            (weight**3).sum().backward()
            optimiser.step()
        assert weight.requires_grad
        weights.append(weight.detach())
    assert torch.equal(*weights)
    assert without_compiler(kind) is without_compiler(kind)
    assert kind.step is not without_compiler(kind).step


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, forking is not safe")
def test_persistent_processes_of_a_loader_end_at_once():
    before = set(multiprocessing.active_children())
    loader = DataLoader(
        [np.float32(i) for i in range(4)], num_workers=2, persistent_workers=True, multiprocessing_context="fork"
    )
    assert len(list(loader)) == 4
    processes = set(multiprocessing.active_children()) - before
    assert len(processes) == 2
    end_processes(loader)
    wait_until(lambda: not any(process.is_alive() for process in processes))


def _make_a_child(pipe):
    try:
        with children_allowed():
            child = multiprocessing.get_context("fork").Process(target=pipe.send, args=("from the child",))
            child.start()
        child.join()
        pipe.send(multiprocessing.current_process().daemon)
    except AssertionError as error:
        pipe.send(str(error))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, forking is not safe")
def test_a_daemonic_process_may_have_children_for_a_while():
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_make_a_child, args=(theirs,), daemon=True)
    process.start()
    assert [ours.recv(), ours.recv()] == ["from the child", True]
    process.join(10)
