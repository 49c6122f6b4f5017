"""Opens the router of a base; one that cannot be used is fitted again. Whoever routes from the shell waits for its imports."""

from __future__ import annotations

from collections.abc import Callable

from locoman.contracts import Engine
from locoman.errors import InvalidFile
from locoman.names import BaseRef
from locoman.routing.cascade import Router
from locoman.routing.encoder.files import encoder_folder
from locoman.routing.models import RouterModel
from locoman.routing.storage import load_model
from locoman.store.home import Home
from locoman.store.registry import InstalledBase
from locoman.workflows.collection import answering_packages, installed_base, router_file
from locoman.workflows.router.arbitration import arbiter_of
from locoman.workflows.router.installed_encoder import MISSING, Say, home_encoder

FITTED_AGAIN = "The router's file was damaged, or of another version: it was fitted again."


def open_router(home: Home, base: InstalledBase, say: Say, engine: Callable[[], Engine] | None = None) -> Router:
    """The router of `base`, ready to decide. Raises StoreError, InvalidFile (an adapter's own files)."""
    model, _ = usable_model(home, base, say)
    encoder = home_encoder(home, say)
    meant = model.learnt is not None and model.learnt.meaning is not None
    if meant and encoder is None and not encoder_folder(home.encoders).is_dir():
        say(MISSING)
    return Router.of(model, encoder, arbiter_of(home, base, engine) if engine is not None else None)


def usable_model(home: Home, base: InstalledBase, say: Say) -> tuple[RouterModel, InstalledBase]:
    """What the router of `base` knows, and the base as it is registered; a file that cannot be used is fitted again.

    Raises as `open_router`.
    """
    try:
        return load_model(router_file(home, base)), base
    except InvalidFile:
        from locoman.store.transaction import change
        from locoman.workflows.router.fitting import refit

        with change(home) as tx:
            current = installed_base(tx.registry, BaseRef(base.name))
            registry, _ = refit(tx, tx.registry, current, answering_packages(home, tx.registry, current))
            tx.commit(registry)
            base = installed_base(registry, BaseRef(base.name))
        say(FITTED_AGAIN)
        return load_model(router_file(home, base)), base
