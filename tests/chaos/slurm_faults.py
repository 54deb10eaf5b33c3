"""Faults of a four-node SLURM while it trains a study: nodes, requeues, signals, cancels, controller, database."""

from __future__ import annotations

import random
from pathlib import Path

import test_cluster as cluster_tests
from cluster import FOLDER, Cluster, missing
from tally import Tally

from dsx.study.study import open_study

from standins import expected_error, make_study, slurm_profile, trainings


def slurm_faults(faults: int, folder: Path, seed: int = 4) -> Tally:
    """So many faults, one for each study of 16 models, in random order; the cluster is started and stopped here."""
    tally, dice = Tally("fault of a four-node SLURM"), random.Random(seed)
    reason = missing()
    if reason or not faults:
        tally.remarks.append(f"SLURM: not run: {reason or 'no fault asked for'}")
        return tally
    cluster = Cluster(FOLDER)
    cluster.up()
    import os

    os.environ["SLURM_CONF"] = str(cluster.conf)
    kinds = [fault for fault in cluster_tests.FAULTS for _ in range(-(-faults // len(cluster_tests.FAULTS)))]
    try:
        for number, fault in enumerate(dice.sample(kinds, faults)):
            study = make_study(folder / f"slurm{number}", n=16, seed=number)
            profile = slurm_profile(models_per_job=4)
            tally.trials += 1
            try:
                cluster_tests.begin(study, profile)
                fault(study, cluster)
                cluster_tests.finish(study, cluster, profile)
            except AssertionError as error:
                tally.hangs += 1
                tally.remarks.append(f"SLURM: {fault.__name__}: {str(error)[:300]}")
            finally:
                if fault is cluster_tests.stop_accounting:
                    cluster.start_slurmdbd()
                if fault is cluster_tests.restart_the_controller:
                    cluster.restart_nodes()
            table = open_study(study.path).results()
            expected = [expected_error(run.model_id, run.seed) for run in study.runs()]
            finished = trainings(study)
            tally.models += len(table)
            tally.lost += int((table["state"] != "done").sum())
            tally.twice += len(finished) - len(set(finished))
            pairs = zip(table["error"], expected, strict=True)
            tally.differing += sum(error == error and error != right for error, right in pairs)
    finally:
        cluster.down()
    return tally
