"""What scripts/demo shows. Plain Python: what it needs is installed beside it, not into the interpreter that runs it."""
