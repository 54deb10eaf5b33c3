"""A ConvNeXt-like block as a block of one's own: docs/spaces.md explains it line by line."""

from collections import OrderedDict

import numpy as np

from dsx.networks.layers import Block, Conv


def convs(w_in, w, inner, groups, stride, squeeze):
    """Every conv of one block; sizes are integers, or arrays with one entry for each network."""
    changes = np.logical_or(np.not_equal(w_in, w), np.not_equal(stride, 1))
    return [
        # a projection shortcut, present where width or resolution change
        Conv("proj", 1, w_in, w, stride=stride, present=changes * 1),
        Conv("spatial", 7, w_in, w_in, groups=w_in, stride=stride),
        Conv("expand", 1, w_in, inner, bias=True, norm=False),
        Conv("project", 1, inner, w, bias=True, norm=False),
    ]


def module(stage, w_in, stride, parts):
    """The same convs in torch: 7×7 depthwise, batch norm, 1×1, activation, 1×1, plus the shortcut."""
    from torch import nn

    from dsx.networks.layers import inner_width

    listed = {
        c.name: c for c in convs(w_in, stage.width, inner_width(stage.width, stage.bottleneck_ratio), 1, stride, 0)
    }

    class ConvNeXtBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.f = nn.Sequential(
                OrderedDict(
                    spatial=parts.conv(listed["spatial"]),
                    norm=parts.bn(w_in),
                    expand=parts.conv(listed["expand"]),
                    act=parts.act(),
                    project=parts.conv(listed["project"]),
                )
            )
            changes = listed["proj"].present
            self.shortcut = (
                nn.Sequential(parts.conv(listed["proj"]), parts.bn(stage.width)) if changes else nn.Identity()
            )

        def forward(self, x):
            return self.shortcut(x) + self.f(x)

    return ConvNeXtBlock()


BLOCKS = {"convnext": Block(convs, bottleneck=True, module=module)}
