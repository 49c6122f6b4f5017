"""Adapters that were made elsewhere: one reader per kind, each of which says what it could find out, as a `Draft`."""
