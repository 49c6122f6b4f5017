"""locoman base list, show, use, remove"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from locoman.app import App
from locoman.catalog.spec import BaseSpec
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.cli.remove import carry_out
from locoman.names import BaseRef
from locoman.sizes import megabytes
from locoman.store.registry import InstalledBase, Registry
from locoman.workflows.activate import UsePlan, plan_use, use_base
from locoman.workflows.remove import plan_remove_base


@make("list")
def list_(app: App, out: Output) -> None:
    """List the bases that can be installed, and those that are.

    \b
    Example:
      locoman base list
    """
    registry = app.registry()
    specs = app.shelf.specs()
    rows = [
        (s.ref.name, _state(s, registry), s.spec.status, megabytes(s.spec.runtime.disk_bytes or s.spec.runtime.download_bytes),
         megabytes(s.spec.runtime.memory_bytes), s.spec.licence)
        for s in specs
    ]  # fmt: skip
    out.result(
        {"bases": [_describe(spec, registry) for spec in specs]},
        lambda: out.table(("BASE", "STATE", "STATUS", "DISK", "MEMORY", "LICENCE"), rows),
    )


@make("show")
@click.argument("name")
def show(app: App, out: Output, name: str) -> None:
    """Show what is known of a base.

    \b
    Example:
      locoman base show loco-tiny
    """
    spec = app.shelf.spec(BaseRef.parse(name))
    document = _describe(spec, app.registry())
    out.result(document, lambda: out.lines(f"{key:<16}  {_text(value)}" for key, value in document.items()))


@make("use")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would change and stop.")
def use(app: App, out: Output, name: str, dry_run: bool) -> None:
    """Make an installed base the one that answers.

    Models that locoman made of other bases in Ollama stay there.

    \b
    Examples:
      locoman base use loco-tiny --dry-run
      locoman base use loco-tiny
    """
    plan = plan_use(app.home, BaseRef.parse(name))
    document = {
        "base": plan.base, "before": plan.before, "used": not dry_run, "adapters": list(plan.adapters),
        "models": list(plan.models), "not_in_ollama": list(plan.missing),
    }  # fmt: skip
    if not dry_run:
        use_base(app.home, BaseRef.parse(name))
    out.result(document, lambda: out.lines(_use_lines(plan, dry_run)))


@make("remove")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would go and stop.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(app: App, out: Output, name: str, dry_run: bool, yes: bool) -> None:
    """Remove a base with its adapters, and the models that locoman made of them in Ollama.

    A base that somebody else pulled stays in Ollama.

    \b
    Example:
      locoman base remove loco-tiny --dry-run
    """
    plan = plan_remove_base(app.home, BaseRef.parse(name))
    carry_out(app, out, (plan,), name, dry_run=dry_run, yes=yes)


def _use_lines(plan: UsePlan, dry_run: bool) -> Iterator[str]:
    if plan.base == plan.before:
        yield f"{plan.base} answers already."
    else:
        yield f"{plan.base} {'would answer' if dry_run else 'answers from now on'}, in place of {plan.before or 'none'}."
    yield f"Adapters  {', '.join(plan.adapters) or 'none'}"
    if plan.models:
        yield f"Ollama    {', '.join(plan.models)}"
    if plan.missing:
        yield f"          not in Ollama: {', '.join(plan.missing)}  (locoman sync)"


def _state(spec: BaseSpec, registry: Registry) -> str:
    if registry.find_base(spec.ref.name) is None:
        return "available"
    return "in use" if registry.base == spec.ref.name else "installed"


def _describe(spec: BaseSpec, registry: Registry) -> dict[str, Any]:
    installed: InstalledBase | None = registry.find_base(spec.ref.name)
    return {
        "name": spec.ref.name,
        "title": spec.spec.title,
        "state": _state(spec, registry),
        "status": spec.spec.status,
        "academic_year": spec.spec.academic_year,
        "architecture": spec.spec.architecture,
        "parameters": spec.spec.parameter_count,
        "licence": spec.spec.licence,
        "ollama_tag": spec.spec.ollama.tag if spec.spec.ollama else None,
        "context": spec.spec.runtime.context,
        "download_bytes": spec.spec.runtime.download_bytes,
        "disk_bytes": spec.spec.runtime.disk_bytes,
        "memory_bytes": spec.spec.runtime.memory_bytes,
        "file": installed.gguf if installed else None,
        "origin": installed.origin if installed else None,
        "sha256": installed.sha256 if installed else None,
        "adapters": sorted(installed.active.values()) if installed else [],
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
