"""Bundles: one file with a base and its adapters, made on one machine and installed on many without a network."""
