"""Training on this machine: `LocalLauncher` and its worker processes."""
