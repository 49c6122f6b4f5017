"""Which adapter answers: stages, calibration, cascade."""
