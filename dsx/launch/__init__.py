"""Starting the training of studies: launchers, the worker they all run, and what is said of failures."""
