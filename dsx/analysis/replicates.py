"""What several trainings of the same models show: how much of the errors' spread is the models' and how much is luck.

error of a training = mean of the space + the model's own deviation + the seed's; a finite validation
set adds a binomial part to the seed's. Models may have different numbers of seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsx.analysis.students import students_reach
from dsx.base.errors import DsxError
from dsx.recipes.metric import ERROR, Metric
from dsx.results.arrays import Floats, check_level, number_array
from dsx.results.samples import Errors

_DRAWS = 500
# models from which the share of noise has an interval
_FEWEST = 64
# models of which all pairs are listed
_LISTED = 2_000


@dataclass(frozen=True)
class Variances:
    """Variances of errors in points², unbiased."""

    mean: float
    between: float  # of the models' true errors (may come out below 0; then nothing shows that models differ)
    seeds: float  # of one training about its model's mean
    binomial: float  # the part of `seeds` that is due to the finite validation set; NaN without its size
    # seeds / (between + seeds), of the spread of single trainings, with low, high: NaN below 64 models, of which no
    # interval holds if some are far off. Clipped to [0, 1]
    noise_share: float
    noise_share_low: float
    noise_share_high: float
    models: int  # models, trainings: their numbers
    trainings: int
    level: float


@dataclass(frozen=True, eq=False)
class Shrunken:
    """What the models' errors are likely to be when trained anew."""

    model: npt.NDArray[Any]  # (m,) names, as given
    seeds: npt.NDArray[np.int64]  # (m,) trainings
    observed: Floats  # (m,) mean error of a model's trainings
    expected: Floats  # (m,) drawn towards the mean of the space by the share of the observed spread that is luck
    # low, high: (m,) interval of the true error, of models that were not chosen by a look at it; seeds' luck is taken
    # as normal, the models' errors may follow any law
    low: Floats
    high: Floats
    best: int
    # of the best observed model, expected − observed: by so much its error is too good to be true (winner's curse)
    luck: float
    level: float


@dataclass(frozen=True)
class Agreement:
    """Kendall's τ-b of two rankings of the same n models, with its interval, and the chance that a pair agrees."""

    tau: float
    low: float
    high: float
    agree: float
    n: int
    level: float


