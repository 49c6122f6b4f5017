"""What can be installed: base specs, adapter packages and where they come from."""
