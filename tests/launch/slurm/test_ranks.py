"""One model over several processes: the first names each run, the others train what it names."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dsx.launch.failures import record_failure
from dsx.launch.slurm import ranks
from dsx.study.study import Study
from dsx.training.faults import CorruptData, Interrupted, TimeLimitExceeded

from standins import make_study


class Store:
    """In place of torch's: what one process sets, another gets."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def set(self, key: str, value: str) -> None:
        assert key not in self.values
        self.values[key] = value

    def get(self, key: str) -> bytes:
        return self.values[key].encode()


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(ranks, "_store", made)
    monkeypatch.setattr(ranks, "_named", 0)
    monkeypatch.setenv("RANK", "1")
    return made


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "a", n=3)


def named(store: Store, study: Study, *numbers: int) -> None:
    """What rank 0 names, one after another, before it lets the others go."""
    lead = ranks.leading("standins:train", study)
    for number in numbers:
        run = study.runs()[number]
        folder = study.paths.run(run.run_id).folder
        folder.mkdir(parents=True, exist_ok=True)
        lead(run.architecture, run.recipe, seed=run.seed, folder=folder)
    ranks.dismiss()


def test_followers_train_what_is_named_with_the_runs_own_recipe_and_seed(study: Study, store: Store) -> None:
    named(store, study, 2, 0)
    seen: list[tuple[Any, ...]] = []

    def train(architecture: Any, recipe: Any, **options: Any) -> None:
        told = (options["seed"], options["folder"], options["device"], options["threads"], options["should_stop"]())
        seen.append((architecture.model_id, recipe, *told))

    ranks.follow(study, train, "cpu", 2, lambda: False)
    assert seen == [
        (run.model_id, study.recipe, run.seed, study.paths.run(run.run_id).folder, "cpu", 2, False)
        for run in (study.runs()[2], study.runs()[0])
    ]


def test_the_leader_trains_what_it_names(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    run = study.runs()[1]
    folder = study.paths.run(run.run_id).folder
    folder.mkdir(parents=True)
    ranks.leading("standins:train", study)(run.architecture, run.recipe, seed=run.seed, folder=folder)
    assert study.states()[run.run_id] == "done"


@pytest.mark.parametrize("fault", [Interrupted(), TimeLimitExceeded("late"), CorruptData("torn")])
def test_what_all_processes_meet_at_once_is_left_to_the_leader(study: Study, store: Store, fault: Exception) -> None:
    named(store, study, 0, 1)
    seen = []

    def train(*_: object, **options: Any) -> None:
        seen.append(options["folder"].name)
        raise fault

    ranks.follow(study, train, "cpu", 1, lambda: False)
    assert seen == [study.runs()[0].run_id, study.runs()[1].run_id]
    assert study.failures() == []


def test_what_one_process_meets_is_recorded_with_its_number_and_ends_it(study: Study, store: Store) -> None:
    named(store, study, 0)
    study.paths.run(study.runs()[0].run_id).result.unlink(missing_ok=True)

    def train(*_: object, **__: object) -> None:
        raise ValueError("only here")

    with pytest.raises(ValueError, match=r"^only here$"):
        ranks.follow(study, train, "cpu", 1, lambda: False)
    (failure,) = study.failures()
    assert (failure.kind, failure.message) == ("error", "rank 1: ValueError: only here")


def test_the_first_cause_stays_on_record(study: Study, store: Store) -> None:
    named(store, study, 0)
    run_id = study.runs()[0].run_id
    study.paths.run(run_id).result.unlink(missing_ok=True)

    def train(*_: object, **__: object) -> None:
        record_failure(study, run_id, "out_of_memory", "rank 2: full")
        raise RuntimeError("Connection closed by peer")

    with pytest.raises(RuntimeError, match="Connection closed"):
        ranks.follow(study, train, "cpu", 1, lambda: False)
    assert [failure.message for failure in study.failures()] == ["rank 2: full"]


@pytest.mark.parametrize("given", [None, "10.0.0.7"])
def test_the_address_of_the_first_node_is_slurms_unless_the_profile_gives_one(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    from submitit import helpers

    monkeypatch.delenv("MASTER_ADDR", raising=False)
    if given:
        monkeypatch.setenv("MASTER_ADDR", given)

    class Environment:
        def export(self, set_cuda_visible_devices: bool) -> None:
            assert not set_cuda_visible_devices
            assert "MASTER_ADDR" not in os.environ
            os.environ["MASTER_ADDR"] = "node1"
            os.environ["RANK"] = "3"

    monkeypatch.setattr(helpers, "TorchDistributedEnvironment", Environment)
    monkeypatch.setitem(os.environ, "RANK", "0")
    ranks.export()
    assert os.environ["MASTER_ADDR"] == (given or "node1")
    assert ranks.rank() == 3
    os.environ.pop("MASTER_ADDR")


def test_the_store_is_on_the_port_after_the_process_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch.distributed

    asked: list[tuple[Any, ...]] = []

    def store(*arguments: Any, timeout: object) -> SimpleNamespace:
        asked.append(arguments)
        return SimpleNamespace(set=lambda key, value: asked.append((key, value)))

    monkeypatch.setattr(ranks, "_store", None)
    monkeypatch.setattr(torch.distributed, "TCPStore", store)
    for name, value in {"MASTER_ADDR": "node1", "MASTER_PORT": "5000", "WORLD_SIZE": "4", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    ranks.dismiss()
    assert asked == [("node1", 5001, 4, True), ("run0", "")]
