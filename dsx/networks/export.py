"""Networks for other programs: ONNX with weights, or the weights alone."""

from __future__ import annotations

import contextlib
import io
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from dsx.base.errors import DsxError
from dsx.base.files import replacing
from dsx.networks.anynet import AnyNet, build
from dsx.networks.lookup import Network, input_shape
from dsx.networks.weights import load_weights, save_weights

_NEEDED = ("onnx", "onnxscript")


def export(
    network: Network,
    path: str | Path,
    resolution: int = 224,
    *,
    weights: str | Path | None = None,
    layout: str = "dsx",
    reverse_channels: bool = False,
    seed: int = 0,
) -> Path:
    """Write a network to a `.onnx`, `.safetensors` or `.pt` file, complete or not at all, and return the path.

    weights: a file to load first (any layout; `reverse_channels` as in `load_weights`); None starts the
    network at random from `seed`. layout: of the weights written, for files other than ONNX.
    Raises DsxError for a resolution below the network's strides, another suffix, or weights that do not fit.
    """
    path = Path(path)
    network.check_resolution(resolution)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(network)
    if isinstance(module, AnyNet):
        if weights is not None:
            load_weights(module, weights, reverse_channels=reverse_channels)
        if path.suffix != ".onnx":
            return save_weights(module, path, layout)
    elif weights is not None or path.suffix != ".onnx":
        raise DsxError(
            "networks that dsx does not build itself are exported to .onnx with random weights only; their weights are"
            " torchvision's affair, or their file's"
        )
    return export_onnx(module, path, input_shape(network, resolution))


def export_onnx(module: nn.Module, path: str | Path, shape: tuple[int, ...] = (3, 224, 224)) -> Path:
    """Write a module in evaluation mode as ONNX: input `images` (batch, *shape), output `logits` (batch, num_classes),
    any batch size. The module's mode is left as it was.

    Raises DsxError if the packages for it are missing or the folder does not exist.
    """
    path = Path(path)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DsxError(f"writing ONNX needs the package {missing[0]}: pip install 'dsx[onnx]'")
    if not path.parent.is_dir():
        raise DsxError(f"{path}: there is no folder {path.parent}; make it first")
    device = next(module.parameters()).device
    # two images, since the exporter takes a batch of one for a constant
    images = torch.zeros(2, *shape, device=device)
    training = module.training
    try:
        # the exporter narrates on stdout and warns about its own parts
        with replacing(path) as temporary, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(),
                (images,),
                temporary,
                dynamo=True,
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                external_data=False,
            )
    finally:
        module.train(training)
    return path
