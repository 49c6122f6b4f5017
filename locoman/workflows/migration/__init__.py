"""The yearly change of base: announced, checked, prepared, applied, taken back or retired."""
