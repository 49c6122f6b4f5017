"""locoman: one small base model, every subject a LoRA adapter, on a classroom's laptops."""

__version__ = "0.1.0"
