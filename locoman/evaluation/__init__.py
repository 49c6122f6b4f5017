"""Suites, the runner and its statistics."""
