"""A launcher that another package adds: the whole of the package, to be written where a test wants it."""

from __future__ import annotations

from pathlib import Path

from packages import add_package

# one module, and the line of its entry point
SHELF = '''
from typing import Literal

from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.pending import check_studies, limited, pending_runs
from dsx.launch.worker import WorkSettings, work


class ShelfLauncher(Launcher):
    """Trains here, one after another, and keeps a list of what it did in the study's jobs folder."""

    kind: Literal["shelf"] = "shelf"
    boards: int = 1

    def check(self, studies, options):
        check_studies(studies, options)

    def preview(self, studies, options):
        check_studies(studies, options)
        return Preview(self.boards, f"on {self.boards} boards")

    def launch(self, studies, options):
        check_studies(studies, options)
        counts = {}
        settings = WorkSettings("cpu", 1, options.retry, options.trainer)
        for run in limited(pending_runs(studies, options), options):
            for outcome in work(run.study.path, [run.run_id], settings):
                counts[outcome.what] = counts.get(outcome.what, 0) + 1
        for study in studies:
            study.paths.jobs.mkdir(exist_ok=True)
            (study.paths.jobs / "shelf").write_text(str(counts))
        return Launched(counts, lines=("put on the shelf",))

    @classmethod
    def status(cls, study):
        place = study.paths.jobs / "shelf"
        return [f"  shelf: {place.read_text()}"] if place.exists() else []

    @classmethod
    def cancel(cls, study):
        return 0 if (study.paths.jobs / "shelf").exists() else None
'''


def add_shelf(folder: Path, code: str = SHELF) -> Path:
    """What `pip install` leaves of that package."""
    return add_package(folder, "shelf_launcher", code, "dsx.launchers", "shelf = shelf_launcher:ShelfLauncher")
