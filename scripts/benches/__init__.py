"""Benchmarks: one module each, with `run(arguments) -> Iterator[Figure]`."""
