"""What every package stands on: errors, checked objects, files, units, text. Knows nothing of networks."""
