"""`dsx export`: a network as ONNX, or its weights."""

from __future__ import annotations

from pathlib import Path

from dsx.base.errors import DsxError
from dsx.commands.target import chosen_size, find_model, own_resolution, study_resolution
from dsx.networks.lookup import Network, find_network
from dsx.study.study import open_study


def export(target: str, model: str | None, out: Path, resolution: int | None, weights: Path | None) -> str:
    """Write a network, or a study's model, as ONNX or safetensors."""
    from dsx.networks.export import export as write

    if Path(target).is_dir():
        if model is None:
            raise DsxError(f"{target}: name the model to export; `dsx show {target}` lists them")
        study = open_study(target)
        network: Network = find_model(study, model).architecture
        size = study_resolution(study)
    else:
        network = find_network(target)
        size = own_resolution(network)
    path = write(network, out, chosen_size(resolution, size), weights=weights)
    started = f"weights of {weights}" if weights else "random weights"
    return f"wrote {path} ({started})"
