"""The launcher of a SLURM cluster: submits arrays of jobs and returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from dsx.base.errors import DsxError
from dsx.base.text import plural
from dsx.launch.launcher import Launched, Launcher, Preview
from dsx.launch.options import LaunchOptions
from dsx.launch.pending import check_studies, wanted
from dsx.launch.slurm import client
from dsx.launch.slurm.last import submit_last
from dsx.launch.slurm.profile import Multiple, Profile, split_multiples
from dsx.launch.slurm.status import jobs
from dsx.launch.slurm.submissions import Submissions
from dsx.launch.slurm.submit import cancel, preview, submit
from dsx.recipes.own import OwnRecipe
from dsx.study.study import Study


class SlurmLauncher(Launcher):
    """`kind: slurm`; every other key is the profile's. multiples: of what the last submission asked for (`2x`)."""

    kind: Literal["slurm"] = "slurm"
    profile: Profile = Profile()
    multiples: dict[str, Multiple] = Field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> SlurmLauncher:
        """From what a profile's file says, with multiples. Raises DefinitionError."""
        plain, multiples = split_multiples(data)
        return cls(profile=Profile.from_dict(plain, where), multiples=multiples)

    def check(self, studies: Sequence[Study], options: LaunchOptions) -> None:
        """The data is not looked at: a cluster's nodes may see folders that this machine does not."""
        check_studies(studies, options)
        profile = self.resolved(studies)
        for study in studies:
            if profile.processes > 1 and isinstance(study.recipe, OwnRecipe):
                raise DsxError(
                    f"recipe {study.recipe.name} runs as one process per model, and the profile has gpus_per_model"
                    f" {profile.gpus_per_model} in {profile.processes} processes: let the program start them (torchrun)"
                )
        client.limits()

    def preview(self, studies: Sequence[Study], options: LaunchOptions) -> Preview:
        profile = self.resolved(studies)
        check_studies(studies, options)
        runs = sum(len(wanted(study.scan(), options)) for study in studies)
        at_once = min(profile.max_jobs, -(-runs // (profile.models_per_job * profile.models_per_gpu))) or 1
        return Preview(
            at_once * profile.models_per_gpu,
            f"in {plural(at_once, 'job')} at a time, if nodes are as fast as this machine",
            tuple(
                f"{entry.sentence()}   (script: {entry.study / 'jobs' / 'preview.sh'})"
                for entry in preview(studies, profile, options)
            ),
        )

    def launch(self, studies: Sequence[Study], options: LaunchOptions) -> Launched:
        submitted = submit(studies, self.resolved(studies), options)
        return Launched(
            lines=tuple(entry.sentence() for entry in submitted), submitted=sum(entry.runs for entry in submitted)
        )

    def afterwards(self, studies: Sequence[Study], words: Sequence[str]) -> str:
        job_id = submit_last(studies, self.resolved(studies), words)
        return f"dsx {' '.join(words)}: runs when all of them have ended, as job {job_id}"

    @classmethod
    def status(cls, study: Study) -> list[str]:
        return jobs(study).lines()

    @classmethod
    def cancel(cls, study: Study) -> int | None:
        return cancel(study)

    def resolved(self, studies: Sequence[Study]) -> Profile:
        """The profile in numbers: multiples are of the latest submission of these studies.

        Raises DefinitionError if there is nothing to multiply, and DsxError for a path that SLURM would misread.
        """
        for place in (study.path.resolve() for study in studies):
            if "%" in str(place):
                raise DsxError(
                    f"{place}: the path has a %, which SLURM takes for a pattern in names of log files: rename that"
                    " folder, or sample into another one"
                )
        last = max(filter(None, (Submissions(s.paths).last() for s in studies)), key=lambda s: s.time, default=None)
        return self.profile.scaled(self.multiples, last.profile if last else {})
