"""Go templates for Ollama, one TOML file per way of writing prompts; see `locoman.ollama.template_family`.

Which one a base needs is found by `locoman.ollama.choose_template`, from its own chat template and from nothing else.
"""

FAMILIES = (
    "chatml",
    "qwen3",
    "qwen2.5",
    "qwen2",
    "smollm2",
    "llama-3.2",
    "llama-3.1",
    "llama-3",
    "mistral-v0.3",
    "gemma3",
    "gemma2",
    "phi3",
)
