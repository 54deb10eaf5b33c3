"""One step that a walk might take: a change of the space, what speaks for it, and which models keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from dsx.analysis.scan import End
from dsx.narrowing.candidates import changed
from dsx.spaces.conditional import Columns, accepted, settings_of
from dsx.spaces.definition import Space
from dsx.spaces.distributions import Ranged, SameAs

Kind = Literal["range", "order", "derived", "sharing", "line", "own"]


@dataclass(frozen=True)
class Refinement:
    """A narrower space, by how it differs from the current one. All of it can be written as JSON."""

    words: str  # the rule
    kind: Kind
    change: dict[str, Any] = field(repr=False)  # of the definition
    evidence: str  # what the models that proposed it say, in words
    supported: bool  # whether they support it
    # whether models of the current space that keep it are exact draws of the narrower one, as where a range is cut or a
    # rule added; of one value for all stages they are not
    exact: bool = False
    simpler: bool = False  # whether it is taken too if it is no worse
    freedom: int = 0  # degrees of freedom that it removes
    # quantity, end: what of, as `dsx.narrowing` names them, or `both` ends; empty for others
    quantity: str = ""
    end: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is of, wherever the bound lies: one that was tested in vain is not proposed again."""
        return self.kind, self.quantity or self.words, self.end

    @property
    def hinted(self) -> bool:
        """Whether it is an order that is to be better, though the models only hint at it."""
        return self.kind == "order" and not self.simpler

    @property
    def ends(self) -> tuple[End, ...]:
        """Ends of the quantity that it cuts."""
        return ("low", "high") if self.end == "both" else ("low",) if self.end == "low" else ("high",)

    def applied(self, space: Space, name: str = "") -> Space:
        """The narrower space. Raises DefinitionError if the change does not fit the space."""
        return changed(space, self.change, {"name": name} if name else {})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Refinement:
        return cls(**content)


def contained(narrower: Space, columns: Columns) -> np.ndarray:
    """(n,) bool: which models lie in the narrower space: values of its parameters, its rules and constraints.

    columns: of the settings of n models of a wider space whose parameters have the same names, as a population or a
    results table has them.
    """
    settings = settings_of(narrower, columns)
    n = len(next(iter(settings.values())))
    present = np.arange(narrower.max_stages) < settings.get("stages", np.full(n, narrower.max_stages))[:, None]
    keep = np.ones(n, dtype=bool)
    for name, parameter in narrower.parameters.items():
        if isinstance(parameter, SameAs):
            continue
        values = settings[name]
        if isinstance(parameter, Ranged) and parameter.continuous:
            inside = (values >= parameter.low) & (values <= parameter.high)
        else:
            inside = np.isin(values, parameter.values)
        keep &= (inside | ~present).all(axis=1) if inside.ndim == 2 else inside
    if keep.any():
        kept = {name: values[keep] for name, values in settings.items()}
        keep[keep] = accepted(narrower, kept)
    return keep
