"""The model families that can be converted, each a data file beside this one."""

FAMILIES: dict[str, str] = {
    "qwen3": "qwen3.toml",
}
"""general.architecture of the GGUF -> its file."""
