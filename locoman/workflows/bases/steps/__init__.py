"""The steps of an evaluation that try a base out, one per file."""
