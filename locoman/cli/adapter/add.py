"""locoman adapter add"""

from __future__ import annotations

import click

from locoman.app import App
from locoman.cli.adapter.plans import carry_out
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.names import AdapterRef, BaseRef
from locoman.workflows.add_anything import plan_anything
from locoman.workflows.importing.draft import ImportOptions
from locoman.workflows.importing.understand import understand
from locoman.workflows.offers import ask_sources


@make("add")
@click.argument("names", nargs=-1, required=True, metavar="NAME[@VERSION]|PATH|ollama:MODEL...")
@click.option("--from", "sources", multiple=True, metavar="FOLDER|URL|BUNDLE", help="Only this source (repeatable).")
@click.option("--base", metavar="NAME", help="The base to add it to (default: its own, else the one in use).")
@click.option("--name", metavar="NAME[@VERSION]", help="What it shall be called, where it does not say itself.")
@click.option("--domain", metavar="DOMAIN", default="", help="What it is for, where it does not say itself.")
@click.option("--description", metavar="TEXT", default="", help="What it does, in a sentence.")
@click.option("--licence", metavar="NAME", default="", help="Its licence, e.g. Apache-2.0.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def add(
    app: App, out: Output, names: tuple[str, ...], sources: tuple[str, ...], base: str | None, name: str | None,
    domain: str, description: str, licence: str, dry_run: bool,
) -> None:  # fmt: skip
    """Add adapters by their names, or one that was made elsewhere.

    Names are looked for in the known sources, or in those behind --from. A PATH may be a package (a folder or a zip file), a
    bundle, PEFT files, a LoRA in GGUF, a Modelfile or a LocoLLM adapter; ollama:MODEL is a model in Ollama that was made
    with an adapter. Versions stand side by side; the one added last answers.

    \b
    Examples:
      locoman adapter add words
      locoman adapter add words@1.0.0 --from https://adapters.example.org/index.json
      locoman adapter add ./my-adapter
      locoman adapter add ./lora.gguf --name poems --domain writing --base qwen3-4b-instruct
      locoman adapter add ollama:my-poems --domain writing
    """
    ref = AdapterRef.parse(name) if name else None
    options = ImportOptions(ref, BaseRef.parse(base) if base else None, domain, description, licence)
    with out.stages() as stages:
        plan, notes = plan_anything(
            app.home, names, options, lambda: ask_sources(app.sources(sources)),
            lambda text: understand(
                text, options, home=app.home, shelf=app.shelf, ollama_url=app.ollama_url, stages=stages
            ),
        )  # fmt: skip
    for note in notes:
        out.note(f"Note      {note}")
    carry_out(app, out, plan, dry_run=dry_run, nothing=f"{', '.join(names)}: installed already, and answering.")
