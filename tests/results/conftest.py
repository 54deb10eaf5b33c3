"""Results tables for the tests of states, readers and samples."""

from results_tables import mixed, table

__all__ = ["mixed", "table"]