def variances(
    errors: Errors, model: npt.ArrayLike, validation_images: int | None = None, level: float = 0.95
) -> Variances:
    """Variance between models and between seeds, by analysis of variance for unequal numbers of seeds.

    errors: (n,) percent, one per training. model: (n,) the model of each. validation_images: for the
    binomial part, e(100 − e)/images averaged over trainings. Interval of the share: jackknife over models on the
    scale of the logarithm of the mean squares' ratio, Student's t with as many degrees of freedom as its kurtosis
    leaves. It covers 94–97 % on laws where F's covers 57 to 95. Raises DsxError with fewer than 2 models, or no model
    with 2 seeds.
    """
    values, group, names = _grouped(errors, model)
    seeds = np.bincount(group)
    models, trainings = len(names), values.size
    if models < 2 or trainings == models:
        raise DsxError(
            f"replicates: {models} models, {trainings} trainings: expected at least 2 models, and one with 2 seeds"
        )
    sums = np.bincount(group, values - values.mean())
    inner = np.bincount(group, (values - values.mean() - (sums / seeds)[group]) ** 2)
    each = _Sums(seeds, np.ones(models), inner, sums**2 / seeds, sums, seeds**2)
    whole = each.total()
    binomial = math.nan
    if validation_images is not None:
        binomial = float(np.mean(values * (100 - values))) / validation_images
    mean = float(values.mean() + (sums / seeds).mean())
    return Variances(
        mean, float(whole.between), float(whole.within), binomial, *_noise_share(each, level), models, trainings,
        check_level(level),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Sums:
    """What an analysis of variance adds up: of each model, (m,), or over several."""

    trainings: Any
    models: Any
    inner: Any  # squared deviations from the model's mean
    outer: Any  # trainings times the model's squared mean; means are those less the mean of all trainings
    sums: Any
    squares: Any  # squared numbers of trainings

    def total(self) -> _Sums:
        """Over all models."""
        return _Sums(*(np.sum(value) for value in self._fields()))

    def without_each(self) -> _Sums:
        """Over all models but one, (m,): but the first, but the second …"""
        return _Sums(*(np.sum(value) - value for value in self._fields()))

    def _fields(self) -> tuple[Any, ...]:
        return self.trainings, self.models, self.inner, self.outer, self.sums, self.squares

    @property
    def within(self) -> Any:
        return self.inner / (self.trainings - self.models)

    @property
    def among(self) -> Any:
        return (self.outer - self.sums**2 / self.trainings) / (self.models - 1)

    @property
    def typical(self) -> Any:
        """E(among) = seeds + typical · between."""
        return (self.trainings - self.squares / self.trainings) / (self.models - 1)

    @property
    def between(self) -> Any:
        return (self.among - self.within) / self.typical


def _noise_share(each: _Sums, level: float) -> tuple[float, float, float]:
    """seeds / (between + seeds) and its interval. each: of every model."""
    whole = each.total()
    if whole.within == 0:
        return 0.0 if whole.among > 0 else math.nan, math.nan, math.nan

    def share(ratio: float) -> float:
        return float(np.clip(whole.typical / (whole.typical + max(ratio - 1, 0.0)), 0, 1))

    ratio, n = float(whole.among / whole.within), int(whole.models)
    left = each.without_each()
    if n < _FEWEST or ratio <= 0 or not (left.within > 0).all():
        return share(ratio), math.nan, math.nan
    ratios = 1 + whole.typical * left.between / left.within
    influence = np.log(np.maximum(ratios, 1e-9))
    influence -= influence.mean()
    spread = float(influence @ influence)
    if spread == 0:
        return share(ratio), share(ratio), share(ratio)
    kurtosis = n * float(np.sum(influence**4)) / spread**2
    freedom = min(n - 1.0, max(2.0, 2 * n / max(kurtosis - 1, 1e-9)))
    reach = float(students_reach(freedom, level)) * math.sqrt(spread * (n - 1) / n)
    return share(ratio), share(ratio * math.exp(reach)), share(ratio * math.exp(-reach))


def shrunken_errors(
    errors: Errors, model: npt.ArrayLike, validation_images: int | None = None, level: float = 0.95
) -> Shrunken:
    """The errors that models are likely to show when trained anew, and what of the best one's was luck.

    Arguments as of `variances`. The best of many is best partly by luck. Given how far models and seeds
    scatter, the likeliest true error of a model with r seeds lies the share seeds/(r · between + seeds) of the way from
    its observed mean to that of the space (James and Stein 1961; the best linear predictor).
    """
    parts = variances(errors, model, validation_images, level)
    values, group, names = _grouped(errors, model)
    seeds = np.bincount(group)
    observed = np.bincount(group, values) / seeds
    expected, _ = _shrink(observed, seeds, np.array([max(parts.between, 0.0)]), np.array([parts.seeds]))
    # the variances are uncertain too: averaged over what they may be, given their chi-squared estimates
    between, within = _possible_variances(parts, seeds)
    centres, spreads = _shrink(observed, seeds, between, within)
    variance = spreads.mean(axis=0) + ((centres - expected) ** 2).mean(axis=0)
    reach = float(students_reach(parts.models - 1, level)) * np.sqrt(variance)
    best = int(np.argmin(observed))
    return Shrunken(
        names, seeds, observed, expected[0], expected[0] - reach, expected[0] + reach, best,
        float(expected[0, best] - observed[best]), level,
    )  # fmt: skip


def _shrink(observed: Floats, seeds: npt.NDArray[np.int64], between: Floats, within: Floats) -> tuple[Floats, Floats]:
    """(d, m) likeliest true errors, and their variances, for d pairs of variances. observed, seeds: (m,)."""
    noise = within[:, None] / seeds
    whole = between[:, None] + noise
    kept = np.divide(between[:, None], whole, out=np.ones_like(whole), where=whole > 0)
    weight = 1 / np.maximum(whole, 1e-12)
    centre = (weight @ observed / weight.sum(axis=1))[:, None]
    return centre + kept * (observed - centre), kept * noise + (1 - kept) ** 2 / weight.sum(axis=1)[:, None]


def _possible_variances(parts: Variances, seeds: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Draws of the variances between and within, from chi-squared variables under their sums of squares."""
    rng = np.random.default_rng(13)
    typical = (parts.trainings - float(seeds @ seeds) / parts.trainings) / (parts.models - 1)
    freedom = parts.trainings - parts.models
    within = parts.seeds * freedom / rng.chisquare(freedom, _DRAWS)
    among = (parts.seeds + typical * parts.between) * (parts.models - 1) / rng.chisquare(parts.models - 1, _DRAWS)
    return np.maximum((among - within) / typical, 0.0), within


def mean_over_seeds(errors: Errors, model: npt.ArrayLike, count: int) -> Floats:
    """Mean error over the first `count` trainings of each model that has as many: (m,), for an EDF (NDS Fig. 13, 14).

    Trainings are taken in the order given. Raises DsxError if no model has `count`.
    """
    values, group, names = _grouped(errors, model)
    order = np.argsort(group, kind="stable")
    seeds = np.bincount(group)
    start = np.cumsum(seeds) - seeds
    enough = np.flatnonzero(seeds >= count)
    if count < 1 or not enough.size:
        raise DsxError(f"count = {count}: of {len(names)} models the most trained has {seeds.max()} seeds")
    return values[order][start[enough][:, None] + np.arange(count)].mean(axis=1)


def seeds_or_models(parts: Variances, budget: int) -> dict[int, float]:
    """Variance of a space's mean error when `budget` trainings go to 1, 2, 3 … seeds of each model, by seeds.

    (between + seeds/r) / (budget/r) = (r · between + seeds)/budget: one seed of more models is never worse for
    what is said of a space; further seeds pay for what is said of single models (`models_confused`).
    """
    return {r: (r * max(parts.between, 0.0) + parts.seeds) / budget for r in range(1, 6) if budget // r >= 2}


def models_confused(parts: Variances, seeds: int) -> float:
    """Chance that r seeds each put two models of the space in the wrong order, for normal deviations.

    arctan(√(noise/between))/π: ½ if models do not differ.
    """
    if parts.between <= 0:
        return 0.5
    return math.atan(math.sqrt(parts.seeds / seeds / parts.between)) / math.pi


def noise_in_words(parts: Variances) -> tuple[str, str]:
    """The share of luck with its interval, and a clause on the finite validation set's part of it, or none."""
    low, high = 100 * parts.noise_share_low, 100 * parts.noise_share_high
    share = f"{100 * parts.noise_share:.0f} %" + ("" if math.isnan(low) else f" ({low:.0f}–{high:.0f} %)")
    if math.isnan(parts.binomial) or parts.seeds <= 0:
        return share, ""
    return share, f", {100 * min(1.0, parts.binomial / parts.seeds):.0f} % of that the finite validation set's"


def replicates_in_words(parts: Variances, shrunken: Shrunken, metric: Metric = ERROR) -> str:
    """How much of the spread is luck, what it did for the best model, and where more trainings pay."""
    share, finite = noise_in_words(parts)
    text = f"Of the variance of single trainings {share} is luck of the seed{finite}"
    shown, expected = (
        f"{metric.from_error(values[shrunken.best]):.2f}{metric.unit_after}"
        for values in (shrunken.observed, shrunken.expected)
    )
    text += f". The best model showed {shown}; trained anew it is expected at {expected}"
    wrong = [models_confused(parts, seeds) for seeds in (1, 3)]
    return (
        f"{text}. To compare spaces, more models pay before more seeds; to tell two models apart, three seeds "
        f"instead of one lower the chance of the wrong order from {wrong[0]:.2f} to {wrong[1]:.2f}."
    )


def rank_agreement_interval(x: Errors, y: Errors, level: float = 0.95, seed: int = 0) -> Agreement:
    """How far two schedules agree on the order of the same models: Kendall's τ-b with a bootstrap interval.

    x, y: (n,) errors of the same models, such as after a short and a long schedule, n ≥ 3. agree: the share of
    pairs in the same order, ties in either half. Interval: Student's on the scale artanh τ, its width by
    the jackknife over models; (NaN, NaN) where all agree or differ. `seed` picks the 2,000 of more models that the
    width is taken from; it is not used for fewer.
    """
    a, b = number_array(x, "x"), number_array(y, "y")
    if a.size != b.size or a.size < 3:
        raise DsxError(f"x and y: {a.size} and {b.size} values: expected one of each per model, at least 3 models")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise DsxError("x and y: values that are not finite: leave out models that lack one of the two")
    check_level(level)
    from scipy.stats import kendalltau

    tau = float(kendalltau(a, b).statistic)
    kept = np.arange(a.size) if a.size <= _LISTED else np.random.default_rng([seed, 12]).choice(a.size, _LISTED, False)
    low, high = _tau_interval(a[kept], b[kept], tau, a.size, level)
    same = np.sign(a[kept][:, None] - a[kept]) * np.sign(b[kept][:, None] - b[kept])
    concordant = (1 + same.sum(axis=1) / (kept.size - 1)) / 2  # of each model with the others, ties half
    return Agreement(tau, low, high, float(concordant.mean()), a.size, level)


def _tau_interval(a: Floats, b: Floats, tau: float, n: int, level: float) -> tuple[float, float]:
    if not abs(tau) < 1:
        return math.nan, math.nan
    order_a, order_b = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    both, only_a, only_b = ((m.sum(), m.sum(axis=1)) for m in (order_a * order_b, order_a**2, order_b**2))
    # τ-b of all models but one, from the sums over pairs less those of that model
    without = (both[0] - 2 * both[1]) / np.sqrt((only_a[0] - 2 * only_a[1]) * (only_b[0] - 2 * only_b[1]))
    m = a.size
    variance = (m - 1) / m * float(np.sum((without - without.mean()) ** 2)) * m / n
    reach = float(students_reach(n - 1, level)) * math.sqrt(variance) / (1 - tau**2)
    return math.tanh(math.atanh(tau) - reach), math.tanh(math.atanh(tau) + reach)


def _grouped(errors: Errors, model: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[Any]]:
    """Errors of the trainings that have one, the index of each one's model, and the models' names in order."""
    values = number_array(errors, "errors")
    names = np.asarray(model)
    if names.shape != values.shape:
        raise DsxError(f"errors and model: {values.size} and {names.size} values: give the model of each training")
    known = np.isfinite(values)
    if not known.any():
        raise DsxError("errors: no training has an error")
    unique, group = np.unique(names[known], return_inverse=True)
    return values[known], group, unique
