"""The tidy table of results, and readers of other people's."""
