"""How loco-tiny and its adapters are made: generated texts, a tokenizer, a small pretraining, LoRA packages."""
