"""Fixtures of the fault tests."""

from tests.fixtures.fault_figures import fault_figures

__all__ = ["fault_figures"]
