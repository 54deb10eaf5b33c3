"""How long a network takes on one device, foretold from its layers: a model that is fitted to measured networks.

Inference of a batch is a constant and, for each kind of layer, multiples of what such layers add up to: how many they
are, their multiply-adds, output elements times kernel area, input elements, and weights. The multiples are at least 0
and make relative errors least. What the model is worth is its error on networks that it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from dsx.base.errors import DsxError
from dsx.base.schema import Frozen
from dsx.networks.architecture import ArchitectureTable
from dsx.networks.complexity import layer_groups
from dsx.networks.layers import Conv, Pool, Size

# pooled: squeeze-and-excitation and the classifier, which work on 1×1 maps
KINDS = ("pointwise", "spatial", "grouped", "pooled")
FEATURES = ("layers", "flops", "taps", "inputs", "weights")
_FOLDS = 5
# networks below which more would be fitted than measured
FEWEST = 20


class DeviceModel(Frozen):
    """What was fitted, and to what. held_out_pct: relative errors, median and 90 % quantile, on networks held out."""

    device: str  # as torch takes it
    name: str  # what it is
    threads: int
    dtype: str
    batch_size: int
    resolution: int
    torch_version: str
    clock: Literal["wall", "processor"] = "wall"
    networks: int  # that were measured
    held_out_pct: tuple[float, float]
    constant_ms: float
    # kind of layer → feature → milliseconds for each unit of it
    ms: Annotated[dict[str, dict[str, float]], Field(min_length=1)]

    def latency_ms(self, table: ArchitectureTable, resolution: Size) -> np.ndarray:
        """(n,) milliseconds for a batch, of every architecture of a table at its resolution."""
        weights = [self.constant_ms] + [self.ms.get(kind, {}).get(name, 0.0) for kind in KINDS for name in FEATURES]
        return latency_features(table, resolution) @ np.array(weights)

    def words(self) -> str:
        """The conditions, in one line."""
        return (
            f"{self.name}, {self.dtype}, batch {self.batch_size}, {self.threads} thread"
            f"{'s' * (self.threads != 1)}, {self.resolution}×{self.resolution}, torch {self.torch_version}"
            + ", processor time"
            * (self.clock == "processor")
        )


def latency_features(table: ArchitectureTable, resolution: Size) -> np.ndarray:
    """(n, 1 + kinds · features): 1, then for each kind of layer what its features add up to."""
    sums = {kind: np.zeros((len(FEATURES), len(table))) for kind in KINDS}
    for _, layers, h_in, h_out, times in layer_groups(table, resolution):
        for kind, values in _listed(layers, h_in, h_out):
            for row, value in zip(sums[kind], values, strict=True):
                row += value * times
    return np.concatenate([np.ones((1, len(table))), *(sums[kind] for kind in KINDS)]).T


def _listed(layers: list[Conv | Pool], h_in: Size, h_out: Size) -> Iterator[tuple[str, list[Size]]]:
    """Kind and features of each conv."""
    for layer in layers:
        if isinstance(layer, Pool):
            continue
        grouped = layer.kernel > 1 and not isinstance(layer.groups, int)
        kind = "grouped" if grouped else "spatial" if layer.kernel > 1 else "pointwise"
        before, after = h_in * h_in, (h_in if layer.height == "in" else h_out) ** 2
        if layer.height == "pooled":
            before = after = 1
        weights = layer.kernel**2 * layer.w_in * layer.w_out // layer.groups
        taps = layer.kernel**2 * layer.w_out * after
        features = [1, weights * after, taps, layer.w_in * before, weights]
        yield ("pooled" if layer.height == "pooled" else kind), [value * layer.present for value in features]


def fit_device(features: np.ndarray, measured_ms: np.ndarray, facts: Mapping[str, object]) -> DeviceModel:
    """The model of a device, and how wrong it is on networks held out.

    features: (n, …) of `latency_features`. measured_ms: (n,). facts: device, name, threads, dtype, batch_size,
    resolution, torch_version. Raises DsxError for too few networks.
    """
    n = len(measured_ms)
    if n < FEWEST:
        raise DsxError(f"{n} networks are too few to fit a device by: measure at least {FEWEST}")
    errors = np.empty(n)
    for fold in range(_FOLDS):
        out = np.arange(n) % _FOLDS == fold
        errors[out] = features[out] @ _fitted(features[~out], measured_ms[~out]) / measured_ms[out] - 1
    weights = _fitted(features, measured_ms)
    by_kind = weights[1:].reshape(len(KINDS), len(FEATURES))
    ms = {
        kind: {name: float(value) for name, value in zip(FEATURES, values, strict=True) if value > 0}
        for kind, values in zip(KINDS, by_kind, strict=True)
        if values.any()
    }
    held_out = (float(q) for q in np.quantile(100 * np.abs(errors), (0.5, 0.9)))
    return DeviceModel.from_dict(
        {**facts, "networks": n, "held_out_pct": tuple(held_out), "constant_ms": float(weights[0]), "ms": ms}
    )


def _fitted(features: np.ndarray, measured_ms: np.ndarray) -> np.ndarray:
    """Multiples ≥ 0 that make the sum of squared relative errors least."""
    from scipy.optimize import nnls

    scale = np.maximum(np.abs(features).max(axis=0), 1e-30)
    weights, _ = nnls(features / scale / measured_ms[:, None], np.ones(len(measured_ms)), maxiter=10_000)
    return np.asarray(weights / scale)
