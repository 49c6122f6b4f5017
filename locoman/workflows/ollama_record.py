"""What locoman makes in Ollama is recorded before and after, so that nothing of its own is ever there without a record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import structs

from locoman.errors import LocomanError
from locoman.ollama.api import OllamaApi
from locoman.ollama.strategies.strategy import Made
from locoman.store.registry import OllamaModel, OllamaRecord
from locoman.store.transaction import Transaction
from locoman.workflows.ollama_models import Holdings


@contextmanager
def intention(
    tx: Transaction, api: OllamaApi, draft: OllamaModel, before: OllamaModel | None, manifest: str
) -> Iterator[None]:
    """Records `draft` as unfinished while the block makes it; `manifest` is that of the model of ours it replaces, "" for none.

    Where the block raises a LocomanError and Ollama still has what it had, the record is what it was, too. A kill leaves
    the unfinished record, for the next sync.
    """
    files = before.files if before else ()
    commit_ollama(tx, tx.registry.ollama.with_model(structs.replace(draft, recipe="", manifest=manifest, files=files)))
    try:
        yield
    except LocomanError:
        _take_back(tx, api, draft.tag, before)
        raise


def finished(tx: Transaction, api: OllamaApi, draft: OllamaModel, recipe: str, made: Made) -> OllamaModel:
    """The record of a model that is whole now. Nothing is committed. Raises OllamaUnavailable, OllamaRefused."""
    manifest = Holdings.of(api).manifest(draft.tag)
    return structs.replace(draft, recipe=recipe, manifest=manifest, files=made.files)


def commit_ollama(tx: Transaction, ollama: OllamaRecord) -> None:
    """Commits what is known of Ollama, and nothing else."""
    tx.commit(structs.replace(tx.registry, ollama=ollama))


def _take_back(tx: Transaction, api: OllamaApi, tag: str, before: OllamaModel | None) -> None:
    try:
        now = Holdings.of(api).manifest(tag)
    except LocomanError:
        return  # the record stays, and the next sync looks again
    if now == (before.manifest if before else ""):
        rest = tx.registry.ollama.without(tag)
        commit_ollama(tx, rest.with_model(before) if before else rest)
