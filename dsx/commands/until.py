"""`dsx launch --until decided`: studies grow and train in rounds, evenly, until the comparison of them is decided."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dsx.analysis.verdict import parse_margin
from dsx.base.errors import DsxError, check_at_least_one, suggest
from dsx.base.text import plural
from dsx.commands.launch import LaunchRequest, prepare, preview, read_launch
from dsx.commands.standings import look
from dsx.launch.launcher import Launched, Launcher
from dsx.launch.options import LaunchOptions
from dsx.results.arrays import check_level
from dsx.results.states import OVER
from dsx.study.aim import keep_aim
from dsx.study.study import Study, open_study

# models of each study in a round; where jobs wait in a queue, fewer and larger rounds
_ROUND, _QUEUED_ROUND = 8, 32
# seconds between looks at runs that others train or have in a queue, and between launches of what is left of a round
LOOK_EVERY_S, LAUNCH_EVERY_S = 5.0, 60.0
# launches in a row that come to nothing before the command gives up
_VAIN = 3


@dataclass(frozen=True)
class Goal:
    """What is to be decided. margin: for equivalence, as typed. at_most: models of each study. Raises DsxError."""

    until: str = "decided"
    margin: str | None = None
    at_most: int = 500
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.until != "decided":
            raise DsxError(f"--until {self.until}: expected decided.{suggest(self.until, ['decided'])}")
        check_at_least_one("--at-most", self.at_most, "models of each study")
        check_level(self.level)
        if self.margin is not None:
            parse_margin(self.margin)


def goal(until: str | None, margin: str | None, at_most: int | None) -> Goal | None:
    """The goal that these flags name; None without --until. Raises DsxError for one that says nothing without it."""
    if until is not None:
        return Goal(until, margin, *([at_most] if at_most is not None else []))
    for flag, value in (("--margin", margin), ("--at-most", at_most)):
        if value is not None:
            raise DsxError(f"{flag}: says when to stop, so it needs --until decided")
    return None


def launch_until(request: LaunchRequest, goal: Goal, say: Callable[[str], object] = print) -> Launched:
    """Draw and train models of all these studies in rounds until every pair is decided, or the budget is spent.

    The verdicts hold at any look, so stopping at one costs nothing. What is there counts, so the same command goes on
    wherever an earlier one ended. say: told each step. Raises DsxError.
    """
    studies, planned, launcher = read_launch(request)
    _check(studies, request.options)
    prepare(studies, planned, launcher, request.options, say)
    keep_aim(studies, goal.at_most, goal.margin, goal.level)
    trainer = RoundTrainer(launcher, request.options, say)
    _run(trainer, studies, _round_size(launcher, studies, request.options), goal, say)
    return trainer.launched()


def preview_until(request: LaunchRequest, goal: Goal) -> str:
    """What `launch_until` would do, how far from a decision the studies are, and what their models cost."""
    studies, planned, launcher = read_launch(request)
    _check(studies, request.options)
    size = _round_size(launcher, planned, request.options)
    lines = preview(request).splitlines()
    lines.append(f"until decided: in rounds of {size} models of each study, at most {goal.at_most:,} of each; now")
    return "\n".join([*lines, *(f"  {line}" for line in look(studies, goal.margin, goal.level).lines())])


def _check(studies: Sequence[Study], options: LaunchOptions) -> None:
    if len(studies) < 2:
        raise DsxError("--until decided: compares studies: name two or more")
    if options.limit is not None:
        raise DsxError("--until decided: trains in rounds of its own: instead of --limit, give --at-most")


def _round_size(launcher: Launcher, studies: Sequence[Study], options: LaunchOptions) -> int:
    """Models of each study in a round: enough to keep every worker busy."""
    if not launcher.trains_here:
        return _QUEUED_ROUND
    return max(_ROUND, -(-launcher.preview(studies, options).at_once // len(studies)))


def _run(trainer: RoundTrainer, studies: Sequence[Study], size: int, goal: Goal, say: Callable[[str], object]) -> None:
    """Round after round, until decided, out of models, or stopped. size: models of each study in a round."""
    while True:
        now = look(studies, goal.margin, goal.level)
        for line in now.lines():
            say(line)
        over = min(map(models_over, studies))
        if now.decided:
            return
        if over >= goal.at_most:
            say(f"undecided after {plural(over, 'model')} of each: a larger --at-most goes on")
            return
        target = min(goal.at_most, (over // size + 1) * size)
        studies = [study.grow(target, allow_short=True) for study in studies]
        used_up = next((study for study in studies if len(study.population) <= over), None)
        if used_up is not None:
            say(f"undecided, and {used_up.path} cannot grow: its space has {plural(over, 'model')} in all")
            return
        if not trainer.train(studies, target):
            return
        studies = [open_study(study.path) for study in studies]
        hopeless = next((study for study in studies if _all_failed(study.counts())), None)
        if hopeless is not None:
            say(f"undecided: every model of {hopeless.path} failed so far; `dsx status` says why")
            return


class RoundTrainer:
    """Trains rounds of models with any launcher, each to its end; and what came of all of them."""

    def __init__(self, launcher: Launcher, options: LaunchOptions, say: Callable[[str], object]) -> None:
        self._launcher = launcher
        self._options = options
        self._say = say
        self._parts: list[Launched] = []

    def launched(self) -> Launched:
        """All rounds as one launch."""
        counts: Counter[str] = Counter()
        for part in self._parts:
            counts.update(part.counts)
        last = self._parts[-1] if self._parts else Launched()
        failed = tuple(failure for part in self._parts for failure in part.failed)
        seconds, submitted = (sum(getattr(part, name) for part in self._parts) for name in ("seconds", "submitted"))
        return Launched(dict(counts), seconds, last.stopped, last.by_signal, failed, (), submitted)

    def train(self, studies: Sequence[Study], target: int) -> bool:
        """Train the first `target` models of each study; whether there may be another round."""
        of_round = _RoundRuns(studies, target)
        states, vain = of_round.states(), 0
        while _open(states) or self._options.retry:
            launched = self._launch(studies, of_round)
            if launched.stopped:
                return False
            before, states = states, of_round.states()
            if _open(states):
                states = of_round.wait()
                idle = states == before and not states["running"] and (launched.submitted or self._launcher.trains_here)
                vain = vain + 1 if idle else 0
            if vain == _VAIN:
                raise DsxError(
                    f"{plural(states['pending'], 'model')} of this round came to nothing in {vain} launches in a row;"
                    " `dsx status` says more, and the same command goes on"
                )
        return True

    def _launch(self, studies: Sequence[Study], of_round: _RoundRuns) -> Launched:
        """Launch what is open of a round; failed models are tried again in the first launch only."""
        options = replace(self._options, run_ids=of_round.run_ids, say=self._say)
        if options.max_failures is not None:
            failed = sum(len(part.failed) for part in self._parts)
            options = replace(options, max_failures=max(0, options.max_failures - failed))
        launched = self._launcher.launch(studies, options)
        for line in launched.lines:
            self._say(line)
        self._parts.append(launched)
        self._options = replace(self._options, retry=())
        return launched


class _RoundRuns:
    """The runs of a round: those of the first `target` models of each study."""

    def __init__(self, studies: Sequence[Study], target: int) -> None:
        self._studies = studies
        self._by_study = [{run.run_id for run in study.runs() if run.row < target} for study in studies]
        self.run_ids = frozenset[str]().union(*self._by_study)

    def states(self) -> Counter[str]:
        """State → runs."""
        counts: Counter[str] = Counter()
        for study, run_ids in zip(self._studies, self._by_study, strict=True):
            counts.update(study.scan(only=run_ids).states.values())
        return counts

    def wait(self) -> Counter[str]:
        """Look until the round is over, or it is time to launch again what is left of it; the states then."""
        deadline = time.monotonic() + LAUNCH_EVERY_S
        while True:
            time.sleep(LOOK_EVERY_S)
            states = self.states()
            if not _open(states) or time.monotonic() > deadline:
                return states


def _all_failed(counts: Mapping[str, int]) -> bool:
    return counts["failed"] > 0 and not counts["done"] + counts["diverged"]


def _open(states: Counter[str]) -> bool:
    return bool(states["pending"] + states["running"])


def models_over(study: Study) -> int:
    """How many models, in the order drawn, are over before the first that is still to be trained."""
    states = study.states()
    unfinished = [run.row for run in study.runs() if states[run.run_id] not in OVER]
    return min(unfinished, default=len(study.population))
