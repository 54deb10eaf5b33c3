"""One file a command: each returns a value, which the command line prints."""
