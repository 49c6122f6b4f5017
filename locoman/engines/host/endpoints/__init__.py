"""What can be asked over HTTP: one file per dialect, and one for locoman's own commands."""
