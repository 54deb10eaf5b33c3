"""Perceptrons for tables: how many layers, how wide, which activation. And the table: scikit-learn's breast cancer."""

from itertools import pairwise

import numpy as np
from sklearn.datasets import load_breast_cancer
from torch import nn

PARAMETERS = {
    "stages": {"distribution": "uniform", "low": 1, "high": 4, "step": 1},
    "width": {"distribution": "log_uniform", "low": 4, "high": 256, "step": 4, "per": "stage"},
    "activation": {"distribution": "choice", "values": ["relu", "tanh", "gelu"]},
    "dropout": {"distribution": "choice", "values": [0.0, 0.2, 0.5]},
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


def build(setting):
    """(N, features) → (N, classes): a hidden layer for each entry of `width`."""
    widths = [setting["input"][0], *setting["width"]]
    layers = []
    for before, width in pairwise(widths):
        layers += [nn.Linear(before, width), ACTIVATIONS[setting["activation"]](), nn.Dropout(setting["dropout"])]
    return nn.Sequential(*layers, nn.Linear(widths[-1], setting["num_classes"]))


class Cancer:
    """569 rows of 30 features, standardised; benign or malignant."""

    def __init__(self, root, train):
        table = load_breast_cancer()
        self.rows = ((table.data - table.data.mean(0)) / table.data.std(0)).astype(np.float32)
        self.targets = table.target

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, row):
        return self.rows[row], int(self.targets[row])
