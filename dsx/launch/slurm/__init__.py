"""Launching on a SLURM cluster: `submit`, `status`, `cancel`."""
