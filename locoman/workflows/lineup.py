"""What a host serves: the base in use, its active adapters and its router, as the registry names them."""

from __future__ import annotations

from collections.abc import Callable

from locoman.catalog.manifest import AdapterPackage
from locoman.catalog.shelf import Shelf
from locoman.contracts import Decider, Engine, Lineup, ServedAdapter, ServedBase
from locoman.errors import InvalidFile, NothingInstalled, StoreError
from locoman.names import BaseRef
from locoman.routing.encoder.files import encoder_folder
from locoman.store.home import Home
from locoman.store.identity import stamp, stamp_of
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry, load_registry
from locoman.workflows.collection import active_packages, base_file, installed_base
from locoman.workflows.router.encoder_session import stamps


class RegistryLineup:
    """A `contracts.LineupSource` over one LOCOMAN_HOME; reads it again only when registry.toml was replaced, or what is
    known of arbiters, or the encoder.

    `say` hears when a router had to be fitted again or lacks its encoder, which its decisions tell as well; `engine` is who
    arbitrates where the router is
    unsure, if the base was measured to be good at it.
    """

    def __init__(
        self,
        home: Home,
        shelf: Shelf,
        say: Callable[[str], None] = lambda sentence: None,
        engine: Callable[[], Engine] | None = None,
    ) -> None:
        self._home = home
        self._shelf = shelf
        self._say = say
        self._engine = engine
        self._stamp = ""
        self._known: dict[str | None, Lineup] = {}
        self._news = list[str]()

    def current(self, base: str | None = None) -> Lineup:
        """See `contracts.LineupSource`."""
        now = self._stamp_now()
        if self._stamp != now:
            self._stamp, self._known = now, {}
        if base not in self._known:
            self._known[base] = self._read(base)
        return self._known[base]

    def _stamp_now(self) -> str:
        try:
            status = self._home.registry.stat()
        except FileNotFoundError:
            raise NothingInstalled from None
        except OSError as error:
            raise StoreError(self._home.registry, str(error)) from error
        encoder = stamps(encoder_folder(self._home.encoders))
        return f"{stamp_of(status)} {stamp(self._home.arbiters)} {encoder}"

    def _read(self, name: str | None) -> Lineup:
        registry = load_registry(self._home.registry)
        base = installed_base(registry, BaseRef(name) if name is not None else None)
        served = serve_base(self._home, self._shelf, registry, base)
        others = tuple(other.name for other in registry.bases if other.name != base.name)
        elsewhere = {adapter.name: adapter.base for adapter in registry.fallback_of(base)}
        return Lineup(served, self._decider(base), others, elsewhere)

    def _decider(self, base: InstalledBase) -> Decider:
        from locoman.workflows.router.noticing import Noticing
        from locoman.workflows.router.ready import FITTED_AGAIN, open_router

        standing: list[str] = []

        def heard(sentence: str) -> None:
            self._say(sentence)
            (self._news if sentence == FITTED_AGAIN else standing).append(sentence)

        return Noticing(open_router(self._home, base, heard, self._engine), self._news, standing)


def serve_base(home: Home, shelf: Shelf, registry: Registry, base: InstalledBase) -> ServedBase:
    """The base with its active adapters. Raises UnknownName, InvalidFile."""
    spec = shelf.spec(BaseRef(base.name))
    path = base_file(home, base)
    if not path.is_file() or path.stat().st_size != base.bytes:
        raise InvalidFile(path, f"the file of the base {base.name} is missing or was changed since it was installed")
    packages = active_packages(home, registry, base)
    adapters = zip(registry.active_of(base), packages, strict=True)
    return ServedBase(
        name=base.name,
        gguf=path,
        chat_template=spec.chat_template(),
        stop=spec.spec.template.stop,
        context=spec.spec.runtime.context,
        defaults=spec.spec.parameters.sampling(),
        adapters=tuple(_served(home, adapter, package) for adapter, package in adapters),
        memory=spec.spec.runtime.memory_bytes,
    )


def _served(home: Home, adapter: InstalledAdapter, package: AdapterPackage) -> ServedAdapter:
    prompt = package.manifest.prompt
    gguf = home.root / adapter.gguf if adapter.gguf else None
    if gguf is not None and not gguf.is_file():
        raise InvalidFile(gguf, f"the weights of the adapter {adapter.ref} are missing")
    return ServedAdapter(adapter.name, adapter.version, gguf, 1.0, prompt.system, prompt.repeat_question)
