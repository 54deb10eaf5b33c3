"""Where everything of a study lies. No other module joins these names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_RESULT = "result.json"
_DEFINITION = "study.yaml"


class RunPaths:
    """The folder of one run and the records in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.result = folder / _RESULT  # the final record, with the whole curve; written once
        self.checkpoint = folder / "checkpoint.pt"  # what a run resumes from; gone when the result is there
        self.previous = folder / "checkpoint.previous.pt"  # the one before, should that be torn
        self.failure = folder / "failure.json"  # why the last attempt failed

    def claim(self, generation: int) -> Path:
        """The claim file of that generation, counted from 1."""
        return self.folder / f"claim.{generation}.json"


class StudyPaths:
    """The folder of a study."""

    def __init__(self, root: Path) -> None:
        self.root = root  # as the user gave it, or absolute
        self.definition = root / _DEFINITION  # the resolved configuration
        # one row per model; once a model has started, only further models are appended
        self.population = root / "population.parquet"
        self.models = root / "models"  # above all run folders
        self.jobs = root / "jobs"  # the launchers' own files
        self.turn = self.jobs / "turn-to-change"  # who changes the study at this moment
        self.results = root / "results.parquet"  # the tidy table: derived, may be deleted at any time
        self.until = root / "until.json"  # which comparison the study is trained for, if it grows until that is decided
        self.timings = root / "timings.parquet"  # measured inference and training times of the models
        self.analysis = root / "analysis"  # tables, figures and report of this study alone

    def run(self, run_id: str) -> RunPaths:
        """The records of one run: `models/<first two characters>/<run_id>/`."""
        return RunPaths(self.models / run_id[:2] / run_id)

    def results_of(self, run_ids: Iterable[str]) -> list[str]:
        """`run(run_id).result` of each, as text: for 100,000 runs, many times faster than making the paths."""
        folder = str(self.models)
        return [f"{folder}/{run_id[:2]}/{run_id}/{_RESULT}" for run_id in run_ids]


def study_folders(folder: Path) -> list[Path]:
    """The folders of the studies that lie in a folder, by name."""
    return sorted(path.parent for path in folder.glob(f"*/{_DEFINITION}"))
