"""Benchmarks: each prints a table and writes JSON, as :mod:`bench.report` does it."""
