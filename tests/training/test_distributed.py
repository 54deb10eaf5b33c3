"""Processes that train one model together, as each of them sees it; test_ranks.py has real ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dsx.base.errors import DsxError
from dsx.training import distributed
from dsx.training.distributed import Group, join_group, local_device

CPU = torch.device("cpu")


class TwoProcesses:
    """In place of torch.distributed: the other process holds `other`, whatever is exchanged."""

    def __init__(self, other: Any) -> None:
        self.other = other
        self.calls: list[str] = []

    def all_reduce(self, values: Tensor) -> None:
        values += torch.as_tensor(self.other, dtype=values.dtype)

    def all_gather_object(self, every: list[Any], own: Any) -> None:
        every[:] = [own, self.other]

    def broadcast_object_list(self, box: list[Any], src: int) -> None:
        assert src == 0
        box[0] = self.other

    def broadcast(self, values: Tensor, src: int) -> None:
        assert src == 0
        values.fill_(self.other)

    def barrier(self) -> None:
        self.calls.append("barrier")


def other_holds(monkeypatch: pytest.MonkeyPatch, other: Any) -> TwoProcesses:
    made = TwoProcesses(other)
    monkeypatch.setattr(distributed, "dist", made)
    return made


def norm(mean: float) -> nn.BatchNorm1d:
    """Its count of batches is a whole number."""
    made = nn.BatchNorm1d(2)
    assert made.running_mean is not None
    assert made.num_batches_tracked is not None
    made.running_mean.fill_(mean)
    made.num_batches_tracked.fill_(7)
    return made


def test_one_process_alone_exchanges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "dist", None)
    alone, model = Group(), norm(3.0)
    values = torch.ones(2)
    assert alone.leads
    assert alone.sum(values) is values
    assert values.tolist() == [1, 1]
    assert alone.any([True, False], CPU) == [True, False]
    assert alone.union({"b", "a"}) == {"a", "b"}
    assert alone.from_leader("mine") == "mine"
    alone.wait()
    alone.average_buffers(model)
    alone.share_buffers(model)
    assert model.running_mean is not None
    assert model.running_mean.tolist() == [3, 3]
    assert alone.wrap(model, CPU) is model


def test_only_the_first_leads() -> None:
    assert [Group(rank, 3).leads for rank in range(3)] == [True, False, False]


def test_sums_and_flags_are_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    other_holds(monkeypatch, [1.0, 0.0, 2.0])
    values = torch.tensor([5.0, 6.0, 7.0])
    assert Group(0, 2).sum(values) is values
    assert values.tolist() == [6, 6, 9]
    other_holds(monkeypatch, [1.0, 0.0, 0.0])
    assert Group(0, 2).any([False, True, False], CPU) == [True, True, False]


def test_names_are_those_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    other_holds(monkeypatch, ["c", "a"])
    assert Group(1, 2).union({"b", "a"}) == {"a", "b", "c"}


def test_what_the_leader_passes_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    other_holds(monkeypatch, "the leader's")
    assert Group(1, 2).from_leader("mine") == "the leader's"


def test_all_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    dist = other_holds(monkeypatch, None)
    Group(1, 2).wait()
    assert dist.calls == ["barrier"]


def test_statistics_become_their_mean_and_counts_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    other_holds(monkeypatch, 5.0)
    model = norm(3.0)
    Group(0, 2).average_buffers(model)
    assert model.running_mean is not None
    assert model.num_batches_tracked is not None
    assert model.running_mean.tolist() == [4, 4]
    assert model.num_batches_tracked.item() == 7


def test_statistics_become_the_leaders_where_a_checkpoint_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    other_holds(monkeypatch, 5)
    model = norm(3.0)
    Group(1, 2).share_buffers(model)
    assert [buffer.flatten()[0].item() for buffer in model.buffers()] == [5, 5, 5]


def launched(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("variables", [{}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_without_other_processes_there_is_no_group(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    monkeypatch.setattr(distributed, "dist", None)
    launched(monkeypatch, **variables)
    assert join_group(CPU) == Group(0, 1)


@pytest.mark.parametrize("missing", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_a_variable_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    complete = {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "1"}
    launched(monkeypatch, **{name: value for name, value in complete.items() if name != missing})
    with pytest.raises(DsxError) as caught:
        join_group(CPU)
    assert str(caught.value) == f"WORLD_SIZE is 2 and {missing} is not set: start the processes with torchrun"


def test_a_group_is_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[str] = []

    class Dist:
        is_initialized = staticmethod(lambda: bool(joined))
        init_process_group = staticmethod(joined.append)
        get_rank = staticmethod(lambda: 1)
        get_world_size = staticmethod(lambda: 2)

    monkeypatch.setattr(distributed, "dist", Dist)
    launched(monkeypatch, WORLD_SIZE="2", RANK="1", MASTER_ADDR="here", MASTER_PORT="1")
    assert [join_group(CPU), join_group(CPU)] == [Group(1, 2)] * 2
    assert joined == ["gloo"]


@pytest.mark.parametrize(
    ("device", "variables", "expected"),
    [
        ("cuda", {"WORLD_SIZE": "4", "LOCAL_RANK": "3"}, "cuda:3"),
        ("cuda", {"WORLD_SIZE": "4"}, "cuda:0"),
        ("cuda:1", {"WORLD_SIZE": "4", "LOCAL_RANK": "3"}, "cuda:1"),
        ("cuda", {"LOCAL_RANK": "3"}, "cuda"),
        ("cpu", {"WORLD_SIZE": "4", "LOCAL_RANK": "3"}, "cpu"),
    ],
)
def test_each_process_has_a_gpu_of_its_machine_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch, device: str, variables: dict[str, str], expected: str
) -> None:
    launched(monkeypatch, **variables)
    assert local_device(torch.device(device)) == torch.device(expected)
