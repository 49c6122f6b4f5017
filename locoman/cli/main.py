"""The `locoman` command: a table of contents. Each command's module is imported when the command is used."""

from __future__ import annotations

from locoman.cli.lazy import Entry, LazyGroup
from locoman.cli.run import run

COMMANDS = (
    Entry("install", "locoman.cli.install", "Install a base model and its adapters."),
    Entry("ask", "locoman.cli.ask", "Ask a question; the right adapter answers."),
    Entry("chat", "locoman.cli.chat", "Hold a conversation."),
    Entry("route", "locoman.cli.route", "Say which adapter would answer, without asking it."),
    Entry("router", "locoman.cli.router", "Fit, teach, look at and measure the router."),
    Entry("convert", "locoman.cli.convert", "Convert a Hugging Face checkpoint, or a PEFT adapter, to GGUF."),
    Entry("quantize", "locoman.cli.quantize", "Quantize a GGUF model, whole or in shards, to another type."),
    Entry("merge", "locoman.cli.merge", "Merge a LoRA adapter into a model."),
    Entry("gguf", "locoman.cli.gguf", "Show, verify, compare and identify GGUF files."),
    Entry("update", "locoman.cli.adapter.update", "Bring adapters to their newest versions."),
    Entry("modelfile", "locoman.cli.modelfile", "Show, write and check Modelfiles, from which Ollama makes models."),
    Entry("remove", "locoman.cli.remove", "Remove adapters or a base."),
    Entry("sync", "locoman.cli.sync", "Bring the adapters into Ollama as models, and keep them in step."),
    Entry("status", "locoman.cli.status", "Compare what is installed with what Ollama has."),
    Entry("serve", "locoman.cli.serve", "Answer OpenAI and Ollama clients in the foreground."),
    Entry("ps", "locoman.cli.ps", "Show what is in memory."),
    Entry("stop", "locoman.cli.stop", "Stop the host and free its memory."),
    Entry("doctor", "locoman.cli.doctor", "Check this installation and say how to mend it."),
    Entry("config", "locoman.cli.config", "Show and change settings."),
    Entry("completion", "locoman.cli.completion", "Print a shell's completion script."),
    Entry("base", "locoman.cli.base", "List, add, compare, evaluate, choose and remove base models."),
    Entry("adapter", "locoman.cli.adapter", "Find, add, update and choose adapters, and make your own."),
    Entry("eval", "locoman.cli.evaluate", "Evaluate adapters and bases, and compare what came of it."),
    Entry("migrate", "locoman.cli.migrate", "Change the standard base once a year: planned, proven, reversible."),
    Entry("bundle", "locoman.cli.bundle", "Carry a base and its adapters to machines without a network."),
    Entry("host", "locoman.cli.host", "Run this home's host (started by ask when needed).", hidden=True),
)

cli = LazyGroup(
    "locoman",
    COMMANDS,
    help="""One small base model, every subject an adapter, on your own laptop.

    \b
    Examples:
      locoman install                     install the standard base and its adapters
      locoman install --base loco-tiny    a tiny base that works with no network
      locoman ask "What is 17 + 25?"      ask; the right adapter answers
      locoman chat                        hold a conversation
    """,
)


def main() -> None:
    """Runs the command line and exits with its code."""
    run(cli)
