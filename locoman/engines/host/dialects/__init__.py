"""The languages that clients speak: what their requests mean and how answers are written. No HTTP in here."""
