"""Benchmarks: each prints a table and writes JSON in the form that docs/benchmarks.md describes."""
