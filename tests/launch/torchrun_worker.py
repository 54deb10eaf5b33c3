"""What torchrun starts in the tests: `torchrun … torchrun_worker.py STUDY`, as a job with several devices."""

from __future__ import annotations

import os
import sys

from dsx.launch.slurm import ranks
from dsx.launch.worker import WorkSettings, work
from dsx.study.study import open_study


def last_fails(architecture, recipe, **options):
    """The real trainer, until something happens to rank 1 alone in the second epoch of the study's last run."""
    from dsx.training.trainer import train

    steps = iter(range(1, 10**9))
    unlucky = options["folder"].name == os.environ["UNLUCKY_RUN"] and os.environ["RANK"] == "1"

    def should_stop():
        if unlucky and next(steps) == 30:
            raise RuntimeError("the device has fallen off the bus")
        return False

    return train(architecture, recipe, **options | {"should_stop": should_stop})


def main():
    """Rank 0 works, the others follow."""
    study, trainer = open_study(sys.argv[1]), "torchrun_worker:last_fails"
    if ranks.rank() > 0:
        ranks.follow(study, trainer, "cpu", 1, lambda: False)
        return
    run_ids = [run.run_id for run in study.runs()]
    work(study.path, run_ids, WorkSettings(device="cpu", threads=1, trainer=ranks.leading(trainer, study)))
    ranks.dismiss()


if __name__ == "__main__":
    main()
