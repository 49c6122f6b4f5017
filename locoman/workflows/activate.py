"""Chooses what answers: the base in use, or which version of an adapter answers for its domain."""

from __future__ import annotations

from msgspec import structs

from locoman.names import AdapterRef, BaseRef
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase
from locoman.store.transaction import change
from locoman.workflows.collection import installed_base, with_router


def use_base(home: Home, ref: BaseRef) -> InstalledBase:
    """Makes an installed base the one in use. Raises UnknownName."""
    with change(home) as tx:
        base = installed_base(tx.registry, ref)
        tx.commit(structs.replace(tx.registry, base=base.name))
        return base


def activate_adapter(home: Home, ref: AdapterRef) -> InstalledAdapter:
    """Makes an installed adapter (version) the one that answers for its domain on the base in use. Raises UnknownName."""
    with change(home) as tx:
        base = tx.registry.current()
        adapter = tx.registry.find_adapter(base.name, ref)
        if base.active.get(adapter.domain) == str(adapter.ref):
            return adapter
        others = {
            domain: active for domain, active in base.active.items() if AdapterRef.parse(active).name != adapter.name
        }
        registry = tx.registry.with_base(structs.replace(base, active=others | {adapter.domain: str(adapter.ref)}))
        tx.commit(with_router(tx, registry, base.name))
        return adapter
