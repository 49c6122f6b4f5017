"""Training of LoRA adapters; torch is imported on use only (extra `train`)."""
