"""What benchmarks and tests share: callers, lines, recordings, scripted engines, virtual time."""
