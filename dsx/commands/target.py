"""What `show`, `time` and `export` are pointed at: a network, or a model of a study."""

from __future__ import annotations

from dsx.base.errors import StudyError, check_at_least_one
from dsx.networks.lookup import Network
from dsx.spaces.population import Model
from dsx.study.study import Study


def find_model(study: Study, prefix: str) -> Model:
    """The model whose id begins so. Raises StudyError if there is none, or several."""
    population = study.population
    rows = [row for row, model_id in enumerate(population.model_ids) if model_id.startswith(prefix)]
    if len(rows) != 1:
        count = "no model" if not rows else f"{len(rows)} models"
        raise StudyError(f"{study.path}: {count} whose id begins with '{prefix}'; `dsx show {study.path}` lists them")
    return population[rows[0]]


def chosen_size(asked: int | None, own: int) -> int:
    """Pixels: those asked for, or the network's own. Raises DsxError for none."""
    check_at_least_one("--resolution", asked)
    return own if asked is None else asked


def own_resolution(network: Network) -> int:
    """Pixels of the images that the network was published for; 224 where nothing is said."""
    return getattr(network, "resolution", 224)


def study_resolution(study: Study) -> int:
    """Pixels of the images that the study's models are trained on."""
    return getattr(study.recipe, "resolution", None) or study.population.resolution
