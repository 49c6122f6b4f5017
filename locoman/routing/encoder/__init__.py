"""all-MiniLM-L6-v2 in plain numpy: sentences that mean alike become vectors that point alike."""
