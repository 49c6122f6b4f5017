"""The model families that can be converted, each a data file beside this one."""

FAMILIES: dict[str, str] = {
    "gemma2": "gemma2.toml",
    "gemma3": "gemma3.toml",
    "llama": "llama.toml",
    "phi3": "phi3.toml",
    "qwen2": "qwen2.toml",
    "qwen3": "qwen3.toml",
}
"""general.architecture of the GGUF -> its file."""
