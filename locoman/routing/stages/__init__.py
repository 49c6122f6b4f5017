"""The stages of the router, one per file, behind the Protocol in `stage`."""
