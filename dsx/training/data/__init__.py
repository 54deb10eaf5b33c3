"""Data sets: where their files lie, reading, splitting, augmenting, and batches for the trainer."""
