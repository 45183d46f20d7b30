"""Benchmarks: each prints a table and writes JSON, as :mod:`harness.report` does it."""
