"""The bytes: GGUF, safetensors, architectures, tokenizers, LoRA, fingerprints."""
