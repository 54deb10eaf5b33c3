"""Progress of a launch in words: on a terminal, in lines, and not at all."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from dsx.launch import progress
from dsx.launch.progress import LaunchTally, ProgressReport


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def test_a_tally_says_what_is_done_and_how_long_the_rest_takes(clock: Clock) -> None:
    tally = LaunchTally(10)
    assert tally.sentence() == "0/10 done, 0 diverged, 0 failed"
    clock.now += 60
    tally.counts.update(done=3, diverged=1, failed=1, held=1, skipped=1)
    # five trained in a minute; three of ten are left
    assert tally.over == 7
    assert tally.models_per_hour == pytest.approx(300)
    assert tally.sentence() == "3/10 done, 1 diverged, 1 failed, 1 trained elsewhere, 300 models/h, 36 s left"
    tally.counts.update(done=3)
    assert tally.sentence().endswith("480 models/h")


def test_interrupted_runs_are_neither_over_nor_trained(clock: Clock) -> None:
    tally = LaunchTally(2)
    tally.counts["interrupted"] = 2
    assert (tally.over, tally.models_per_hour) == (0, 0)


def test_without_a_terminal_a_line_comes_every_half_minute(clock: Clock) -> None:
    stream = io.StringIO()
    tally = LaunchTally(3)
    with ProgressReport(tally, stream=stream) as report:
        for now in (110.0, 129.9, 130.0, 131.0, 159.0, 161.0):
            clock.now = now
            tally.counts["skipped"] += 1
            report.note()
        report.say("in between")
    assert stream.getvalue().splitlines() == ["0/3 done, 0 diverged, 0 failed"] * 2 + ["in between"]


def test_a_report_that_is_not_to_be_shown_writes_nothing(clock: Clock) -> None:
    stream = io.StringIO()
    with ProgressReport(LaunchTally(3), show=False, stream=stream) as report:
        clock.now += 1000
        report.note()
        report.say("in between")
    assert stream.getvalue() == ""


def test_on_a_terminal_a_bar_shows_the_sentence_and_lines_stand_above_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    tally = LaunchTally(2)
    with ProgressReport(tally, stream=stream) as report:
        tally.counts["failed"] = 1
        report.note()
        report.say("one failed: [bold]why[/bold]")
    shown = stream.getvalue()
    assert "one failed: [bold]why[/bold]" in shown  # no markup of rich's own
    assert "0/2 done, 0 diverged, 1 failed" in shown.rpartition("one failed")[2]
