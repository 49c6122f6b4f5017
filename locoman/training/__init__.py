"""LoRA training with peft; torch is imported on use only."""
