"""What timing records and leaves behind; never how long something took."""

import pytest
import torch
from torch import nn

from dsx.base.errors import DsxError
from dsx.base.provenance import processor
from dsx.networks.anynet import build
from dsx.networks.architecture import Architecture, Stage, Stem
from dsx.networks.baselines import Baseline
from dsx.networks.timing import TimingOptions, time_network

TINY = Architecture(
    stem=Stem(type="cifar", width=8), stages=(Stage(depth=1, width=8, group_width=8),), num_classes=3, in_channels=1
)


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_timing_records_its_circumstances(mode, dtype):
    timing = time_network(TINY, mode, TimingOptions(resolution=8, batch_size=4, dtype=dtype, threads=1, passes=5))
    assert (timing.mode, timing.dtype, timing.batch_size, timing.passes) == (mode, dtype, 4, 5)
    assert (timing.resolution, timing.device, timing.threads) == (8, processor(), 1)
    assert timing.torch_version == torch.__version__
    assert 0 < timing.low_ms <= timing.median_ms <= timing.high_ms
    assert timing.images_per_second == pytest.approx(4e3 / timing.median_ms)
    assert timing.to_dict()["median_ms"] == timing.median_ms


def test_timing_a_module_leaves_it_as_it_was():
    network = build(TINY).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    threads = torch.get_num_threads()
    time_network(network, "training", TimingOptions(resolution=8, batch_size=2, threads=threads + 1, passes=3))
    assert not network.training
    assert torch.get_num_threads() == threads
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_batch_size_is_found_and_is_a_power_of_two():
    size = time_network(TINY, "inference", TimingOptions(resolution=8, passes=3)).batch_size
    assert 1 <= size <= 1024
    assert size & (size - 1) == 0


def test_a_last_map_of_one_pixel_takes_training_steps_of_two_images_at_least():
    assert time_network(TINY, "training", TimingOptions(resolution=2, passes=1, warmup=0)).batch_size >= 2
    with pytest.raises(DsxError) as refusal:
        time_network(TINY, "training", TimingOptions(resolution=2, batch_size=1, passes=1, warmup=0))
    assert str(refusal.value).startswith("batch_size = 1: no training step (Expected more than 1 value per channel")
    assert str(refusal.value).endswith("): take 2 or more")
    assert (
        time_network(TINY, "inference", TimingOptions(resolution=2, batch_size=1, passes=1, warmup=0)).batch_size == 1
    )


def test_passes_end_after_the_given_seconds_but_not_before_three():
    assert (
        time_network(TINY, "inference", TimingOptions(resolution=8, batch_size=1, passes=1000, seconds=0.0)).passes == 3
    )


def test_baselines_are_timed_too():
    baseline = Baseline(baseline="MobileNetV2", num_classes=2)
    assert (
        time_network(baseline, "training", TimingOptions(resolution=32, batch_size=2, passes=1, warmup=0)).mode
        == "training"
    )


def test_mistakes_are_refused_before_anything_is_built():
    for settings, message in [
        ({"mode": "train"}, "unknown mode 'train'. Did you mean training? Known: inference, training"),
        ({"dtype": "float23"}, "unknown dtype 'float23'. Did you mean float32? Known: float32, bfloat16, float16"),
        ({"batch_size": 0}, "batch_size = 0: expected an integer ≥ 1"),
        ({"passes": 0}, "passes = 0: expected an integer ≥ 1"),
        ({"resolution": 1}, "resolution 1 is too small: stem and stages reduce it 2-fold; use at least 2, or smaller"),
        ({"device": "gpu"}, "device 'gpu': expected one of auto, cpu, cuda, mps, cuda:0."),
    ]:
        mode = settings.pop("mode", "inference")
        with pytest.raises(DsxError) as refusal:
            time_network(TINY, mode, TimingOptions(**{"resolution": 8, **settings}))
        assert str(refusal.value).startswith(message)
        assert "\n" not in str(refusal.value)
    with pytest.raises(DsxError, match="Linear holds no convolution"):
        time_network(nn.Linear(2, 2), "inference", TimingOptions(resolution=8))


def test_weights_of_five_dimensions_and_no_weights_at_all_are_timed(monkeypatch):
    class Deep(nn.Module):
        in_channels = 3

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(3, 4, 1)

        def forward(self, x):
            return self.conv(x[:, :, None]).flatten(1)

    class Bare(nn.Module):
        def forward(self, x):
            return x.flatten(1)

    monkeypatch.setattr("dsx.networks.timing._in_channels", lambda module: 3)
    for module in (Deep(), Bare()):
        timing = time_network(
            module, "inference", TimingOptions(resolution=8, batch_size=2, passes=1, warmup=0, threads=1)
        )
        assert timing.median_ms > 0
    with pytest.raises(DsxError) as refusal:
        time_network(Bare(), "training", TimingOptions(resolution=8, batch_size=2, passes=1, warmup=0, threads=1))
    assert str(refusal.value) == "a network without parameters takes no training step: time it in inference"
    with pytest.raises(DsxError) as refusal:
        time_network(Deep(), "inference", TimingOptions(resolution=8, threads=0))
    assert str(refusal.value) == "threads = 0: expected an integer ≥ 1"
