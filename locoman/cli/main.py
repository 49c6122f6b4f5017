"""The `locoman` command: a table of contents. Each command's module is imported when the command is used."""

from __future__ import annotations

from locoman.cli.lazy import Entry, LazyGroup
from locoman.cli.run import run

COMMANDS = (
    Entry("install", "locoman.cli.install", "Install a base model and its adapters."),
    Entry("ask", "locoman.cli.ask", "Ask a question; the right adapter answers."),
    Entry("chat", "locoman.cli.chat", "Hold a conversation."),
    Entry("route", "locoman.cli.route", "Say which adapter would answer, without asking it."),
    Entry("convert", "locoman.cli.convert", "Convert a Hugging Face checkpoint, or a PEFT adapter, to GGUF."),
    Entry("quantize", "locoman.cli.quantize", "Quantize a GGUF model, whole or in shards, to another type."),
    Entry("merge", "locoman.cli.merge", "Merge a LoRA adapter into a model."),
    Entry("gguf", "locoman.cli.gguf", "Show, verify and compare GGUF files."),
    Entry("modelfile", "locoman.cli.modelfile", "Show, write and check Modelfiles, from which Ollama makes models."),
