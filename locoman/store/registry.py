"""registry.toml: what is installed. What is not in it does not exist."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import tomli_w
from msgspec import Meta, Struct, field, structs, to_builtins

from locoman.documents import read_toml
from locoman.errors import InvalidFile, LocomanError, NothingInstalled, UnknownName
from locoman.names import AdapterRef, BaseRef, Version, check_name, nearest
from locoman.store.atomic import write_atomic
from locoman.store.migrations import Migration, Succession

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class InstalledBase(Struct, frozen=True, forbid_unknown_fields=True):
    """A base on this machine.

    `gguf` is relative to LOCOMAN_HOME for a file of our own, absolute for Ollama's blob (origin "ollama"), which is that of
    the model `tag` there ("": of the one that the base's spec names). `router` is the fitted router for its adapters,
    relative. `active` maps a domain to "name@version", `previous` the name of an adapter to the "name@version" that was
    active before (which may be gone).
    """

    name: str
    gguf: str
    origin: Literal["converted", "downloaded", "ollama", "bundle"]
    sha256: Sha256
    bytes: Annotated[int, Meta(gt=0)]
    fingerprint: str
    router: str
    active: dict[str, str] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    tag: str = ""


class InstalledAdapter(Struct, frozen=True, forbid_unknown_fields=True):
    """One version of an adapter for one base; `package` and `gguf` are relative, `gguf` "" for a prompt-only adapter.

    `source` is where it came from: the name of a `contracts.Source`, "" for what ships.
    """

    name: str
    version: str
    domain: str
    base: str
    kind: Literal["lora", "prompt"]
    package: str
    gguf: str = ""
    sha256: str = ""
    source: str = ""

    @property
    def ref(self) -> AdapterRef:
        """Name and version."""
        return AdapterRef(self.name, Version.parse(self.version))


StrategyName = Literal["native", "merged", "split", "hotswap"]
"""How adapters get into Ollama; see locoman/ollama/strategies."""


class OllamaFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of weights among Ollama's blobs; `copied_from` is the digest of the base file of which it is an unchanged part."""

    sha256: Sha256
    bytes: Annotated[int, Meta(ge=0)]
    copied_from: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""


class OllamaModel(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that locoman made in Ollama; no other is ever deleted there.

    Written before the model is made, with `recipe` "" until it is whole, so that nothing of ours is ever without a record.

    Args:
        adapter: "name@version"; "" for the base itself.
        strategy: how the adapter got in; for the base itself "created" from a file of ours, or "pulled" for locoman.
        recipe: a digest of all that the model is made of; another one means that it is out of date.
        manifest: the sha256 of the manifest that Ollama wrote last; another one means that somebody else changed the model.
        files: the weights that were handed over for it, in their order; the base's own file is not among an adapter's.
    """

    tag: str
    base: str
    adapter: str
    strategy: Literal["native", "merged", "split", "created", "pulled"]
    recipe: str = ""
    manifest: str = ""
    files: tuple[OllamaFile, ...] = ()


class OllamaRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """What locoman did in Ollama: the strategy asked for last ("" before the first sync) and by which version."""

    strategy: StrategyName | Literal["", "auto"] = ""
    version: str = ""
    models: tuple[OllamaModel, ...] = ()

    def find(self, tag: str) -> OllamaModel | None:
        """The record of a tag; Ollama does not tell upper from lower case."""
        return next((model for model in self.models if model.tag.lower() == tag.lower()), None)

    def with_model(self, model: OllamaModel) -> OllamaRecord:
        """A record in which `model` replaces the one of the same tag."""
        return structs.replace(self, models=(*self.without(model.tag).models, model))

    def without(self, tag: str) -> OllamaRecord:
        """A record that does not know the tag."""
        return structs.replace(self, models=tuple(m for m in self.models if m.tag.lower() != tag.lower()))


class Registry(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole registry; `base` is the one in use, "" before the first install; `migrations` stand in their order."""

    format: Literal[1] = 1
    base: str = ""
    bases: tuple[InstalledBase, ...] = ()
    adapters: tuple[InstalledAdapter, ...] = ()
    ollama: OllamaRecord = field(default_factory=OllamaRecord)
    migrations: tuple[Migration, ...] = ()

    @property
    def migration(self) -> Migration | None:
        """The change of base that is not over yet."""
        return next((migration for migration in self.migrations if migration.open), None)

    @property
    def last_migration(self) -> Migration | None:
        """The change of base that goes on, else the one that was over last."""
        return self.migration or next(reversed(self.migrations), None)

    @property
    def succession(self) -> Succession | None:
        """The last change of base that is in force; None when none is, and the specs' own status holds."""
        for migration in reversed(self.migrations):
            if migration.phase in ("switched", "retired"):
                previous = migration.old if migration.phase == "switched" else ""
                return Succession(migration.new, previous, migration.academic_year)
        return None

    def with_migration(self, migration: Migration) -> Registry:
        """A registry in which `migration` replaces the one of the same id."""
        others = tuple(m for m in self.migrations if m.id != migration.id)
        return structs.replace(self, migrations=(*others, migration))

    def fallback_of(self, base: InstalledBase) -> tuple[InstalledAdapter, ...]:
        """The adapters of the previous base that answer beside `base`, which has no version of them; sorted by name."""
        migration = self.migration
        if migration is None or migration.phase != "switched" or migration.new != base.name:
            return ()
        own = {adapter.name for adapter in self.active_of(base)} | set(base.active)
        chosen = set(migration.fallback.values())
        found = (a for a in self.adapters_of(migration.old) if str(a.ref) in chosen)
        return tuple(sorted((a for a in found if not {a.name, a.domain} & own), key=lambda a: a.name))

    def find_base(self, name: str) -> InstalledBase | None:
        """The installed base of that name."""
        return next((base for base in self.bases if base.name == name), None)

    def current(self) -> InstalledBase:
        """The base in use. Raises NothingInstalled."""
        base = self.find_base(self.base)
        if base is None:
            raise NothingInstalled
        return base

    def adapters_of(self, base: str) -> tuple[InstalledAdapter, ...]:
        """Every installed version for that base."""
        return tuple(adapter for adapter in self.adapters if adapter.base == base)

    def active_of(self, base: InstalledBase) -> tuple[InstalledAdapter, ...]:
        """The adapters that answer on that base, sorted by name."""
        chosen = set(base.active.values())
        return tuple(sorted((a for a in self.adapters_of(base.name) if str(a.ref) in chosen), key=lambda a: a.name))

    def find_adapter(self, base: str, ref: AdapterRef) -> InstalledAdapter:
        """The named version, or without one the active (else the newest). Raises UnknownName."""
        versions = [a for a in self.adapters_of(base) if a.name == ref.name]
        if not versions:
            known = {a.name for a in self.adapters_of(base)}
            raise UnknownName("installed adapter", ref.name, nearest(ref.name, known))
        if ref.version is not None:
            found = next((a for a in versions if a.ref == ref), None)
            if found is None:
                raise UnknownName("installed adapter", str(ref), [str(a.ref) for a in versions])
            return found
        installed = self.find_base(base)
        active = set(installed.active.values()) if installed else set()
        return max(versions, key=lambda a: (str(a.ref) in active, a.ref.version))

    def with_base(self, base: InstalledBase) -> Registry:
        """A registry in which `base` replaces the one of the same name."""
        return structs.replace(self, bases=(*(b for b in self.bases if b.name != base.name), base))

    def with_adapter(self, adapter: InstalledAdapter) -> Registry:
        """A registry in which `adapter` replaces the same version for the same base."""
        key = (adapter.base, adapter.ref)
        return structs.replace(self, adapters=(*(a for a in self.adapters if (a.base, a.ref) != key), adapter))

    def names(self) -> frozenset[str]:
        """Of all installed adapters, for whatever base."""
        return frozenset(adapter.name for adapter in self.adapters)

    def files(self) -> frozenset[str]:
        """Every relative path that the registry refers to."""
        own = {base.gguf for base in self.bases if base.origin != "ollama"}
        return frozenset(own | {b.router for b in self.bases if b.router} | {a.package for a in self.adapters})


def load_registry(path: Path) -> Registry:
    """The registry, empty when there is no file. Raises InvalidFile when it cannot be one."""
    if not path.exists():
        return Registry()
    registry = read_toml(path, Registry)
    try:
        _check(registry)
    except LocomanError as error:
        raise InvalidFile(path, str(error).rstrip(".")) from error
    except ValueError as error:
        raise InvalidFile(path, str(error)) from error
    return registry


def save_registry(path: Path, registry: Registry) -> None:
    """The commit: one atomic write. Raises StoreError."""
    write_atomic(path, written(registry))


def written(registry: Registry) -> bytes:
    """What the file of `registry` holds, the same for the same. Raises ValueError, InvalidName where it contradicts itself."""
    _check(registry)
    return tomli_w.dumps(to_builtins(registry)).encode()


def _check(registry: Registry) -> None:
    """Raises ValueError or InvalidName where the registry contradicts itself or points outside its folder."""
    for base in registry.bases:
        BaseRef.parse(base.name)
        known = {str(a.ref) for a in registry.adapters_of(base.name)}
        missing = sorted(set(base.active.values()) - known)
        if missing:
            raise ValueError(f"the active adapter {missing[0]} is not installed for {base.name}")
    for adapter in registry.adapters:
        check_name(adapter.name, "an adapter")
        Version.parse(adapter.version)
    if registry.base and registry.find_base(registry.base) is None:
        raise ValueError(f"the base in use, {registry.base!r}, is not installed")
    if sum(migration.open for migration in registry.migrations) > 1:
        raise ValueError("two changes of base are going on at once")
    for migration in registry.migrations:
        check_name(migration.id, "a migration")
        BaseRef.parse(migration.old)
        BaseRef.parse(migration.new)
    for name in registry.files() | {a.gguf for a in registry.adapters if a.gguf}:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise ValueError(f"the path {name!r} leaves the folder")
