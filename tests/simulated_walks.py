"""Walks over errors that are made up, with the truth known: what the tests of `dsx design` and its benchmark share.

An error is an effect of the network plus normal noise, scaled so that all models of the first space have a standard
deviation of 1; a model that breaks a planted rule is worse by one standard deviation. So what a step is worth is
known: the probability that a model of the narrower space beats one of the wider.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from unittest import mock

import numpy as np

import dsx
from dsx.designing.journal import Journal
from dsx.designing.models import FunctionSource
from dsx.designing.plan import WalkPlan
from dsx.designing.walk import Walk
from dsx.narrowing.candidates import narrowed
from dsx.narrowing.proposal import narrow_forwards
from dsx.networks.architecture import Architecture
from dsx.spaces.definition import Space
from dsx.spaces.population import Model
from dsx.spaces.sampling import Sampling, draw_population

SPACE = "AnyNetXA-digits"
_MODELS = 3000
# a step that was taken as better is false unless the truth is better by this chance: what the truth is known to
_KNOWN_TO = 0.005
# a rule is found where so much of what breaks it is left: widths are fitted to groups after they were put in order
_LEFT = 0.2

Rule = Callable[[Architecture], bool]


@dataclass(frozen=True, eq=False)
class Truth:
    """effect: of a network, in standard deviations of all errors. rules: what good networks keep, by name.

    shared: parameters of which one value for all stages costs nothing.
    """

    title: str
    effect: Callable[[Architecture], float]
    rules: Mapping[str, Rule]
    shared: tuple[str, ...] = ()


def widths(network: Architecture) -> list[int]:
    return [stage.width for stage in network.stages]


def down_steps(network: Architecture) -> int:
    return sum(after < before for before, after in itertools.pairwise(widths(network)))


def ends_wide(network: Architecture) -> bool:
    return widths(network)[-1] >= widths(network)[0]


# 0.64: models that break the order have 1.56 steps downwards on average
ORDER = Truth(
    "width order and depth range",
    lambda a: 0.64 * down_steps(a) + 1.0 * (a.depth > 9),
    {"width order": lambda a: not down_steps(a), "depth ≤ 9": lambda a: a.depth <= 9},
)
SHARING = Truth(
    "sharing free, depth window",
    lambda a: 1.0 * (not 7 <= a.depth <= 9),
    {"depth ≥ 7": lambda a: a.depth >= 7, "depth ≤ 9": lambda a: a.depth <= 9},
    ("bottleneck_ratio", "group_width"),
)
NOTHING = Truth("nothing at all", lambda _: 0.0, {})
INTERACTION = Truth(
    "an interaction",
    lambda a: 1.0 * (not (ends_wide(a) and a.depth <= 9)),
    {"ends wide": ends_wide, "depth ≤ 9": lambda a: a.depth <= 9},
)
TRUTHS = (ORDER, SHARING, NOTHING, INTERACTION)


@dataclass(frozen=True)
class Walked:
    """found: planted rule → whether at most a fifth as many models of the last space break it as of the first; shared
    parameter → whether it is shared. false: steps taken falsely.

    tested, taken, models: steps and models of the walk. gain: chance that a model of the last space beats one of the
    first. words: its steps, for whoever looks into it.
    """

    found: Mapping[str, bool]
    false: tuple[str, ...]
    tested: int
    taken: int
    models: int
    gain: float
    words: str = ""


@lru_cache(maxsize=1)
def root() -> Space:
    return dsx.load_space(SPACE)


def law_kept(space: Space, n: int, seed: int = 0, allow_short: bool = False) -> Sampling:
    """`draw_population`, of which many walks draw the same: the law of a space that more than one of them reaches."""
    key = (space.definition_hash, n, seed)
    if key not in _LAWS:
        if len(_LAWS) > 64:
            _LAWS.pop(next(iter(_LAWS)))
        _LAWS[key] = draw_population(space, n, seed, allow_short)
    return _LAWS[key]


def walk(truth: Truth, seed: int, models: int = 400) -> Walked:
    """One walk, and what is true of it."""
    noise = noise_of(truth)
    rng = np.random.default_rng([12, seed])

    def evaluate(model: Model) -> float:
        assert isinstance(model.architecture, Architecture)
        return 5 + truth.effect(model.architecture) + noise * float(rng.normal())

    whole = Walk(root(), WalkPlan(models, seed=seed), FunctionSource(evaluate), Journal())
    with mock.patch("dsx.designing.walk.draw_population", law_kept):
        whole.run()
    return of_walk(whole, truth)


def fixed_plan(truth: Truth, seed: int, models: int = 400, each: int = 100) -> Walked:
    """Sample 100 models, take all that `dsx narrow` supports, sample 100 of the narrower space, and so on."""
    noise = noise_of(truth)
    rng = np.random.default_rng([12, seed])
    chain, claims, spent = [root()], [], 0
    while spent < models:
        population = dsx.sample(chain[-1], each, seed=seed + spent, allow_short=True)
        effects = np.array([truth.effect(model.architecture) for model in population])  # type: ignore[arg-type]
        spent += len(population)
        errors = 5 + effects + noise * rng.normal(size=len(population))
        taken = [step.taken for step in narrow_forwards(chain[-1], population.table.assign(error=errors), seed=seed)]
        rules = [rule for rule in taken if rule is not None]
        if not rules:
            break
        chain += [narrowed(chain[-1], *rules[:k]) for k in range(1, len(rules) + 1)]
        claims += [(rule.words, rule.kind != "sharing") for rule in rules]
    return judged(chain, claims, truth, (len(claims), spent))


def of_walk(whole: Walk, truth: Truth) -> Walked:
    """What is true of a walk."""
    taken = [step for step in whole.steps if step.taken]
    claims = [(step.refinement.words, step.looks[-1].outcome == "better") for step in taken]
    words = "; ".join(("+ " if s.taken else "- ") + f"{s.refinement.words} ({len(s.looks)})" for s in whole.steps)
    made = judged(whole.chain, claims, truth, (len(whole.steps), whole.spent))
    return replace(made, words=words)


def judged(chain: list[Space], claims: list[tuple[str, bool]], truth: Truth, counts: tuple[int, int]) -> Walked:
    """What is true of a chain. claims: of each step its rule, and whether it is said to be better (or no worse).

    counts: candidates looked at, models.
    """
    effects = [_effects(space, truth) for space in chain]
    noise = noise_of(truth)
    false = [
        words
        for k, (words, better) in enumerate(claims)
        if is_false(better, superiority(effects[k + 1], effects[k], noise))
    ]
    networks = _networks(chain[-1])
    found = {
        name: broken(rule, networks) <= _LEFT * broken(rule, _networks(root())) for name, rule in truth.rules.items()
    }
    found |= {name: chain[-1].parameters[name].per == "network" for name in truth.shared}
    gain = superiority(effects[-1], effects[0], noise)
    return Walked(found, tuple(false), counts[0], len(claims), counts[1], gain)


def broken(rule: Rule, networks: list[Architecture]) -> float:
    """The share of networks that break a rule."""
    return float(np.mean([not rule(network) for network in networks]))


def is_false(better: bool, worth: float, margin: float = 0.1) -> bool:
    """Whether a step that is worth so much was taken falsely: as better and is not, or as no worse and is."""
    return worth < 0.5 + _KNOWN_TO if better else worth < 0.5 - margin


def superiority(a: np.ndarray, b: np.ndarray, noise: float) -> float:
    """Chance that a model with an effect of a has a lower error than one of b."""
    from scipy.special import ndtr

    (values_a, count_a), (values_b, count_b) = (np.unique(x, return_counts=True) for x in (a, b))
    chances = ndtr((values_b[None, :] - values_a[:, None]) / (noise * np.sqrt(2)))
    return float(count_a @ chances @ count_b / (a.size * b.size))


@lru_cache(maxsize=8)
def noise_of(truth: Truth) -> float:
    """Standard deviation of the noise, so that that of all errors of the first space is 1."""
    return float(np.sqrt(1 - _effects(root(), truth).var()))


def _effects(space: Space, truth: Truth) -> np.ndarray:
    return np.array([truth.effect(network) for network in _networks(space)], dtype=float)


_KNOWN: dict[str, list[Architecture]] = {}
_LAWS: dict[tuple[str, int, int], Sampling] = {}


def _networks(space: Space) -> list[Architecture]:
    """Networks by the space's law; those of the first space are kept."""
    key = space.definition_hash
    if key not in _KNOWN:
        _KNOWN.pop(next((k for k in _KNOWN if k != root().definition_hash), ""), None) if len(_KNOWN) > 32 else None
        _KNOWN[key] = [m.architecture for m in dsx.sample(space, _MODELS, seed=99, allow_short=True)]  # type: ignore[misc]
    return _KNOWN[key]
