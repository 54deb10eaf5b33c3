import pytest

from dsx.base.errors import DsxError
from dsx.launch import devices
from dsx.launch.devices import Slot, slots


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: ["2", "5"])


def test_a_cpu_gets_one_worker_per_core(monkeypatch):
    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setattr(devices, "cpu_count", lambda: 6)
    assert slots() == [Slot("cpu", 6)]
    assert slots(workers=2) == [Slot("cpu", 2)]


@pytest.mark.usefixtures("two_gpus")
def test_each_gpu_gets_its_own_workers():
    assert slots() == [Slot("cuda", 1, "2"), Slot("cuda", 1, "5")]
    assert slots(models_per_gpu=3) == [Slot("cuda", 3, "2"), Slot("cuda", 3, "5")]
    assert slots(workers=3) == [Slot("cuda", 2, "2"), Slot("cuda", 1, "5")]
    assert slots(workers=1) == [Slot("cuda", 1, "2")]
    assert slots("cuda:1") == [Slot("cuda", 1, "5")]
    assert slots("cpu", workers=1) == [Slot("cpu", 1)]
    with pytest.raises(DsxError, match="shows 2 GPUs, cuda:0 to cuda:1"):
        slots("cuda:2")


def test_cores_are_those_this_process_may_use():
    assert 1 <= devices.cpu_count() <= 4096
