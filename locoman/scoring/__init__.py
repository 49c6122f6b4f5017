"""Is an answer right: one scorer per file and one registry."""
