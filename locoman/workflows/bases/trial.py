"""A room to try a base in: a LOCOMAN_HOME of its own, so that nothing of what is installed here changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import tomli_w

from locoman.catalog.shelf import Shelf
from locoman.catalog.spec import BaseSpec
from locoman.contracts import Engine
from locoman.errors import MissingPrerequisite
from locoman.progress import Progress, Stages
from locoman.settings import config_document, read_config
from locoman.store.atomic import mapped, write_atomic
from locoman.store.home import Home
from locoman.store.registry import InstalledBase, load_registry
from locoman.workflows.collection import base_file
from locoman.workflows.install import execute_install, in_place, plan_install
from locoman.workflows.provide.ollama import OllamaProvider
from locoman.workflows.provide.provider import BaseGguf, Offer, Provider

_ENGINE = ("engine.threads", "engine.memory", "engine.launcher")

Engines = Callable[[Home], AbstractContextManager[Engine]]
"""Makes an engine that serves a home, and ends all of it at the exit."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What trying out needs: the user's own home, what there is, how bases come here, who answers, what is told."""

    home: Home
    shelf: Shelf
    providers: tuple[Provider, ...]
    engines: Engines
    stages: Stages


@dataclass(frozen=True, slots=True)
class Trial:
    """A base installed in a room of its own, and who answers there."""

    home: Home
    spec: BaseSpec
    base: InstalledBase
    engine: Engine

    @property
    def gguf(self) -> Path:
        """The base's file."""
        return base_file(self.home, self.base)

    def install(self, package: Path, stages: Stages) -> None:
        """Adds the adapter in the folder `package`. Raises LocomanError."""
        plan = plan_install(self.home, _shelf(self.spec), (), self.spec.ref, (str(package),))
        execute_install(self.home, plan, stages)


class InstalledFile:
    """A provider: the file of a base that is installed in the user's own home, used where it lies."""

    name = "this home"

    def __init__(self, home: Home) -> None:
        self._home = home

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        self._find(spec)
        return Offer(self.name, "the file that is installed here is used", 0, 0)

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`."""
        base = self._find(spec)
        return BaseGguf(base_file(self._home, base).absolute(), "ollama", base.sha256, base.bytes)

    def _find(self, spec: BaseSpec) -> InstalledBase:
        base = load_registry(self._home.registry).find_base(spec.ref.name)
        if base is None or not in_place(self._home, base):
            raise MissingPrerequisite(f"{spec.ref} is not installed here.")
        return base


class Borrowed:
    """A provider as a trial uses it: what it downloads stays in downloads for the next who needs it, and Ollama is asked
    for what it has but pulls nothing, because what it pulls is to be recorded where it is installed."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def name(self) -> str:
        """See `Provider`."""
        return self._provider.name

    def offer(self, spec: BaseSpec) -> Offer:
        """See `Provider`."""
        offer = self._provider.offer(spec)
        if isinstance(self._provider, OllamaProvider) and offer.download_bytes:
            raise MissingPrerequisite(f"{spec.ref} is not in Ollama yet.")
        return offer

    def provide(self, spec: BaseSpec, staging: Path, progress: Progress) -> BaseGguf:
        """See `Provider`."""
        file = self._provider.provide(spec, staging, progress)
        if file.path.resolve().is_relative_to(staging.resolve()):
            return file
        return replace(file, path=file.path.absolute(), origin="ollama")  # somebody else's file: used where it lies


@contextmanager
def open_trial(bench: Bench, spec: BaseSpec, room: Path) -> Iterator[Trial]:
    """Installs the base of `spec` in the folder `room` and ends whatever ran there when done.

    What was installed there before is used again. Raises LocomanError, NoSource for a base that cannot be brought here.
    """
    home = Home(room)
    _furnish(bench, spec, home)
    providers: tuple[Provider, ...] = (InstalledFile(bench.home), *(Borrowed(each) for each in bench.providers))
    plan = plan_install(home, _shelf(spec), providers, spec.ref)
    base = execute_install(home, plan, bench.stages).base
    with bench.engines(home) as engine:
        yield Trial(home, spec, base, engine)


def clear(room: Path) -> None:
    """Takes the room away; its evidence is elsewhere. What another process still holds (Windows) stays."""
    shutil.rmtree(room, ignore_errors=True)


def _furnish(bench: Bench, spec: BaseSpec, home: Home) -> None:
    """The spec with its chat template, and how engines are run here."""
    template = spec.chat_template()
    with mapped(spec.path):
        write_atomic(home.modelfiles / spec.path.name, spec.path.read_bytes())
    write_atomic(home.modelfiles / spec.spec.template.chat, template.encode())
    chosen = {key: value for key, value in read_config(bench.home.config).items() if key in _ENGINE}
    write_atomic(home.config, tomli_w.dumps(config_document(chosen)).encode())


def _shelf(spec: BaseSpec) -> Shelf:
    """The folder that the spec was found in: its checkpoint may lie there too. No adapters."""
    return Shelf((spec.path.parent,), ())
