"""Results tables for the tests of the statistics."""

from results_tables import MakeTable, make_table, mixed, table

__all__ = ["MakeTable", "make_table", "mixed", "table"]
