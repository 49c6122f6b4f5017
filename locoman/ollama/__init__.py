"""The base and its adapters inside Ollama."""
