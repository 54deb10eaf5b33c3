"""Vision transformers: size of the patches, width, heads, depth. Their complexity has a closed form."""

import numpy as np

PARAMETERS = {
    "patch": {"distribution": "choice", "values": [1, 2, 4]},
    "width": {"distribution": "log_uniform", "low": 16, "high": 96, "step": 16},
    "heads": {"distribution": "choice", "values": [1, 2, 4]},
    "depth": {"distribution": "uniform", "low": 1, "high": 6, "step": 1},
    "mlp_ratio": {"distribution": "choice", "values": [1, 2, 4]},
}


def build(setting):
    """(N, channels, size, size) → (N, classes). torch is imported here, so that sampling does without."""
    import torch
    from torch import nn

    class ViT(nn.Module):
        def __init__(self, patch, width, heads, depth, mlp_ratio, input, num_classes):
            super().__init__()
            self.patches = nn.Conv2d(input[0], width, patch, patch)
            self.place = nn.Parameter(0.02 * torch.randn((input[1] // patch) ** 2, width))
            options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
            blocks = [nn.TransformerEncoderLayer(width, heads, mlp_ratio * width, **options) for _ in range(depth)]
            self.blocks, self.norm, self.head = (
                nn.Sequential(*blocks),
                nn.LayerNorm(width),
                nn.Linear(width, num_classes),
            )

        def forward(self, images):
            tokens = self.patches(images).flatten(2).transpose(1, 2) + self.place
            return self.head(self.norm(self.blocks(tokens)).mean(1))

    return ViT(**setting)


def complexity(settings):
    """flops, params, acts of n networks at once. settings: parameter → (n,) integers."""
    channels, size, _ = settings["input"]
    classes, d, h, blocks = settings["num_classes"], settings["width"], settings["heads"], settings["depth"]
    n, m, patch = (size // settings["patch"]) ** 2, settings["mlp_ratio"] * d, channels * settings["patch"] ** 2
    # of a block: queries, keys and values; scores; their sums; projection; two layers
    flops = n * (4 * d**2 + 4 * d) + 2 * n**2 * d + n * (2 * d * m + m + d)
    params = 4 * d**2 + 4 * d + 2 * d * m + m + d + 4 * d
    acts = 6 * d * n + h * n**2 + m * n
    ends = (patch * d + d, d * classes + classes)
    return (
        n * ends[0] + blocks * flops + ends[1],
        ends[0] + n * d + blocks * params + 2 * d + ends[1],
        n * d + blocks * acts + np.full_like(d, classes),
    )
