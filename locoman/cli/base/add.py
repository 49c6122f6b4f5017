"""locoman base add"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from msgspec import to_builtins

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.sizes import megabytes

if TYPE_CHECKING:
    from locoman.workflows.bases.add import AddPlan


@make("add")
@click.argument("source", metavar="REPO|FOLDER")
@click.option("--name", default="", help="What to call it. Default: as its folder or repository.")
@click.option("--licence", default="", metavar="NAME", help="Its licence, where its files do not tell.")
@click.option("--to", "quantization", default="", metavar="TYPE", help="How it is quantized when it is converted.")
@click.option("--context", type=click.IntRange(64), default=None, metavar="TOKENS", help="Context it is run with.")
@click.option("--revision", default="main", show_default=True, help="Of the repository.")
@click.option("--gguf", default="", metavar="OWNER/NAME:FILE", help="A ready GGUF on the hub.")
@click.option("--ollama", default="", metavar="TAG", help="Its tag in Ollama's library.")
@click.option("--probe/--no-probe", default=None, help="Ask it whether it answers and stops. Default: a small folder.")
@click.option("--bare", is_flag=True, help="Take a bare base too, as a candidate that can never be the standard.")
@click.option("--dry-run", is_flag=True, help="Show the spec and stop.")
def add(app: App, out: Output, source: str, context: int | None, dry_run: bool, **chosen: Any) -> None:
    """Add a base: write the spec of a checkpoint folder, or of a repository on the hub.

    The files tell its architecture, size, context, chat template and licence, and whether it is an instruct model: by the
    chat template, by the token that ends a turn, and by asking it. A bare base is refused. What nobody tells is named.

    \b
    Examples:
      locoman base add Qwen/Qwen3-1.7B --dry-run
      locoman base add ./my-checkpoint --name my-base --licence Apache-2.0
    """
    from locoman.workflows.bases.add import AddOptions, add_base, plan_add

    options = AddOptions(context=context or 0, **chosen)
    with out.stages() as stages:
        bench = app.bench(stages)
        plan = plan_add(bench, source, options)
        if not dry_run:
            spec, plan = add_base(bench, plan, options)
    document = {
        "added": not dry_run, "name": plan.spec.name, "path": None if dry_run else str(spec.path),
        "kind": plan.spec.kind or None, "signals": [to_builtins(signal) for signal in plan.signals],
        "unknown": list(plan.unknown), "spec": to_builtins(plan.spec),
    }  # fmt: skip
    out.result(document, lambda: out.lines(_lines(plan, dry_run)))


def _lines(plan: AddPlan, dry_run: bool) -> Iterator[str]:
    spec = plan.spec
    yield f"{spec.name} {'would be added' if dry_run else 'is added'} as a candidate ({spec.title})."
    yield f"  {spec.architecture}, {spec.parameter_count:,} parameters, licence {spec.licence}"
    runtime, kinds = spec.runtime, {"instruct": "an instruct model", "base": "a bare base"}
    yield f"  {megabytes(runtime.disk_bytes)} as {runtime.quantization}, {megabytes(runtime.memory_bytes)} in memory"
    yield f"  {runtime.context:,} tokens of context"
    yield f"  {kinds.get(spec.kind, 'instruct or bare base: not known')}"
    yield from (f"    {signal.name}: {signal.detail}" for signal in plan.signals)
    if dry_run and plan.probe:
        yield "    probe: it would be asked whether it answers and stops"
    yield from (f"  Not known: {each}" for each in plan.unknown)
    if not dry_run:
        yield f"Next: locoman base evaluate {spec.name}"
