"""Ways to bring a base's GGUF to this machine: one provider per file."""
