"""Launching on a SLURM cluster: `SlurmLauncher`, and what its jobs do."""
