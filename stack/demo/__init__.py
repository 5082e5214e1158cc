"""The demo catalogue: real cities, invented theatres, free movies with true facts, shows for two weeks."""

from stack.demo.load import LoadReport, load

__all__ = ["LoadReport", "load"]
