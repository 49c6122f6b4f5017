"""locoman adapter search"""

from __future__ import annotations

from typing import Any

import click

from locoman.app import App
from locoman.cli.command import command as make
from locoman.cli.output import Output
from locoman.contracts import Listing
from locoman.sizes import megabytes
from locoman.store.registry import Registry
from locoman.workflows.offers import ask_sources


@make("search")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--from", "sources", multiple=True, metavar="FOLDER|URL|BUNDLE", help="Only this source (repeatable).")
def search(app: App, out: Output, words: tuple[str, ...], sources: tuple[str, ...]) -> None:
    """Find adapters that could be added: all, or those in which every WORD stands.

    \b
    Examples:
      locoman adapter search
      locoman adapter search dates
      locoman adapter search --from https://adapters.example.org/index.json
    """
    offers = ask_sources(app.sources(sources))
    registry = app.registry()
    documents = [_describe(listing, registry) for listing in offers.matching(words)]
    failed = [{"source": source, "reason": reason} for source, reason in offers.failed]
    for each in failed:
        out.note(f"Not asked: {each['source']}: {each['reason']}.")
    rows = [
        (
            f"{d['name']}@{d['version']}",
            d["state"],
            d["base"],
            megabytes(d["disk_bytes"]),
            d["source"],
            d["description"],
        )
        for d in documents
    ]
    columns = ("ADAPTER", "STATE", "BASE", "SIZE", "SOURCE", "DESCRIPTION")
    out.result({"adapters": documents, "failed": failed}, lambda: out.table(columns, rows))


def _describe(listing: Listing, registry: Registry) -> dict[str, Any]:
    have = any(a.ref == listing.ref and a.base == listing.base.name for a in registry.adapters)
    return {
        "name": listing.ref.name, "version": str(listing.ref.version), "state": "installed" if have else "available",
        "base": listing.base.name, "domain": listing.domain, "kind": listing.kind, "description": listing.description,
        "licence": listing.licence, "source": listing.source, "download_bytes": listing.bytes,
        "disk_bytes": listing.disk_bytes,
    }  # fmt: skip
