"""What a training is, as data. Nothing here imports torch."""
