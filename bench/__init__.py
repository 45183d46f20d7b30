"""Benchmarks: each prints a table and writes JSON in the form that :mod:`bench.report` describes."""
