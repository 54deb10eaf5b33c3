"""What one SLURM job does: train its runs until they are done, its time is up, or it is told to stop.

A job that is out of time (USR1, USR2, or its own clock) saves and requeues itself; SIGTERM only saves.
State is found by run id in the study's folder, so the same job may start again anywhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Collection

from dsx.base import files
from dsx.base.errors import StudyError
from dsx.launch.local.launcher import LocalLauncher
from dsx.launch.options import LaunchOptions
from dsx.launch.slurm import client, ranks, submitit_private
from dsx.launch.slurm.client import SlurmError
from dsx.launch.slurm.profile import Profile
from dsx.launch.slurm.submissions import Submission, Submissions
from dsx.launch.worker import Outcome, WorkSettings, work
from dsx.study.study import Study, open_study
from dsx.training.allocator import keep_freed_memory

# a network file system may show a record to a node some time after it was written
_PATIENCE_S = 30.0


class Stop:
    """Why the job is to stop, if it is. requeue: to go on in another life of the job. terminated: got SIGTERM."""

    def __init__(self, deadline: float) -> None:
        self.why = ""
        self.requeue = False
        self.terminated = False
        self._deadline = deadline

    def __call__(self) -> bool:
        """Polled at every step."""
        if not self.why and time.time() > self._deadline:
            self.now("its time is nearly up", requeue=True)
        return bool(self.why)

    def now(self, why: str, *, requeue: bool) -> None:
        """Stop. A reason not to requeue outweighs one to requeue."""
        self.requeue = requeue and (self.requeue or not self.why)
        self.why = self.why or why

    def listen(self) -> None:
        """Take over the signals; submitit's own handlers misjudge short time limits."""

        def out_of_time(number: int, _frame: object) -> None:
            self.now(f"got {signal.Signals(number).name}", requeue=True)

        def terminate(number: int, _frame: object) -> None:
            self.terminated = True
            self.now(f"got {signal.Signals(number).name}", requeue=False)

        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, out_of_time)
        signal.signal(signal.SIGTERM, terminate)


class ArrayTask:
    """The callable that submitit pickles: three names, no state."""

    def __init__(self, study_path: str, submission: str, index: int) -> None:
        self.study_path, self.submission, self.index = study_path, submission, index

    def __call__(self) -> dict[str, int]:
        """Train; the counts of what became of the runs. Requeues its job if there is more to do."""
        began = time.time()
        submitit_private.forget_torn_result()
        submission = self._read()
        profile = Profile.from_dict(submission.profile)
        stop = Stop(began + profile.timeout_min * 60 - profile.saving_s)
        stop.listen()
        study = open_study(self.study_path)
        training = _JobTraining(study, submission, profile, stop)
        print(f"{submission.name} task {self.index}: {len(submission.tasks[self.index])} runs", flush=True)
        if profile.processes > 1:
            ranks.export()
            if ranks.rank() > 0:
                ranks.follow(study, submission.trainer, training.device, training.threads, stop)
                return {}
        outcomes = training.train(submission.tasks[self.index])
        if not stop():
            outcomes += training.train(self._leftover(study, submission))
        if profile.processes > 1:
            ranks.dismiss()
        counts = dict(Counter(outcome.what for outcome in outcomes))
        print(f"{counts} {stop.why}", flush=True)
        if stop.requeue and profile.requeue:
            requeue_this_job(stop)
        return counts

    def checkpoint(self) -> object:
        """submitit's interface: called again, it goes on from what the folder holds."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _read(self) -> Submission:
        submissions = Submissions(open_study(self.study_path).paths)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            submission = submissions.read(self.submission)
            if submission is not None and self.index < len(submission.tasks):
                return submission
            time.sleep(1)
        raise StudyError(f"{submissions.path(self.submission)}: no record of this job; does the node see the folder?")

    def _leftover(self, study: Study, submission: Submission) -> list[str]:
        data, _ = files.load_json(Submissions(study.paths).leftover_path(submission.launch))
        return list(data["run_ids"]) if data else []


class _JobTraining:
    """How this job trains."""

    def __init__(self, study: Study, submission: Submission, profile: Profile, stop: Stop) -> None:
        self.study, self.submission, self.profile, self.stop = study, submission, profile, stop
        self.device = profile.device or ("cuda" if profile.gpus_per_model else "cpu")
        self.threads = None if self.device == "cuda" else profile.cpus

    def train(self, run_ids: Collection[str]) -> list[Outcome]:
        """One after another in this process, or several at a time in processes that share the GPU."""
        if not run_ids:
            return []
        if self.profile.models_per_gpu > 1:
            return self._train_together(frozenset(run_ids))
        keep_freed_memory()
        trainer = self.submission.trainer
        leading = ranks.leading(trainer, self.study) if self.profile.processes > 1 else trainer
        settings = WorkSettings(self.device, self.threads, self.submission.retry, leading)
        return work(self.study.path, run_ids, settings, should_stop=self.stop, on_outcome=self._note)

    def _train_together(self, run_ids: frozenset[str]) -> list[Outcome]:
        workers = self.profile.models_per_gpu
        launcher = LocalLauncher(
            models_per_gpu=workers, workers=workers if self.device == "cpu" else None, threads=self.threads
        )
        options = LaunchOptions(
            device=self.device,
            retry=tuple(self.submission.retry),
            trainer=self.submission.trainer,
            run_ids=run_ids,
            should_stop=self.stop,
        )
        launched = launcher.launch([self.study], options)
        for _, failure in launched.failed:
            self._note(Outcome(failure.run_id, "failed", failure))
        return [Outcome("", what) for what, count in launched.counts.items() for _ in range(count)]

    def _note(self, outcome: Outcome) -> None:
        """Count failures; after too many, the launch is hopeless. One failed rank leaves the others waiting for it."""
        print(f"{outcome.run_id} {outcome.what}", flush=True)
        if outcome.failure is None:
            return
        print(f"  {outcome.failure.kind}: {outcome.failure.message}", file=sys.stderr, flush=True)
        submissions = Submissions(self.study.paths)
        folder = submissions.failed_folder(self.submission.launch)
        folder.mkdir(exist_ok=True)
        (folder / outcome.run_id).touch()
        most = self.submission.max_failures
        if most is not None and len(os.listdir(folder)) > most:
            self.stop.now(f"more than {most} models failed", requeue=False)
            names = [name for name in submissions.names() if self.submission.launch in name]
            with contextlib.suppress(SlurmError):
                client.cancel(names)
        elif self.profile.processes > 1:
            requeue_this_job(self.stop)
            sys.exit(1)


def requeue_this_job(stop: Stop) -> None:
    """Back into the queue; if the controller does not answer, launching again resumes all the same."""
    array, job = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_JOB_ID", "")
    # the id of an array's last task is that of the whole array, which must not be requeued
    name = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else job
    if not name:
        return
    for attempt in range(3):
        try:
            client.requeue(name)
            break
        except SlurmError as error:
            print(error, file=sys.stderr, flush=True)
            time.sleep(2 * attempt + 1)
    # the controller ends this process; ending well before that would complete the job
    deadline = time.monotonic() + 10
    while not stop.terminated and time.monotonic() < deadline:
        time.sleep(0.1)
