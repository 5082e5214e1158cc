"""Load and latency measurements: ``./matinee bench NAME``; see docs/benchmarks.md."""
