"""Choosing a base: what it must have, what is preferred, what was measured, and which candidate is better by what evidence."""
