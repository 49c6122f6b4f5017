"""locoman adapter list, show, activate, rollback"""

from __future__ import annotations

from typing import Any

import click

from locoman.app import App
from locoman.catalog.manifest import AdapterPackage, Manifest, read_package
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.errors import UnknownName
from locoman.names import AdapterRef
from locoman.store.registry import InstalledAdapter, Registry
from locoman.workflows.activate import activate_adapter, roll_back

COLUMNS = ("ADAPTER", "STATE", "KIND", "BASE", "DESCRIPTION")


@make("list")
@click.option("--all", "-a", "everything", is_flag=True, help="Also those that could be installed, for every base.")
def list_(app: App, out: Output, everything: bool) -> None:
    """List the adapters of the base in use.

    \b
    Examples:
      locoman adapter list
      locoman adapter list --all
    """
    registry = app.registry()
    documents = _installed(app, registry, everything)
    if everything or not documents:
        have = {(d["name"], d["base"]) for d in documents}
        documents += [
            _describe(package.manifest, "available")
            for package in app.shelf.packages()
            if (package.manifest.name, package.manifest.base.name) not in have
        ]
    rows = [
        (f"{d['name']}@{d['version']}", d["state"], _label(d["kind"]), d["base"], d["description"]) for d in documents
    ]
    out.result({"adapters": documents}, lambda: out.table(COLUMNS, rows))


@make("show")
@click.argument("name")
def show(app: App, out: Output, name: str) -> None:
    """Show what an adapter is, where it comes from and how it must score.

    \b
    Example:
      locoman adapter show arithmetic
    """
    manifest, state = _find(app, AdapterRef.parse(name))
    document = _describe(manifest, state)
    out.result(document, lambda: out.lines(f"{key:<16}  {_text(value)}" for key, value in document.items()))


@make("activate")
@click.argument("name", metavar="NAME[@VERSION]")
def activate(app: App, out: Output, name: str) -> None:
    """Make an installed adapter answer for its domain.

    \b
    Example:
      locoman adapter activate arithmetic@1.0.0
    """
    adapter = activate_adapter(app.home, AdapterRef.parse(name))
    out.result(
        {"adapter": adapter.name, "version": adapter.version, "domain": adapter.domain},
        lambda: out.line(f"{adapter.ref} answers for {adapter.domain} from now on."),
    )


@make("rollback")
@click.argument("name")
def rollback(app: App, out: Output, name: str) -> None:
    """Let the version of an adapter answer that answered before.

    \b
    Example:
      locoman adapter update words && locoman adapter rollback words
    """
    adapter = roll_back(app.home, AdapterRef.parse(name).name)
    out.result(
        {"adapter": adapter.name, "version": adapter.version, "domain": adapter.domain},
        lambda: out.line(f"{adapter.ref} answers for {adapter.domain} again."),
    )


def _installed(app: App, registry: Registry, every_base: bool) -> list[dict[str, Any]]:
    wanted = registry.adapters if every_base or not registry.base else registry.adapters_of(registry.base)
    ordered = sorted(wanted, key=lambda a: (a.base, a.name, a.ref.version))
    return [_describe(_package(app, adapter).manifest, _state(registry, adapter)) for adapter in ordered]


def _package(app: App, adapter: InstalledAdapter) -> AdapterPackage:
    return read_package(app.home.root / adapter.package)


def _state(registry: Registry, adapter: InstalledAdapter) -> str:
    base = registry.find_base(adapter.base)
    return "active" if base and base.active.get(adapter.domain) == str(adapter.ref) else "installed"


def _find(app: App, ref: AdapterRef) -> tuple[Manifest, str]:
    """The installed adapter, else the one that could be installed. Raises UnknownName."""
    registry = app.registry()
    if registry.base:
        try:
            adapter = registry.find_adapter(registry.base, ref)
            return _package(app, adapter).manifest, _state(registry, adapter)
        except UnknownName:
            pass
    package = app.shelf.package(ref.name, app.shelf.standard().ref)
    if ref.version is not None and package.manifest.ref != ref:
        raise UnknownName("adapter", str(ref), [str(package.manifest.ref)])
    return package.manifest, "available"


def _label(kind: str) -> str:
    return "prompt-only" if kind == "prompt" else kind


def _describe(manifest: Manifest, state: str) -> dict[str, Any]:
    gate = manifest.gate
    asks = (
        "none: it came without an evaluation set"
        if not gate.minimum_cases
        else f"{gate.minimum_score:.0%} by {gate.scorer}, +{gate.minimum_gain:.0%} over the base, {gate.minimum_cases}+ cases"
    )
    return {
        "name": manifest.name,
        "version": manifest.version,
        "state": state,
        "kind": manifest.kind,
        "prompt_only": manifest.kind == "prompt",
        "base": manifest.base.name,
        "domain": manifest.domain,
        "description": manifest.description,
        "licence": manifest.licence,
        "authors": list(manifest.authors),
        "gate": asks,
    }


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
