"""What every recipe is, whoever trains by it: a name, a version, an identity, metrics, and the function that trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from dsx.base.errors import DsxError
from dsx.base.nested import assigned, content_hash, without
from dsx.base.schema import Count, Frozen, Name
from dsx.networks.lookup import Network
from dsx.recipes.metric import Metric

R = TypeVar("R", bound="AnyRecipe")


class AnyRecipe(Frozen):
    """Base of `Recipe`, which dsx trains by itself, and of `OwnRecipe`, by which a user's program or function does.

    version: raised whenever a change of the file changes results.
    """

    # what may differ between two sessions of one training: where things lie, how long they may take, how much memory
    OPERATIONAL: ClassVar[tuple[str, ...]] = ()

    name: Name
    version: Count
    description: str = ""

    @property
    def label(self) -> str:
        """Name and version, as reports show it: `digits v1`."""
        return f"{self.name} v{self.version}"

    @property
    def recipe_id(self) -> str:
        """8 hexadecimal digits: a hash of `identity()`."""
        return content_hash(self.identity(), digits=8)

    @property
    @abstractmethod
    def trainer(self) -> str:
        """`module:function` with the parameters of `dsx.train`: what a worker calls."""

    @property
    @abstractmethod
    def measures(self) -> tuple[Metric, ...]:
        """What a training reports of a model: first the metric that models are compared by."""

    def identity(self) -> dict[str, Any]:
        """All that may change a result: the recipe without where things lie, time limits and descriptions."""
        return without(self.to_dict(), self.OPERATIONAL)

    def with_overrides(self: R, overrides: Mapping[str, object]) -> R:
        """A recipe with other values: `{"lr": 0.05, "optimiser.weight_decay": 1e-4}`. Raises DefinitionError."""
        if not overrides:
            return self
        return type(self).from_dict(assigned(self.to_dict(), overrides), f"recipe {self.name}")

    @abstractmethod
    def with_sampled(self: R, settings: Mapping[str, object]) -> R:
        """A recipe with what a space sampled under the names `recipe.…`. Raises DefinitionError."""

    @abstractmethod
    def check(self, architecture: Network) -> None:
        """Raises DsxError if the network cannot be trained by this recipe."""

    def _check_resolution(self, architecture: Network, resolution: int) -> None:
        """Raises DsxError if the network's strides use up images of that resolution."""
        try:
            architecture.check_resolution(resolution)
        except DsxError as error:
            raise DsxError(f"network {architecture.model_id} does not fit recipe {self.name}: {error}") from None

    def at_resolution(self: R, resolution: int) -> R:  # noqa: ARG002 (for recipes that may leave it open)
        """The recipe for images of so many pixels, if it leaves them open."""
        return self

    @abstractmethod
    def describe(self, world: int = 1, training_images: int | None = None) -> str:
        """The recipe in one line; world: devices that share a batch. training_images: as counted."""
