"""Where everything of a study lies. No other module joins these names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_RESULT = "result.json"


@dataclass(frozen=True)
class RunPaths:
    """The folder of one run and the records in it."""

    folder: Path

    @property
    def result(self) -> Path:
        """The final record, with the whole curve; written once."""
        return self.folder / _RESULT

    @property
    def checkpoint(self) -> Path:
        """What a run resumes from; gone when the result is there."""
        return self.folder / "checkpoint.pt"

    @property
    def failure(self) -> Path:
        """Why the last attempt failed."""
        return self.folder / "failure.json"

    def claim(self, generation: int) -> Path:
        """The claim file of that generation, counted from 1."""
        return self.folder / f"claim.{generation}.json"


@dataclass(frozen=True)
class StudyPaths:
    """The folder of a study. root: as the user gave it, or absolute."""

    root: Path

    @property
    def definition(self) -> Path:
        """The resolved configuration."""
        return self.root / "study.yaml"

    @property
    def population(self) -> Path:
        """One row per model; once a model has started, only further models are appended."""
        return self.root / "population.parquet"

    @property
    def models(self) -> Path:
        """The folder above all run folders."""
        return self.root / "models"

    @property
    def jobs(self) -> Path:
        """The launchers' own files."""
        return self.root / "jobs"

    @property
    def turn(self) -> Path:
        """Who changes the study at this moment."""
        return self.jobs / "turn-to-change"

    @property
    def results(self) -> Path:
        """The tidy table: derived, may be deleted at any time."""
        return self.root / "results.parquet"

    @property
    def until(self) -> Path:
        """Which comparison the study is trained for, if it grows until that is decided."""
        return self.root / "until.json"

    @property
    def timings(self) -> Path:
        """Measured inference and training times of the models."""
        return self.root / "timings.parquet"

    @property
    def analysis(self) -> Path:
        """Tables, figures and report of this study alone."""
        return self.root / "analysis"

    def run(self, run_id: str) -> RunPaths:
        """The records of one run: `models/<first two characters>/<run_id>/`."""
        return RunPaths(self.models / run_id[:2] / run_id)

    def results_of(self, run_ids: Iterable[str]) -> list[str]:
        """`run(run_id).result` of each, as text: for 100,000 runs, many times faster than making the paths."""
        folder = str(self.models)
        return [f"{folder}/{run_id[:2]}/{run_id}/{_RESULT}" for run_id in run_ids]
