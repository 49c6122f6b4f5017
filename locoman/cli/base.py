"""locoman base"""

from __future__ import annotations

from typing import Any

import click

from locoman.app import App
from locoman.catalog.spec import BaseSpec
from locoman.cli.command import command as make
from locoman.cli.command import group
from locoman.cli.output import Output
from locoman.errors import megabytes
from locoman.names import BaseRef
from locoman.store.registry import InstalledBase, Registry
from locoman.workflows.activate import use_base

command = group("base", "List, show and choose base models.")


@make("list", into=command)
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


@make("show", into=command)
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


@make("use", into=command)
@click.argument("name")
def use(app: App, out: Output, name: str) -> None:
    """Make an installed base the one that answers.

    \b
    Example:
      locoman base use loco-tiny
    """
    base = use_base(app.home, BaseRef.parse(name))
    out.result({"base": base.name}, lambda: out.line(f"{base.name} answers from now on."))


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
