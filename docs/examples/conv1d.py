"""1-D convolutional networks for signals: their stages, kernels and widths. And the signals: four shapes in noise."""

import numpy as np
from torch import nn

PARAMETERS = {
    "stages": {"distribution": "uniform", "low": 1, "high": 3, "step": 1},
    "depth": {"distribution": "uniform", "low": 1, "high": 3, "step": 1, "per": "stage"},
    "width": {"distribution": "log_uniform", "low": 8, "high": 64, "step": 8, "per": "stage"},
    "kernel": {"distribution": "choice", "values": [3, 5, 9]},
}


def build(setting):
    """(N, channels, length) → (N, classes): each stage halves the length."""
    layers, before, kernel = [], setting["input"][0], setting["kernel"]
    for depth, width in zip(setting["depth"], setting["width"], strict=True):
        for layer in range(depth):
            stride = 2 if layer == 0 else 1
            layers += [
                nn.Conv1d(before, width, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(),
            ]
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(before, setting["num_classes"]))


class Signals:
    """800 signals of two channels and 64 samples: a sine, a square, a saw or a chirp, shifted between the channels."""

    def __init__(self, root, train):
        draws = np.random.default_rng(0)
        time = np.linspace(0, 1, 64) + draws.uniform(size=(800, 2, 1))
        self.targets = np.arange(800) % 4
        phase = draws.uniform(3, 6, size=(800, 1, 1)) * time
        shapes = [
            np.sin(2 * np.pi * phase),
            np.sign(np.sin(2 * np.pi * phase)),
            2 * (phase % 1) - 1,
            np.sin(9 * time**2),
        ]
        clean = np.choose(self.targets[:, None, None], shapes)
        self.signals = (clean + draws.normal(scale=0.7, size=clean.shape)).astype(np.float32)

    def __len__(self):
        return len(self.signals)

    def __getitem__(self, row):
        return self.signals[row], int(self.targets[row])
