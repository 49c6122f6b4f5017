"""What is evaluated: the suite or package that a word means, and who is asked, with everything that identifies him."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from locoman.catalog.manifest import AdapterPackage, read_package
from locoman.errors import InvalidFile, LocomanError, NothingInstalled, UnknownName
from locoman.evaluation.suite import Suite
from locoman.evaluation.suite_file import read_suite, suite_of
from locoman.names import AdapterRef, BaseRef, ModelName, nearest
from locoman.store.home import Home
from locoman.store.registry import InstalledAdapter, InstalledBase, Registry
from locoman.workflows.collection import installed_base

ALL = "all"


@dataclass(frozen=True, slots=True)
class SuiteSubject:
    """A suite, and the package it came with: the adapter whose gate it is."""

    suite: Suite
    package: AdapterPackage | None = None

    @property
    def owner(self) -> str:
        """The adapter whose own set it is; "" for nobody's."""
        return self.package.manifest.name if self.package is not None else ""


@dataclass(frozen=True, slots=True)
class ModelSubject:
    """Who is asked. `base_fingerprint` and the digest are "" where the engine is somebody else's server."""

    model: ModelName
    base: str
    base_fingerprint: str = ""
    adapter: str = ""
    adapter_digest: str = ""


def find_suites(home: Home, registry: Registry, base: InstalledBase | None, word: str) -> tuple[SuiteSubject, ...]:
    """What `word` means: "all", an installed adapter, a suite in LOCOMAN_HOME/suites, a suite's TOML, a package's folder.

    Raises UnknownName with the nearest, InvalidFile, StoreError; NothingInstalled for "all" without a base.
    """
    if word == ALL:
        if base is None:
            raise NothingInstalled
        packages = [read_package(home.root / adapter.package) for adapter in registry.active_of(base)]
        with_cases = [package for package in packages if package.evaluation_path.exists()]
        return tuple(SuiteSubject(suite_of(package), package) for package in with_cases)
    path = Path(word)
    if path.suffix == ".toml" and path.is_file() and path.name != "adapter.toml":
        return (SuiteSubject(read_suite(path)),)
    folder = path.parent if path.name == "adapter.toml" else path
    if (folder / "adapter.toml").is_file():
        package = read_package(folder)
        return (SuiteSubject(suite_of(package), package),)
    own = home.suites / f"{word}.toml"
    if own.is_file() and own.parent == home.suites:
        return (SuiteSubject(read_suite(own)),)
    return (_adapters_suite(home, registry, base, word),)


def known_suites(home: Home, registry: Registry, base: InstalledBase | None) -> tuple[SuiteSubject | LocomanError, ...]:
    """Every suite that can be named: those of the active adapters and those in LOCOMAN_HOME/suites; broken ones as errors."""
    found: list[SuiteSubject | LocomanError] = []
    for adapter in registry.active_of(base) if base is not None else ():
        try:
            package = read_package(home.root / adapter.package)
            if package.evaluation_path.exists():
                found.append(SuiteSubject(suite_of(package), package))
        except InvalidFile as error:
            found.append(error)
    for path in sorted(home.suites.glob("*.toml")):
        try:
            found.append(SuiteSubject(read_suite(path)))
        except InvalidFile as error:
            found.append(error)
    return tuple(found)


def find_model(home: Home, registry: Registry, model: ModelName, *, own: bool) -> ModelSubject:
    """Who answers as `model`. `own`: the engine serves what the registry says, and not something of its own.

    Raises NothingInstalled, UnknownName.
    """
    if not own:
        named = str(model.base) if model.base is not None else ""
        return ModelSubject(model, named, adapter=str(model.adapter) if model.adapter is not None else "")
    base = installed_base(registry, model.base)
    if model.kind == "base":
        return ModelSubject(model, base.name, base.fingerprint)
    if model.adapter is None:
        collection = [digest_of(home, adapter) for adapter in registry.active_of(base)]
        return ModelSubject(model, base.name, base.fingerprint, "auto", _hash([base.router, *collection]))
    adapter = registry.find_adapter(base.name, model.adapter)
    return ModelSubject(model, base.name, base.fingerprint, str(adapter.ref), digest_of(home, adapter))


def digest_of(home: Home, adapter: InstalledAdapter) -> str:
    """sha256 over what decides an adapter's answers: its weights and what it puts around a question."""
    prompt = read_package(home.root / adapter.package).manifest.prompt
    return _hash([adapter.sha256, prompt.system, prompt.repeat_question])


def on_base(model: ModelName, base: str | None) -> ModelName:
    """`model`, on the named base. Raises InvalidName."""
    return ModelName(model.kind, model.adapter, BaseRef.parse(base)) if base else model


def _adapters_suite(home: Home, registry: Registry, base: InstalledBase | None, word: str) -> SuiteSubject:
    names = {a.name for a in registry.adapters_of(base.name)} if base is not None else set()
    suites = {path.stem for path in home.suites.glob("*.toml")}
    name = word.partition("@")[0]
    if base is None or name not in names:
        raise UnknownName("suite", word, nearest(word, names | suites | {ALL}))
    adapter = registry.find_adapter(base.name, AdapterRef.parse(word))
    package = read_package(home.root / adapter.package)
    return SuiteSubject(suite_of(package), package)


def _hash(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
