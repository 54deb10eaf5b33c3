import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dsx.training.average import Average


def test_every_step_gives_torchs_own_average_to_the_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    mine = Average(model, 0.9)
    torchs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for _ in range(4):
        model(torch.randn(5, 3, 8, 8)).sum().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        for average in (mine, torchs):
            average.update_parameters(model)
        assert mine.state_dict().keys() == torchs.state_dict().keys()
        for name, value in torchs.state_dict().items():
            assert torch.equal(mine.state_dict()[name], value), name
    assert int(mine.n_averaged) == 4


def test_an_average_goes_on_from_its_state():
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    first = Average(model, 0.5)
    first.update_parameters(model)
    second = Average(nn.Linear(3, 2), 0.5)
    second.load_state_dict(first.state_dict())
    expected = 0.5 * model.weight.detach() + 0.5
    with torch.no_grad():
        model.weight.add_(1.0 - model.weight).add_(0.0)
    second.update_parameters(model)
    assert torch.allclose(second.module.weight, expected)
    assert second.module.weight.sum().item() == pytest.approx(expected.sum().item())
