"""Plans `adapter add`: names are looked for in the sources; paths and models in Ollama are understood one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from locoman.contracts import Listing, Source
from locoman.errors import InvalidFile, UsageError
from locoman.names import AdapterRef, BaseRef
from locoman.store.home import Home
from locoman.store.registry import load_registry
from locoman.workflows.add import AddPlan, plan_add, plan_pairs
from locoman.workflows.collection import installed_base
from locoman.workflows.importing.draft import ImportOptions
from locoman.workflows.importing.source import DraftSource
from locoman.workflows.importing.understand import is_path
from locoman.workflows.offers import Offers


def plan_anything(
    home: Home, texts: Sequence[str], options: ImportOptions, ask: Callable[[], Offers], read: Callable[[str], Source]
) -> tuple[AddPlan, tuple[str, ...]]:
    """The plan, and notes on what is not taken over. `ask` asks the sources, `read` makes a source of a path.

    Raises LocomanError as `plan_add` and `importing.understand` do; UsageError for options that have nothing to tell.
    """
    if not any(is_path(text) for text in texts):
        if options.ref or options.domain or options.description or options.licence:
            raise UsageError(
                "--name, --domain, --description and --licence are for something that is not a package yet."
            )
        return plan_add(home, ask(), [AdapterRef.parse(text) for text in texts], options.base), ()
    if len(texts) > 1:
        raise UsageError("Give one path at a time, or names alone.")
    source = read(texts[0])
    listing = _only(source, options, texts[0])
    notes = source.draft.notes if isinstance(source, DraftSource) else ()
    return plan_pairs(home, [(listing, source)], _base_for(home, listing, options.base)), notes


def _only(source: Source, options: ImportOptions, text: str) -> Listing:
    """The one package of a source, or of several the one that --name means."""
    found = source.listings()
    named = [listing for listing in found if options.ref in (None, listing.ref, AdapterRef(listing.ref.name))]
    if len(named) == 1:
        return named[0]
    names = ", ".join(str(listing.ref) for listing in found) or "none"
    raise InvalidFile(text, f"it has to be said which of its adapters is meant, with --name ({names})")


def _base_for(home: Home, listing: Listing, chosen: BaseRef | None) -> BaseRef:
    """The one that was named, else the package's own where it is installed, else the one in use."""
    registry = load_registry(home.registry)
    if chosen is None and registry.find_base(listing.base.name) is not None:
        return listing.base
    return BaseRef(installed_base(registry, chosen).name)
