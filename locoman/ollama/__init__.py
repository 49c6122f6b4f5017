"""The base inside Ollama: its API, capabilities and files."""
