"""Trains an adapter from its package: plan, train, write the package, evaluate it."""
